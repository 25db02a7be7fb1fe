"""What people decide, and what the hour brings, between the last look at a resource and the intent of its call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from cloudwarden import ENFORCE, PROPOSE, hours, minutes, tagged
from cloudwarden.core.action import Call
from cloudwarden.core.errors import StoreUnusable, StoreUnwritable
from cloudwarden.core.evidence import Query
from cloudwarden.core.finding import ActionRecord, ActionState, ProposalState, State
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.core.restraint import Reach, Restraints
from cloudwarden.core.window import Freeze
from cloudwarden.engine.decide import distrust, pause, reject, resume, snooze
from cloudwarden.engine.exempt import exempt
from cloudwarden.engine.undo import undo
from cloudwarden.memory import MemoryCloud
from cloudwarden.ports import Store, Transaction
from world import NOON, World, delete_unattached, stop_idle, wish


@dataclass(kw_only=True)
class BusyCloud(MemoryCloud):
    """A cloud in which things happen while it answers: the first when it is asked next, and so on.

    And one while it says whether the call would be permitted.
    """

    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    permitting: Callable[[], object] | None = None

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> Mapping[Query[object], object]:
        """Answer, after something happened."""
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return super().answer(scope, queries, now)

    def call(self, scope: Scope, call: Call, *, dry_run: bool = False) -> Mapping[str, str]:
        """Make a call, or say that it may be made after something happened."""
        if dry_run and self.permitting is not None:
            self.permitting()
        return super().call(scope, call, dry_run=dry_run)


@dataclass(kw_only=True)
class FaultyStore:
    """A store that is at times unreadable, or unwritable."""

    inner: Store
    unreadable: bool = False
    unwritable: bool = False

    def reading(self) -> AbstractContextManager[Transaction]:
        """Read, if that can be done."""
        if self.unreadable:
            raise StoreUnusable("disk I/O error")
        return self.inner.reading()

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Write, if that can be done."""
        if self.unwritable:
            raise StoreUnwritable("disk I/O error")
        return self.inner.transaction()


def nothing() -> None:
    """All stays as it is."""


def approved(store: Store, **changes: object) -> tuple[World, BusyCloud]:
    """An idle instance whose stop is approved: the cloud is asked twice for its metrics, then what depends on it."""
    cloud = BusyCloud()
    world = World(store=store, cloud=cloud, **changes)  # type: ignore[arg-type]  # a test's changes
    world.use(stop_idle(proposals_last=minutes(30)))
    world.add("i-1")
    world.sweep()
    world.approve_all()
    return world, cloud


def exempted(world: World, **selects: object) -> Callable[[], None]:
    """Somebody exempts the instance."""

    def decide() -> None:
        with world.store.transaction() as tx:
            exempt(tx, world.decider(), wish(NOON + hours(9), **selects))

    return decide


def test_an_exemption_made_after_the_last_look_holds(store: Store) -> None:
    """The guards have passed, and what depends on the instance is being read."""
    world, cloud = approved(store)
    cloud.meanwhile = [nothing, nothing, exempted(world, resource="i-1")]
    world.act()
    assert world.called() == []


def test_an_exemption_by_tag_holds_until_the_tags_were_asked_about(store: Store) -> None:
    """Nobody can tell whether it covers the instance; the next look can, and it does not."""
    world, cloud = approved(store)
    cloud.meanwhile = [nothing, nothing, exempted(world, tag=tagged("audit"))]
    world.act()
    assert world.called() == []
    world.clock.advance(minutes(1))
    world.act()
    assert world.called() == ["stop_instances"]


@pytest.mark.parametrize("decide", [reject, snooze])
@pytest.mark.parametrize("asked", [0, 1, 2])
def test_an_approval_taken_back_is_none(store: Store, decide: Callable[..., object], asked: int) -> None:
    """While the instance is looked at somebody puts off what was approved: it is not done, and stays put off."""
    world, cloud = approved(store)
    (proposal,) = world.proposals()

    def put_off() -> None:
        with world.store.transaction() as tx:
            decide(tx, proposal.id, world.decider(), until=NOON + hours(9))

    cloud.meanwhile = [*[nothing] * asked, put_off]
    world.act()
    assert world.called() == []
    assert (world.finding("i-1").state, world.finding("i-1").snoozed_until) == (State.OPEN, NOON + hours(9))


@pytest.mark.parametrize("asked", [0, 1, 2])
def test_trust_taken_back_is_none(store: Store, asked: int) -> None:
    """While the instance is looked at somebody distrusts the policy: it is not stopped, and people are asked."""
    cloud = BusyCloud()
    world = World(store=store, cloud=cloud)
    policy = stop_idle(mode=ENFORCE, grace=hours(1))
    world.use(policy)
    world.add("i-1")
    world.sweep()
    world.trust_all()

    def doubt() -> None:
        with world.store.transaction() as tx:
            distrust(tx, policy.name, world.decider())

    with world.store.transaction() as tx:
        pause(tx, world.decider())
    for _ in range(4):
        world.sweep(after=minutes(15))
    assert world.states() == {"i-1": State.DUE}
    with world.store.transaction() as tx:
        resume(tx, world.decider())
    cloud.meanwhile = [*[nothing] * asked, doubt]
    world.act()
    assert world.called() == []


