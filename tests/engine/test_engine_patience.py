"""Each scope has its time: a slow one does not hold up the others, and what is not asked in it is unknown."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from cloudwarden import cron, days, every, hours, minutes
from cloudwarden.clock import FakeClock
from cloudwarden.core.detail import Detail
from cloudwarden.core.evidence import Query
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.schedule import Schedule
from cloudwarden.core.verdict import Cause
from cloudwarden.engine.cutoff import NoCutoff
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.engine.patience import DETAIL_SECONDS, LEAST_SCOPE_SECONDS, SCOPE_SECONDS, Patience, scope_seconds
from cloudwarden.memory import MemoryCloud
from cloudwarden.ports import Listing
from cloudwarden.ports.asking import asking_ends
from cloudwarden.store import SqlStore
from cloudwarden.testing import instance
from reports import Reports
from world import NOON, SCOPE, World, delete_unattached, stop_idle

OTHER = replace(SCOPE, region="us-east-1")
DETAIL = Detail(service="s3", operation="get_bucket_acl", arguments=(), path="x")


@dataclass(kw_only=True)
class Timed(MemoryCloud):
    """A cloud whose answers take seconds of a timer, more in some scopes; it notes how long it may go on."""

    seconds: dict[Scope, float] = field(default_factory=dict)
    now: float = 0.0
    allowed: dict[Scope, list[float]] = field(default_factory=dict)

    def timer(self) -> float:
        """Now."""
        return self.now

    def list(self, kind: type[Resource], scope: Scope) -> Listing:
        """A listing, which takes its time."""
        self._take(scope)
        return super().list(kind, scope)

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> Mapping[Query[object], object]:
        """Answers, which take their time."""
        self._take(scope)
        return super().answer(scope, queries, now)

    def _take(self, scope: Scope) -> None:
        self.allowed.setdefault(scope, []).append(asking_ends() - self.now)
        self.now += self.seconds.get(scope, 0.0)


def gatherer(cloud: Timed) -> Gatherer:
    """One that asks a scope at a time."""
    return Gatherer(
        inventory=cloud, evidence=cloud, cutoff=NoCutoff(), reporter=Reports(), threads=1, timer=cloud.timer
    )


def cases(*scopes: Scope) -> list[Case]:
    """One instance in each, before a policy that asks twice: for CPU, and if that is low for the network."""
    return [
        Case(policy=stop_idle(), resource=instance(id=f"i-{one.region}", account=one.account, region=one.region))
        for one in scopes
    ]


def test_each_listing_has_its_whole_time() -> None:
    """Also the one that comes after a slow one."""
    cloud = Timed(seconds={SCOPE: 700.0})
    gatherer(cloud).listings([(type(one.resource), one.resource.scope) for one in cases(SCOPE, OTHER)], "r")
    assert cloud.allowed == {SCOPE: [SCOPE_SECONDS], OTHER: [SCOPE_SECONDS]}


def test_all_rounds_of_a_scope_s_questions_share_one_time() -> None:
    """What the first took is not there for the second."""
    cloud = Timed(seconds={SCOPE: 700.0})
    gatherer(cloud).verdicts(cases(SCOPE), NOON)
    assert cloud.allowed[SCOPE] == [SCOPE_SECONDS, SCOPE_SECONDS - 700.0]


def test_what_other_scopes_take_is_not_a_scope_s_own_time() -> None:
    """A round waits for the slowest: a healthy scope has its time in the next one all the same."""
    cloud = Timed(seconds={SCOPE: 2000.0, OTHER: 1.0})
    gatherer(cloud).verdicts(cases(OTHER, SCOPE), NOON)
    assert cloud.allowed[OTHER][0] == SCOPE_SECONDS
    assert all(left >= SCOPE_SECONDS - 10.0 for left in cloud.allowed[OTHER])


def test_the_next_sweep_begins_anew() -> None:
    """Time that is over is over for one pass."""
    cloud = Timed(seconds={SCOPE: 2000.0})
    for _ in range(2):
        gatherer(cloud).verdicts(cases(SCOPE), NOON)
    assert cloud.allowed[SCOPE][::2] == [SCOPE_SECONDS, SCOPE_SECONDS]


@pytest.mark.parametrize("questions", [1, 50_000])
def test_a_large_scope_has_more_time(questions: int) -> None:
    """Fifty thousand buckets cannot be asked in a quarter of an hour, however well all is."""
    cloud = Timed()
    asked = [replace(DETAIL, path=f"x{number}") for number in range(questions)]
    with Patience(cloud.timer, SCOPE_SECONDS).asking(SCOPE, asked):
        assert asking_ends() == pytest.approx(SCOPE_SECONDS + DETAIL_SECONDS * questions)


def test_what_is_asked_before_a_proposal_shares_one_time_too() -> None:
    """Its rounds come one after another, on the thread on which everything else waits."""
    cloud = Timed(seconds={SCOPE: 700.0})
    made = gatherer(cloud)
    patience = made.patience()
    for _ in range(2):
        list(made.answers({SCOPE: [DETAIL]}, NOON, patience))
    assert cloud.allowed[SCOPE][1] == pytest.approx(SCOPE_SECONDS - 700.0 + 2 * DETAIL_SECONDS)


EVENING = NOON + hours(5)


@pytest.mark.parametrize(
    ("schedules", "now", "seconds"),
    [
        ([], NOON, SCOPE_SECONDS),
        ([every(days=1)], NOON, SCOPE_SECONDS),
        ([every(days=1), every(minutes=15)], NOON, 300.0),
        ([every(minutes=15), every(minutes=5)], NOON, 100.0),
        ([every(seconds=5)], NOON, LEAST_SCOPE_SECONDS),
        ([cron("*/5 8-16 * * *")], NOON, 150.0),
        ([cron("*/5 8-16 * * *")], EVENING, SCOPE_SECONDS),
    ],
    ids=["none", "rare", "both", "frequent", "very frequent", "by day", "by night"],
)
def test_what_a_scope_may_take_is_for_the_most_frequent_policy_to_say(
    schedules: list[Schedule], now: datetime, seconds: float
) -> None:
    """A third of its interval: a listing, what is asked, and a proposal's questions leave it time to look again."""
    assert scope_seconds(schedules, now) == pytest.approx(seconds)


