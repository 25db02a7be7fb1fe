"""A region that is slow in every account does not make the sweep as long as accounts times its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heapreplace

import pytest

from cloudwarden import every
from cloudwarden.clock import FakeClock
from cloudwarden.core.detail import Detail
from cloudwarden.core.evidence import Query
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.engine.cutoff import NoCutoff
from cloudwarden.engine.drag import DETAIL_SIZE, FEW, Drag, Reading, size_of
from cloudwarden.engine.events import MetricsRequested
from cloudwarden.engine.gather import Gatherer
from cloudwarden.engine.local import LocalSurveyor
from cloudwarden.engine.survey import Assignment, Survey
from cloudwarden.memory import MemoryCloud
from cloudwarden.ports import Listing
from cloudwarden.testing import instance
from reports import Reports
from world import NOON, delete_unattached, stop_idle

REGIONS = [f"r-{number:02}" for number in range(17)]
SLOW, HOME = REGIONS[9], REGIONS[4]
SERVICES = ["ec2", "ec2", "ec2", "rds"]
ALLOWANCE = 300.0

Batch = Iterable[tuple[str, str, float, int]]
"""The listings of one account: service, region, seconds and resources."""


def read(batch: Batch, threads: int) -> list[Reading]:
    """What threads make of a batch that take one listing after another, from noon on."""
    free = [0.0] * threads
    heapify(free)
    readings = []
    for service, region, seconds, size in batch:
        began = free[0]
        heapreplace(free, began + seconds)
        readings.append(Reading(place=(service, region), began=began, ended=began + seconds, size=size))
    return readings


def account(
    seconds: Callable[[str], float], services: list[str], *, sizes: Mapping[str, int] | None = None
) -> list[tuple[str, str, float, int]]:
    """One account in its regions."""
    return [(one, region, seconds(region), (sizes or {}).get(region, 3)) for region in REGIONS for one in services]


@dataclass(kw_only=True)
class Swept:
    """A sweep of accounts: how long its listings take, and which of them were refused."""

    drag: Drag = field(default_factory=lambda: Drag(ALLOWANCE))
    seconds: float = 0.0
    refused: set[tuple[str, str]] = field(default_factory=set)

    def sweep(self, batches: Iterable[Batch], threads: int = 8) -> Swept:
        """List one batch after another."""
        for batch in batches:
            asked = [one for one in batch if self.drag.refusal(one[:2]) is None]
            self.refused |= {one[:2] for one in batch if self.drag.refusal(one[:2]) is not None}
            readings = read(asked, threads)
            self.seconds += max(one.ended for one in readings)
            self.drag.add(readings, threads)
        return self


@pytest.mark.parametrize("threads", [1, 3, 8, 16])
@pytest.mark.parametrize("services", [["ec2"], SERVICES, ["ec2"] * 8, ["ec2"] * 9 + ["rds"] * 9])
def test_a_region_that_is_slow_in_every_account_costs_its_allowance(threads: int, services: list[str]) -> None:
    """And what nobody waits for any more is that region's alone, however few threads it keeps from the others."""
    healthy = Swept().sweep([account(lambda _: 0.2, services)] * 200, threads)
    slow = Swept().sweep([account(lambda region: 10.0 if region == SLOW else 0.2, services)] * 200, threads)
    assert slow.refused == {(one, SLOW) for one in services}
    assert slow.seconds < healthy.seconds + 2 * ALLOWANCE


def test_two_slow_regions_do_not_hide_each_other() -> None:
    """Each is late, whatever the other is."""
    slow = Swept().sweep([account(lambda region: 12.0 if region in (SLOW, HOME) else 0.2, SERVICES)] * 200)
    assert slow.refused == {(one, region) for one in SERVICES for region in (SLOW, HOME)}


HEALTHY: Mapping[str, Callable[[int], Batch]] = {
    "quick": lambda _: account(lambda _: 0.2, SERVICES),
    "far": lambda _: account(lambda region: 4.0 if region == SLOW else 0.1, SERVICES),
    "a large home": lambda _: account(lambda region: 60.0 if region == HOME else 0.2, SERVICES, sizes={HOME: 50 * FEW}),
    "a large home, beside a late one": lambda _: account(
        lambda region: {HOME: 60.0, SLOW: 9.0}.get(region, 0.2), SERVICES, sizes={HOME: 50 * FEW}
    ),
    "late now and then": lambda number: account(
        lambda region: 15.0 if region == HOME and number % 5 == 0 else 0.2, SERVICES
    ),
    "all late": lambda _: account(lambda _: 12.0, SERVICES),
    "an account late": lambda number: account(lambda _: 60.0 if number % 2 else 0.2, SERVICES),
    "one region": lambda number: [("ec2", HOME, 9.0, 3)],
}


@pytest.mark.parametrize("estate", HEALTHY)
@pytest.mark.parametrize("threads", [8, 16])
def test_a_healthy_estate_loses_nothing_however_large(estate: str, threads: int) -> None:
    """Far, large, seldom late, or slow as a whole: that is no region's drag."""
    assert not Swept().sweep(map(HEALTHY[estate], range(1500)), threads).refused


