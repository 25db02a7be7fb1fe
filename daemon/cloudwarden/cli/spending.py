"""What a verb asked of CloudWatch, which bills it and the day's budget counts it."""

from __future__ import annotations

from cloudwarden.engine.budget import dollars
from cloudwarden.engine.events import MetricsBudgeted


class Spending:
    """A reporter that hears what is taken from the budget, one process's part of it."""

    def __init__(self) -> None:
        self.metrics = 0
        self._day: MetricsBudgeted | None = None

    def report(self, event: object) -> None:
        """Count what was granted."""
        if isinstance(event, MetricsBudgeted):
            self.metrics += event.granted
            self._day = event

    def __str__(self) -> str:
        if self._day is None:
            return "CloudWatch was asked for nothing"
        return (
            f"CloudWatch was asked for {self.metrics} metrics, ${dollars(self.metrics):.5f}; "
            f"{self._day.spent:,} of the day's {self._day.budget:,} are spent"
        )