@dataclass(kw_only=True)
class Dragging(MemoryCloud):
    """A cloud of which one scope takes all the time that it may, for each listing and all that is asked."""

    clock: FakeClock

    def list(self, kind: type[Resource], scope: Scope) -> Listing:
        """A listing; of the slow scope only what came in time."""
        listing = super().list(kind, scope)
        if scope != OTHER:
            return listing
        self.clock.advance(minutes((asking_ends() - time.monotonic()) / 60))
        return replace(listing, problem=Cause(reason="timeout", detail="slow"))

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> Mapping[Query[object], object]:
        """Answers, which take their time."""
        if scope == OTHER:
            self.clock.advance(minutes((asking_ends() - time.monotonic()) / 60))
        return super().answer(scope, queries, now)


@pytest.mark.parametrize(
    "sweeps", [[("stop-idle", "delete-unattached")], [("stop-idle",), ("delete-unattached",)]], ids=["one", "another"]
)
def test_a_slow_scope_makes_no_other_blind(store: SqlStore, sweeps: list[tuple[str, ...]]) -> None:
    """However often it takes its whole time, grace counts on elsewhere, also of a policy that waits for another's."""
    clock = FakeClock(NOON)
    world = World(store=store, clock=clock, cloud=Dragging(clock=clock), scopes=[SCOPE, OTHER])
    world.use(delete_unattached(grace=days(1)), stop_idle(name="stop-idle", schedule=every(days=1)))
    world.add_volume("vol-1")
    world.cloud.put(instance(id="i-slow", account=OTHER.account, region=OTHER.region))
    for due in sweeps * 8:
        world.sweeper.sweep([world.policies[name] for name in due], world.policies)
    assert world.finding("vol-1").grace.observed >= hours(1)
