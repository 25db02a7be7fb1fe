"""The day's budget of CloudWatch metrics: what may still be asked for, and who waits when it runs out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cloudwarden.core.errors import StoreError
from cloudwarden.core.metric import MetricQuery
from cloudwarden.core.verdict import Cause, Reason, Severity
from cloudwarden.engine.demand import Demand, precedence
from cloudwarden.engine.events import JournalFailed, MetricsBudgeted
from cloudwarden.ports import Reporter, Store

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
    reason=Reason.BUDGET, detail="not asked: the day's budget of CloudWatch metrics is spent for this severity"
)


class MetricBudget:
    """At most `per_day` metrics from one UTC midnight to the next, over all scopes and restarts.

    What is about to be asked is first taken from the store's row of the day, so that a crash loses the answer and
    never the count. A store that cannot be written grants nothing.
    """

    def __init__(self, *, store: Store, per_day: int, reporter: Reporter) -> None:
        self._store = store
        self._per_day = per_day
        self._reporter = reporter

    def apply(self, demands: Sequence[Demand], now: datetime) -> None:
        """Take from the budget what the demands ask for, and refuse the rest: the least severe policies' first."""
        wanted = [(policy, series, demand) for demand in demands for series, policy in demand.payers.items()]
        if not wanted:
            return
        ranks = {policy.name: precedence(policy, now) for policy, _, _ in wanted}
        wanted.sort(key=lambda want: ranks[want[0].name])
        granted = self._granted([policy.severity for policy, _, _ in wanted], now)
        refused: dict[Demand, list[MetricQuery]] = {}
        for _, series, demand in wanted[granted:]:
            refused.setdefault(demand, []).append(series)
        for demand, series_refused in refused.items():
            demand.refuse(series_refused)

    def _granted(self, severities: Sequence[Severity], now: datetime) -> int:
        """How many of these, the first first, may be asked for; they count as spent."""
        day = now.astimezone(UTC).date()
        try:
            with self._store.transaction() as tx:
                spent = tx.spending.metrics(day)
                granted = affordable(severities, spent, self._per_day)
                tx.spending.save(day, spent + granted)
        except StoreError as error:
            self._reporter.report(JournalFailed(run_id="", detail=str(error)))
            return 0
        self._reporter.report(
            MetricsBudgeted(run_id="", spent=spent + granted, budget=self._per_day, refused=len(severities) - granted)
        )
        return granted


def affordable(severities: Sequence[Severity], spent: int, per_day: int) -> int:
    """How many of the wants, most severe first, fit in what is left to each of their severities."""
    for number, severity in enumerate(severities):
        if spent + number >= int(per_day * SHARES[severity]):
            return number
    return len(severities)


def dollars(metrics: int) -> float:
    """What so many metrics cost."""
    return metrics / 1000 * DOLLARS_PER_THOUSAND_METRICS
