"""The day's budget of CloudWatch metrics: what may still be asked for, and who waits when it runs out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from cloudwarden.core.errors import StoreError
from cloudwarden.core.metric import MetricQuery
from cloudwarden.core.verdict import Cause, Reason, Severity
from cloudwarden.engine.demand import Demand, precedence
from cloudwarden.engine.events import JournalFailed, MetricsBudgeted
from cloudwarden.ports import Clock, Reporter, Store

DOLLARS_PER_THOUSAND_METRICS = 0.01
"""What GetMetricData costs, whatever the window. Source: "Amazon CloudWatch pricing", Metrics requested using
GetMetricData."""

SHARES: Mapping[Severity, float] = {
    Severity.LOW: 0.7,
    Severity.MEDIUM: 0.8,
    Severity.HIGH: 0.9,
    Severity.CRITICAL: 1.0,
}
"""Up to which part of a day's budget policies of a severity may ask.

The rest is kept for more severe ones: else a low policy could spend in the morning what a critical one needs at
night."""

OVER_BUDGET = Cause(
    reason=Reason.BUDGET,
    detail="not asked: the day's budget of CloudWatch metrics is spent for this severity, or the store could not count",
)


Wants = Sequence[tuple[Severity, int]]
"""How many metrics are wanted for which severity, in the order in which they come first; plain data."""


class Budget(Protocol):
    """What says how many metrics may be asked for, in this process or in the one that keeps the store."""

    def grant(self, wants: Wants) -> int:
        """How many of these, the first first, may be asked for; they count as spent."""
        ...


class MetricBudget:
    """At most `per_day` metrics from one UTC midnight to the next, over all scopes, processes and restarts.

    What is about to be asked is first taken from the store's row of the day, so that a crash loses the answer and
    never the count. A store that cannot be written grants nothing.
    """

    def __init__(self, *, store: Store, per_day: int, clock: Clock, reporter: Reporter) -> None:
        self._store = store
        self._per_day = per_day
        self._clock = clock
        self._reporter = reporter

    def grant(self, wants: Wants) -> int:
        """How many of these, the first first, may be asked for; they count as spent."""
        day = self._clock.now().astimezone(UTC).date()
        try:
            with self._store.transaction() as tx:
                spent = tx.spending.metrics(day)
                granted = affordable(wants, spent, self._per_day)
                tx.spending.save(day, spent + granted)
        except StoreError as error:
            self._reporter.report(JournalFailed(run_id="", detail=str(error)))
            return 0
        wanted = sum(number for _, number in wants)
        self._reporter.report(
            MetricsBudgeted(
                run_id="",
                granted=granted,
                spent=spent + granted,
                budget=self._per_day,
                refused=wanted - granted,
            )
        )
        return granted


def spend(budget: Budget, demands: Sequence[Demand], now: datetime) -> None:
    """Take from the budget what the demands ask for, and refuse the rest: the least severe policies' first."""
    wanted = [(policy, series, demand) for demand in demands for series, policy in demand.payers.items()]
    if not wanted:
        return
    ranks = {policy.name: precedence(policy, now) for policy, _, _ in wanted}
    wanted.sort(key=lambda want: ranks[want[0].name])
    # The more severe come first, so each severity's are together.
    granted = budget.grant(tuple(Counter(policy.severity for policy, _, _ in wanted).items()))
    refused: dict[Demand, list[MetricQuery]] = {}
    for _, series, demand in wanted[granted:]:
        refused.setdefault(demand, []).append(series)
    for demand, series_refused in refused.items():
        demand.refuse(series_refused)


def affordable(wants: Wants, spent: int, per_day: int) -> int:
    """How many of the wants, most severe first, fit in what is left to each of their severities."""
    granted = 0
    for severity, wanted in wants:
        left = max(0, int(per_day * SHARES[severity]) - spent - granted)
        granted += min(wanted, left)
        if left < wanted:
            break
    return granted


def dollars(metrics: int) -> float:
    """What so many metrics cost."""
    return metrics / 1000 * DOLLARS_PER_THOUSAND_METRICS
