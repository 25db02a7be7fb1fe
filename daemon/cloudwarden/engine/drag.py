"""Drag: what a slow region costs a sweep, and from when on it is not asked in it any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low

from cloudwarden.core.detail import Detail
from cloudwarden.core.errors import Timeout
from cloudwarden.core.evidence import Query
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Cause

LATE_SECONDS = 5.0
"""A reading of little that took so long is late: it is one answer, and comes within a second or two where all is well.
A batch in which a place is in time takes as much back of what it cost before: now and then is not always."""

TIMES_USUAL = 4.0
"""How many times as long as most others of its batch it must have taken, too: where everything is slow, the machine or
the network is, and no region."""

FEW = 50
"""Resources that fit on one page of every service, or metrics that one call asks for. What is larger may take long for
being large, and is never late."""

DETAIL_SIZE = 10
"""Metrics that a question counts for which is a call of its own."""

LEAST_SECONDS = 2.0
"""A batch that took no longer than that without need was not held up."""

ACCOUNTS = 4
"""Accounts that it takes at least, whatever each of them cost: one scope may be odd."""

Place = tuple[str, str]
"""A service, or `evidence` of any, in a region."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One listing, or what was asked of one scope in a round, by `Clock.monotonic`; `size` is as in `FEW`."""

    place: Place
    began: float
    ended: float
    size: int

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


class Drag:
    """What each place cost one sweep, in one process. One that cost `allowance_seconds` is not asked in it again.

    Scopes are read a batch at a time, and a batch waits for the slowest of its own. Where that is the same region in
    every account, a thousand accounts wait a thousand times.
    """

    def __init__(self, allowance_seconds: float) -> None:
        self._allowance = allowance_seconds
        self._cost: defaultdict[Place, float] = defaultdict(float)

    def refusal(self, place: Place) -> Cause | None:
        """Why a place is not asked any more, if so."""
        if self._cost.get(place, 0.0) < self._allowance:
            return None
        service, region = place
        detail = f"{service} in {region}: not asked, for it held up this sweep for {self._allowance:.0f} s"
        return Cause(reason=Timeout.reason, detail=detail)

    def add(self, readings: Sequence[Reading], threads: int) -> None:
        """One batch was read, by so many threads at once; what was refused in it is no reading."""
        costs = drags(readings, threads)
        for place in {one.place for one in readings}:
            cost = min(costs[place], self._allowance / ACCOUNTS) if place in costs else -LATE_SECONDS
            self._cost[place] = max(0.0, self._cost[place] + cost)


def drags(readings: Sequence[Reading], threads: int) -> Mapping[Place, float]:
    """The places that held up a batch, and for how many seconds.

    Without what is late, it would have taken as long as the longest other reading, or as these keep the threads busy.
    So what is late while something large is read anyway costs nothing, and what keeps threads from others does.
    """
    if not readings:
        return {}
    limit = max(LATE_SECONDS, TIMES_USUAL * median_low(one.seconds for one in readings))
    late = [one for one in readings if one.size <= FEW and one.seconds >= limit]
    others = [one.seconds for one in readings if one.size > FEW or one.seconds < limit]
    took = max(one.ended for one in readings) - min(one.began for one in readings)
    held_up = took - max(sum(others) / threads, max(others, default=0.0))
    if held_up < LEAST_SECONDS:
        return {}
    own: defaultdict[Place, float] = defaultdict(float)
    for one in late:
        own[one.place] += one.seconds
    return {place: min(held_up, seconds) for place, seconds in own.items()}


def listed_in(kind: type[Resource], scope: Scope) -> Place:
    """The place that lists a kind in a scope: one that is slow is so for all kinds of its service."""
    return kind.kind.partition(".")[0], scope.region


def asked_in(scope: Scope) -> Place:
    """The place that answers what rules ask about a scope."""
    return "evidence", scope.region


def size_of(queries: Collection[Query[object]]) -> int:
    """How much these questions are, as in `FEW`."""
    return sum(DETAIL_SIZE if isinstance(query, Detail) else 1 for query in queries)
