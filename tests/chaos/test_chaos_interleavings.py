"""At every moment of an action's way to its calls something comes up against it: what is not intended yet never is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest

from chaos import audit, decisions
from chaos.changes import CHANGES, Change, Kind, take_back
from chaos.failpoints import REVOCABLE, counted, free, silent
from chaos.small import SmallWorld
from chaos.tags import CRITICAL, KEPT, TAG
from cloudwarden import ENFORCE, PROPOSE, Limit, hours, minutes
from cloudwarden.core.errors import Throttled
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Tags
from cloudwarden.core.restraint import Quota
from cloudwarden.core.window import Freeze
from cloudwarden.library.storage import Unattached
from world import World, delete_unattached, stop_idle

MANY = Limit(per_run=1000, share=1.0, per_hour=1000, per_day=1000)
CALLS = 2
"""A volume's snapshot, and its deletion."""

Moment = tuple[str, int]
"""A moment's name, and the how-manieth time on one way."""

BEFORE_THE_CALL = (("recheck.look.get:after", 1), ("intents.commit.begin:before", 1))
"""Right before the guards look for the last time, and right after."""

SOON = timedelta(seconds=20)


class Road:
    """The way of volumes, one after another, to their snapshot and deletion: approved, or by a trusted policy alone."""

    def __init__(self, small: SmallWorld, *, alone: bool, limit: Limit = MANY) -> None:
        self.small = small
        self._alone = alone
        self.policy: AnyPolicy = delete_unattached(mode=ENFORCE if alone else PROPOSE, limit=limit)
        small.use(self.policy)
        self.begin()
        small.run(World.sweep)
        small.decide(partial(decisions.trust, self.policy))
        self._walked = 0

    def begin(self, freeze: Freeze | None = None) -> None:
        """A new process, perhaps with a freeze to come."""
        self.small.restart(freeze)
        self.small.world.cloud.readings["describe_snapshots"] = lambda cloud, read: (
            "snap-1" if "SnapshotId" in read.path else "completed"
        )

    def moments(self) -> list[Moment]:
        """Every moment of a way at which somebody else may write; the records agree at each commit."""
        passed: Counter[str] = Counter()
        found: list[Moment] = []

        def listen(name: str) -> None:
            if counted(name) and free(name):
                passed[name] += 1
                found.append((name, passed[name]))
            if name.endswith("commit:after"):
                self.small.check()

        resource = self.walk(listen)
        assert self.small.called(resource) == CALLS
        return found

    def crossed(self, moment: Moment, happens: Callable[[str], bool]) -> str | None:
        """What is wrong when something happens to the next volume at the moment; None when all is well."""
        passed: Counter[str] = Counter()
        resource = f"vol-{self._walked + 1}"
        expected = CALLS

        def listen(name: str) -> None:
            nonlocal expected
            passed[name] += 1
            if (name, passed[name]) == moment and happens(resource):
                expected = self._intended(resource) - (name in REVOCABLE)

        self.walk(listen)
        assert passed[moment[0]] >= moment[1], moment
        called = self.small.called(resource)
        self._clear(resource)
        return None if called == expected else f"at {moment}: {called} calls, and {expected} called for by then"

    def decided(self, change: Change, resource: str) -> bool:
        """Somebody decides, and a second passes; whether that could be decided."""
        decided = self.small.decide(change.make(self.policy.name, resource))
        self.small.world.clock.advance(timedelta(seconds=1))
        return decided

    def walk(self, listen: Callable[[str], None] = silent) -> str:
        """A volume goes the whole way; its name."""
        self._walked += 1
        resource, small = f"vol-{self._walked}", self.small
        small.world.add_volume(resource)
        small.world.cloud.change(resource, tags={TAG.key: TAG.value})
        small.observe()
        if not self._alone:
            self.sweep()
            small.world.approve_all()
        small.listener = listen
        if self._alone:
            self.sweep()
        small.run(World.act)
        small.listener = silent
        return resource

    def sweep(self) -> None:
        """A minute later."""
        self.small.run(lambda world: world.sweep(after=minutes(1)))

    def _clear(self, resource: str) -> None:
        self.small.decide(take_back)
        self.begin()
        self.small.world.cloud.resources.pop(resource, None)
        self.small.decide(partial(decisions.trust, self.policy))
        self.small.run(World.act)
        self.sweep()

    def _intended(self, resource: str) -> int:
        entries = audit.books(self.small.elsewhere).journal
        return sum(one.event == "action_intended" and one.details["resource"] == resource for one in entries)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallWorld]:
    """A small world."""
    made = SmallWorld(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("kind", "alone"),
    [
        (Kind.PAUSE, False),
        (Kind.EXEMPTION, False),
        (Kind.REFUSAL, False),
        (Kind.PAUSE, True),
        (Kind.EXEMPTION, True),
        (Kind.DISTRUST, True),
    ],
)
def test_no_call_is_intended_after_a_decision(small: SmallWorld, kind: Kind, *, alone: bool) -> None:
    """Whatever the moment: what was called by then stays done, and nothing more is."""
    road = Road(small, alone=alone)
    changes = [change for change in CHANGES if change.kind is kind]
    some = cycle(changes)
    wrong = [
        road.crossed(moment, partial(road.decided, change))
        for moment in road.moments()
        for change in (changes if moment in BEFORE_THE_CALL else [next(some)])
    ]
    assert [what for what in wrong if what] == []
    small.check(quiet=True)