@pytest.mark.parametrize("cpu", [90.0, None])
def test_what_the_last_look_finds_undoes_no_decision(store: Store, cpu: float | None) -> None:
    """Somebody rejects while the look finds that the instance is busy, or cannot tell: the rejection stands."""
    world, cloud = approved(store)
    if cpu is None:
        del cloud.series["CPUUtilization", "i-1"]
    else:
        world.measure("i-1", cpu=cpu)
    (proposal,) = world.proposals()

    def refuse() -> None:
        with world.store.transaction() as tx:
            reject(tx, proposal.id, world.decider(), until=NOON + hours(9))

    cloud.meanwhile = [refuse]
    world.act()
    finding = world.finding("i-1")
    assert (finding.state, str(finding.held).partition(" until ")[0]) == (State.OPEN, "rejected by operator")
    with world.store.reading() as tx:
        found = tx.proposals.get(proposal.id)
    assert found is not None
    assert found.state is ProposalState.REJECTED


def test_an_approval_that_ends_meanwhile_is_none(store: Store) -> None:
    """A minute before it ends the look begins, which takes two."""
    world, cloud = approved(store)
    world.clock.advance(minutes(29))
    world.measure("i-1", cpu=1)
    cloud.meanwhile = [nothing, nothing, lambda: world.clock.advance(minutes(2))]
    world.act()
    assert world.called() == []


def test_a_freeze_that_begins_meanwhile_holds(store: Store) -> None:
    """It was open when the guards looked."""
    freeze = Freeze(begins=NOON + minutes(1), until=NOON + hours(9), reason="holidays")
    world, cloud = approved(store, restraints=Restraints(freezes=((Reach(), freeze),)))
    cloud.meanwhile = [nothing, nothing, lambda: world.clock.advance(minutes(2))]
    world.act()
    assert world.called() == []


@pytest.mark.parametrize("by", [minutes(10), -minutes(10)])
def test_a_look_of_long_ago_is_none(store: Store, by: object) -> None:
    """The machine was suspended between the look and the call, or its clock was set: it looks again."""
    world, cloud = approved(store)
    cloud.meanwhile = [nothing, nothing, lambda: world.clock.jump(by)]  # type: ignore[arg-type]  # a span
    world.act()
    assert world.called() == []


def paused(world: World) -> None:
    """Somebody holds everything."""
    with world.store.transaction() as tx:
        pause(tx, world.decider())


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (paused, "paused by operator"),
        (lambda world: exempted(world, resource="i-1")(), "exempt"),
        (lambda world: world.clock.jump(timedelta(seconds=20)), "frozen until"),
        (lambda world: world.clock.jump(minutes(10)), "its lease lapsed meanwhile"),
        (lambda world: world.clock.jump(-minutes(10)), "the last look"),
    ],
)
def test_what_happens_while_permission_is_tried_holds(
    store: Store, meanwhile: Callable[[World], object], why: str
) -> None:
    """The intent is committed, and is taken back with its reason; what was approved is approved still."""
    freeze = Freeze(begins=NOON + timedelta(seconds=10), until=NOON + hours(9), reason="holidays")
    world, cloud = approved(store, restraints=Restraints(freezes=((Reach(), freeze),)))
    cloud.permitting = lambda: meanwhile(world)
    world.act()
    assert world.called() == []
    (action,) = actions(world)
    assert action.state is ActionState.ABANDONED
    assert str(action.error).startswith("stop_instances was not called: ")
    assert why in str(action.error)
    assert world.finding("i-1").state is State.APPROVED
    (proposal,) = world.proposals()
    assert proposal.state is ProposalState.APPROVED
    assert world.journal()[-2:] == ["action_not_called", "action_abandoned"]


def actions(world: World) -> Sequence[ActionRecord]:
    """The latest actions."""
    with world.store.reading() as tx:
        return tx.actions.latest(10)


def resumed(world: World) -> None:
    """Nothing is held any more."""
    with world.store.transaction() as tx:
        resume(tx, world.decider())


def test_a_harmless_decision_costs_no_approval(store: Store) -> None:
    """Something else is exempted by a tag meanwhile: the next look tells, and the call is made."""
    world, cloud = approved(store)
    cloud.permitting = exempted(world, tag=tagged("audit"))
    world.act()
    assert world.called() == []
    cloud.permitting = None
    world.clock.advance(minutes(1))
    world.act()
    assert world.called() == ["stop_instances"]