@pytest.mark.parametrize("seconds", [20.0, 100_000.0])
@pytest.mark.parametrize("odd", [1, 3])
def test_a_few_odd_scopes_do_not_use_up_their_region_s_time(seconds: float, odd: int) -> None:
    """Each scope has a patience of its own; three accounts are no proof against a thousand."""
    estate = [account(lambda region: seconds if region == SLOW else 0.2, SERVICES)] * odd
    assert not Swept().sweep([*estate, account(lambda _: 0.2, SERVICES)]).refused


def test_questions_of_their_own_count_for_more() -> None:
    """Fifty of them take five seconds where all is well."""
    details = [Detail(service="s3", operation="x", arguments=(), path=f"{number}") for number in range(6)]
    assert size_of(details) == 6 * DETAIL_SIZE > FEW


@dataclass(kw_only=True)
class Timed(MemoryCloud):
    """A cloud of which one region is slow in every account: its listings, or its answers."""

    listing: float = 0.0
    answering: float = 0.0
    now: float = 0.0
    asked_in: list[str] = field(default_factory=list)

    def timer(self) -> float:
        """Now."""
        return self.now

    def list(self, kind: type[Resource], scope: Scope) -> Listing:
        """A listing, which takes its time."""
        self.now += self.listing if scope.region == SLOW else 0.1
        return super().list(kind, scope)

    def answer(self, scope: Scope, queries: object, now: datetime) -> Mapping[Query[object], object]:
        """Answers, which take their time."""
        self.asked_in.append(scope.region)
        self.now += self.answering if scope.region == SLOW else 0.1
        return super().answer(scope, queries, now)  # type: ignore[arg-type]  # as they came


ACCOUNTS = 25
IDLE = stop_idle(name="idle", schedule=every(minutes=15))
VOLUMES = delete_unattached(name="volumes", schedule=every(minutes=15))


def surveyor(cloud: Timed, reports: Reports | None = None) -> LocalSurveyor:
    """One that reads a scope at a time, each of which has an instance."""
    for scope in scopes():
        cloud.put(instance(id=f"i-{scope}", account=scope.account, region=scope.region))
    reading = Gatherer(
        inventory=cloud,
        evidence=cloud,
        cutoff=NoCutoff(),
        reporter=reports or Reports(),
        threads=1,
        timer=cloud.timer,
    )
    return LocalSurveyor(gatherer=reading, clock=FakeClock(NOON))


def scopes() -> list[Scope]:
    """Every account in every region."""
    return [Scope(account=f"{number:012}", region=region) for number in range(ACCOUNTS) for region in REGIONS]


def swept(by: LocalSurveyor, run_id: str, *, pieces: int = 1) -> list[Survey]:
    """One sweep, as a worker is given it."""
    policies = {one.name: one for one in (IDLE, VOLUMES)}
    todo = [Assignment(run_id=run_id, scope=scope, policies=tuple(policies)) for scope in scopes()]
    size = len(todo) // pieces
    return [one for at in range(0, len(todo), size) for one in by.survey(todo[at : at + size], policies)]


def blind(surveys: list[Survey]) -> list[str]:
    """The regions that were not listed, an account after another."""
    problems = [(one.scope.region, one.judgements[0].problem) for one in surveys]
    return [f"{region} {problem.reason}" for region, problem in problems if problem is not None]


@pytest.mark.parametrize("pieces", [1, ACCOUNTS])
def test_a_slow_region_is_unknown_for_the_rest_of_one_sweep(pieces: int) -> None:
    """In the process and in a worker, and the next sweep asks it anew; two kinds of ten seconds use up 300 in 15."""
    cloud = Timed(listing=10.0)
    reading = surveyor(cloud)
    for run_id in ("r-1", "r-2"):
        surveys = swept(reading, run_id, pieces=pieces)
        assert len(surveys) == len(scopes())
        assert blind(surveys) == [f"{SLOW} timeout"] * (ACCOUNTS - 15)


def test_a_region_with_slow_metrics_is_listed_and_not_asked() -> None:
    """What needs no evidence is judged there as everywhere, and no metric is paid for that is not asked."""
    cloud, reports = Timed(answering=20.0), Reports()
    surveys = swept(surveyor(cloud, reports), "r")
    assert blind(surveys) == []
    assert cloud.asked_in.count(SLOW) == 15
    assert cloud.asked_in.count(HOME) == 2 * ACCOUNTS, "for CPU, and then for the network"
    asked = [one.scope.region for one in reports.of(MetricsRequested) if isinstance(one, MetricsRequested)]
    assert asked.count(SLOW) == 15
    (last,) = [one for survey in surveys[-17:] if survey.scope.region == SLOW for one in survey.judgements[:1]]
    assert last.unknown == {"timeout": 1}
    assert last.doubts[0].cause.detail == f"evidence in {SLOW}: not asked, for it held up this sweep for 300 s"


def test_the_log_says_why_a_region_was_not_listed() -> None:
    """With the service, the region and what it cost."""
    drag = Drag(ALLOWANCE)
    Swept(drag=drag).sweep([account(lambda region: 10.0 if region == SLOW else 0.2, SERVICES)] * 100)
    refusal = drag.refusal(("ec2", SLOW))
    assert refusal is not None
    assert refusal.detail == f"ec2 in {SLOW}: not asked, for it held up this sweep for 300 s"
