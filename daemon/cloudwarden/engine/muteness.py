"""Muteness: scopes in which no metric could be read, of which a few are asked before the others are paid for.

What is asked counts as spent, whatever the answer. An account in which CloudWatch is denied, or a region in which it is
down, would spend the whole estate's day on nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from cloudwarden.core.errors import (
    AccessDenied,
    CredentialsExpired,
    RegionDisabled,
    Throttled,
    Timeout,
    Unavailable,
)
from cloudwarden.core.evidence import Answers, Unreadable
from cloudwarden.core.metric import MetricQuery
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.engine.demand import Demand
from cloudwarden.lately import Lately

FEW_SERIES = 10
"""Series by which a scope is tried. More than one, since a single one may be at fault itself."""

OF_THE_SCOPE = frozenset(
    one.reason for one in (AccessDenied, CredentialsExpired, RegionDisabled, Throttled, Timeout, Unavailable)
)
"""Why nothing can be read in a scope, whatever is asked; other reasons are about a question."""


class Muteness:
    """Remembers where the latest answers told nothing. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._causes: Lately[Scope, Cause] = Lately(clock)

    def parted(self, demand: Demand) -> tuple[Demand, Demand] | None:
        """The few that are asked first, and the others; None where all may be asked at once."""
        if len(demand.payers) <= FEW_SERIES or self._causes.get(demand.scope) is None:
            return None
        return demand.parted(FEW_SERIES)

    def spared(self, few: Demand, others: Demand) -> tuple[Demand, Answers]:
        """What of the others is asked after the few were, and what they tell of the rest.

        Where the budget had nothing left for the few, they tell nothing: it says so of the others itself.
        """
        cause = self._causes.get(few.scope)
        if cause is None or not few.queries:
            return others, {}
        metrics, details = others.parted(len(others.payers))
        return details, dict.fromkeys(metrics.queries, Unreadable(cause=cause))

    def heed(self, scope: Scope, answers: Answers) -> None:
        """What was answered in a scope; metrics that were not asked for say nothing."""
        told = [answer for query, answer in answers.items() if isinstance(query, MetricQuery)]
        unread = [one.cause for one in told if isinstance(one, Unreadable) and one.cause.reason in OF_THE_SCOPE]
        if told and len(unread) == len(told):
            self._causes.keep(scope, unread[0])
        elif told:
            self._causes.drop(scope)