def test_a_second_call_that_is_not_made_waits(store: Store) -> None:
    """With its reason, and goes on where it was: there is one snapshot."""
    cloud = BusyCloud()
    world = World(store=store, cloud=cloud)
    world.use(delete_unattached())
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: (
        "snap-1" if "SnapshotId" in read.path else "completed"
    )
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()

    def before_the_second() -> None:
        if world.called():
            paused(world)

    cloud.permitting = before_the_second
    world.act()
    assert world.called() == ["create_snapshot"]
    assert [(one.state, one.step, one.error) for one in actions(world)] == [(ActionState.WAITING, 2, None)]
    assert world.journal()[-1] == "action_not_called"
    cloud.permitting = None
    world.act()
    assert world.called() == ["create_snapshot"]
    assert "pause" in str(world.finding("vol-1").held)
    resumed(world)
    world.act()
    assert world.called() == ["create_snapshot", "delete_volume"]
    assert [one.state for one in actions(world)] == [ActionState.SUCCEEDED]


def test_an_undo_that_is_not_made_is_made_later(store: Store) -> None:
    """It is a person's word, and stands."""
    world, cloud = approved(store)
    world.act()
    (done,) = actions(world)
    with world.store.transaction() as tx:
        undo(tx, done.id, world.decider())
    cloud.permitting = lambda: world.clock.jump(-timedelta(milliseconds=200))
    world.act()
    assert world.called() == ["stop_instances"]
    cloud.permitting = None
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]


@pytest.mark.parametrize("writable", [True, False])
def test_a_store_that_cannot_be_read_before_the_call_holds_it(store: Store, *, writable: bool) -> None:
    """What was not called is known not to have been, though somebody stops the instance meanwhile."""
    faulty = FaultyStore(inner=store)
    cloud = BusyCloud()
    world = World(store=faulty, cloud=cloud)
    world.use(stop_idle())
    world.add("i-1")
    world.sweep()
    world.approve_all()

    def broken() -> None:
        faulty.unreadable, faulty.unwritable = True, not writable

    cloud.permitting = broken
    world.act()
    faulty.unreadable = faulty.unwritable = False
    cloud.permitting = None
    cloud.change("i-1", state="stopped")
    world.clock.advance(minutes(2))
    world.act()
    assert world.called() == []
    assert [one.state for one in actions(world)] == [ActionState.ABANDONED]


def test_distrust_holds_while_permission_is_tried(store: Store) -> None:
    """What nobody approved needs trust until the call."""
    world, cloud, policy = trusted(store)

    def doubt() -> None:
        with world.store.transaction() as tx:
            distrust(tx, policy.name, world.decider())

    cloud.permitting = doubt
    for _ in range(4):
        world.sweep(after=minutes(15))
    assert world.called() == []
    assert "is not trusted" in str(actions(world)[0].error)
    assert world.finding("i-1").state in (State.DUE, State.PROPOSED)


def test_an_action_begun_alone_ends_where_its_policy_only_proposes_now(store: Store) -> None:
    """Nobody can approve the rest of it: the next sweep asks people for the whole."""
    world = World(store=store, cloud=BusyCloud())
    policy = delete_unattached(mode=ENFORCE)
    world.use(policy)
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: (
        "snap-1" if "SnapshotId" in read.path else "pending"
    )
    world.sweep()
    world.trust_all()
    world.add_volume("vol-1")
    world.sweep(after=minutes(15))
    assert world.called() == ["create_snapshot"]
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.use(replace(policy, mode=PROPOSE))
    world.act()
    assert world.called() == ["create_snapshot"]
    assert [one.state for one in actions(world)] == [ActionState.ABANDONED]
    world.sweep(after=minutes(15))
    assert world.states() == {"vol-1": State.PROPOSED}


def trusted(store: Store) -> tuple[World, BusyCloud, AnyPolicy]:
    """An idle instance, and a policy that may stop it by itself."""
    cloud = BusyCloud()
    world = World(store=store, cloud=cloud)
    policy = stop_idle(mode=ENFORCE, grace=hours(1))
    world.use(policy)
    world.add("i-1")
    world.sweep()
    world.trust_all()
    return world, cloud, policy


def test_a_call_is_not_made_for_another_daemon(store: Store) -> None:
    """It took the action over while permission was tried, and its word counts."""
    world, cloud = approved(store)

    def taken_over() -> None:
        with world.store.transaction() as tx:
            (action,) = tx.actions.unfinished()
            tx.actions.save(replace(action, owner="another"))

    cloud.permitting = taken_over
    world.act()
    assert world.called() == []
    with world.store.reading() as tx:
        (action,) = tx.actions.unfinished()
    assert (action.state, action.owner) == (ActionState.INTENDED, "another")
