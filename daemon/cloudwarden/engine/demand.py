"""Demand: what the rules of one round ask of one scope, who asked first, and who pays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cloudwarden.core.evidence import Query
from cloudwarden.core.metric import MetricQuery
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Severity

_SEVERITIES = tuple(Severity)


@dataclass(frozen=True, kw_only=True, slots=True)
class Want:
    """A question, and the policy whose rule asked it."""

    policy: AnyPolicy
    query: Query[object]


class Demand:
    """What is asked of a scope in one round, `wants` in the order in which they come first.

    A metric series that several ask for is asked once; the first of them pays. Metrics are billed by the series,
    whatever the window.
    """

    def __init__(self, scope: Scope, wants: Sequence[Want]) -> None:
        self.scope = scope
        self._wants = wants
        self.payers: dict[MetricQuery, AnyPolicy] = {}
        self._queries = dict.fromkeys(want.query for want in wants)
        self._refused: set[MetricQuery] = set()
        metrics = [(want.query.series, want.policy) for want in wants if isinstance(want.query, MetricQuery)]
        for series, policy in metrics:
            self.payers.setdefault(series, policy)
        self.shared = len(metrics) - len(self.payers)

    def parted(self, most: int) -> tuple[Demand, Demand]:
        """What is asked of the first `most` series, and everything else."""
        first = set(list(self.payers)[:most])
        of_first = [isinstance(want.query, MetricQuery) and want.query.series in first for want in self._wants]
        parts = list(zip(self._wants, of_first, strict=True))
        return (
            Demand(self.scope, [want for want, belongs in parts if belongs]),
            Demand(self.scope, [want for want, belongs in parts if not belongs]),
        )

    def refuse(self, series: Sequence[MetricQuery]) -> None:
        """Do not ask for these."""
        self._refused.update(series)

    @property
    def queries(self) -> Sequence[Query[object]]:
        """The questions to ask, each once."""
        return [query for query in self._queries if not self._is_refused(query)]

    @property
    def refused(self) -> Sequence[Query[object]]:
        """The questions not to ask."""
        return [query for query in self._queries if self._is_refused(query)]

    @property
    def requested(self) -> Mapping[str, int]:
        """How many metric series are asked for, by the name of the policy that pays."""
        return Counter(policy.name for series, policy in self.payers.items() if series not in self._refused)

    def _is_refused(self, query: Query[object]) -> bool:
        return bool(self._refused) and isinstance(query, MetricQuery) and query.series in self._refused


def first_first(wants: Sequence[Want], now: datetime) -> Sequence[Want]:
    """Wants in the order of `precedence`; those of one policy stay in theirs."""
    ranks = {want.policy.name: precedence(want.policy, now) for want in wants}
    return sorted(wants, key=lambda want: ranks[want.policy.name])


def precedence(policy: AnyPolicy, now: datetime) -> tuple[int, float, str]:
    """Lower comes first: the more severe, then the one with the shorter interval, then by name."""
    return -_SEVERITIES.index(policy.severity), policy.schedule.interval_at(now).total_seconds(), policy.name
