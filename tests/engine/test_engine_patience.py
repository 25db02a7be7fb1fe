"""Each scope has its time: a slow one does not hold up the others, and what is not asked in it is unknown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from cloudwarden.core.detail import Detail
from cloudwarden.core.evidence import Query
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.engine.cutoff import NoCutoff
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.engine.patience import DETAIL_SECONDS, SCOPE_SECONDS, Patience
from cloudwarden.memory import MemoryCloud
from cloudwarden.ports import Listing
from cloudwarden.ports.asking import asking_ends
from cloudwarden.testing import instance
from world import NOON, SCOPE, Reports, stop_idle

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