@pytest.mark.parametrize("moment", ["recheck.look.get:before", "recheck.look.get:after"])
def test_what_the_last_look_finds_undoes_no_refusal(small: SmallWorld, moment: str) -> None:
    """Somebody refuses while the look fails: what it writes down does not approve anything again."""
    road = Road(small, alone=False)
    small.world.cloud.fails["get ec2.volume"] = Throttled("Rate exceeded")
    decided = []

    def refuse(name: str) -> None:
        if name == moment:
            decided.append(small.decide(decisions.put_off("vol-1")))

    road.walk(refuse)
    assert decided == [True]
    small.check()


def test_no_call_is_intended_in_a_freeze_that_began_on_the_way(small: SmallWorld) -> None:
    """Whatever the moment at which it begins."""
    road = Road(small, alone=True)
    wrong = []
    for moment in road.moments():
        now = small.world.clock.now()
        # The sweep on the way is a minute from now.
        road.begin(Freeze(begins=now + minutes(1) + SOON, until=now + hours(9), reason="year-end close"))

        def begins(resource: str) -> bool:
            del resource
            small.world.clock.advance(2 * SOON)
            return True

        wrong.append(road.crossed(moment, begins))
    assert [what for what in wrong if what] == []
    small.check(quiet=True)


def test_no_call_is_intended_by_a_version_that_nobody_trusts(small: SmallWorld) -> None:
    """What a trusted version had due, but was held, is not done by the version that replaces it between two sweeps."""
    road = Road(small, alone=True)
    small.decide(decisions.pause(road.policy.name))
    resource = road.walk()
    small.use(delete_unattached(mode=ENFORCE, limit=MANY, params=Unattached(min_age=hours(2))))
    small.decide(decisions.resume_all)
    small.run(World.act)
    assert small.called(resource) == 0
    road.sweep()
    small.world.approve_all()
    small.run(World.act)
    assert small.called(resource) == CALLS
    small.check()


def approved(small: SmallWorld) -> None:
    """An idle instance is to be stopped, and somebody approved it."""
    small.use(stop_idle(limit=MANY))
    small.world.add("i-1")
    small.observe()
    small.run(World.sweep)
    small.world.approve_all()


@pytest.mark.parametrize("what", ["get ec2.instance", "CPUUtilization"])
def test_no_call_is_made_on_what_the_last_look_cannot_tell(small: SmallWorld, what: str) -> None:
    """The instance, or its metrics, can no longer be read when the look begins."""
    approved(small)

    def fail(name: str) -> None:
        if name == "recheck.look.get:before":
            small.world.cloud.fails[what] = Throttled("Rate exceeded")

    small.listener = fail
    small.run(World.act)
    assert small.world.cloud.fails
    small.check()
    assert small.called("i-1") == 0


def test_nothing_is_done_but_the_plan_that_was_approved(small: SmallWorld) -> None:
    """Somebody makes the volume larger when the last look begins: its deletion is another one."""
    road = Road(small, alone=False)

    def resize(name: str) -> None:
        if name == "recheck.look.get:before":
            small.world.cloud.change("vol-1", size_gib=77)

    road.walk(resize)
    small.check()
    assert small.called("vol-1") == 0


@pytest.mark.parametrize("pair", [CRITICAL, *KEPT])
def test_nothing_is_done_to_what_the_last_look_shows_to_be_protected(small: SmallWorld, pair: tuple[str, str]) -> None:
    """Somebody, or another tool, takes the instance over when that look begins."""
    approved(small)

    def take_over(name: str) -> None:
        if name == "recheck.look.get:before":
            small.world.cloud.change("i-1", tags=Tags(dict([pair])))
            small.observe()

    small.listener = take_over
    small.run(World.act)
    small.check()
    assert small.called("i-1") == 0


def test_no_more_is_done_than_a_share_of_what_was_listed(small: SmallWorld) -> None:
    """Of three volumes one may be deleted in a run; all three are due, so none is."""
    small.use(delete_unattached(mode=ENFORCE, limit=replace(MANY, share=0.5)))
    small.run(World.sweep)
    small.decide(partial(decisions.trust, small.world.policies["delete-unattached"]))
    volumes = [small.world.add_volume(f"vol-{number}").id for number in range(3)]
    small.observe()
    small.run(lambda world: world.sweep(after=minutes(1)))
    small.check()
    assert [small.called(one) for one in volumes] == [0, 0, 0]


@pytest.mark.parametrize("quota", [Quota(), Quota(per_hour=2)], ids=["policy", "all"])
def test_no_more_is_done_than_may_be_in_an_hour(small: SmallWorld, quota: Quota) -> None:
    """One volume in each sweep: the third is one too many for the policy, or for all policies together."""
    own = MANY if quota.per_hour == 2 else Limit(per_run=1000, share=1.0, per_hour=2)
    small.quota = quota
    road = Road(small, alone=True, limit=own)
    assert [small.called(road.walk()) for _ in range(3)] == [CALLS, CALLS, 0]
    small.check()
