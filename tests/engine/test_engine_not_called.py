"""What happens between the intent of a call and the call: what must not be made is taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from busy_cloud import BusyCloud, actions, approved, distrusted, exempted, paused, resumed, trusted
from cloudwarden import PROPOSE, hours, minutes, tagged
from cloudwarden.core.finding import ActionState, ProposalState, State
from cloudwarden.core.resource import Tags
from cloudwarden.core.restraint import Reach, Restraints
from cloudwarden.core.window import Freeze
from cloudwarden.engine.undo import undo
from cloudwarden.ports import Store
from faulty_store import FaultyStore
from world import NOON, World, begin_alone, delete_unattached, stop_idle


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (paused, "paused by operator"),
        (lambda world: exempted(world, resource="i-1")(), "exempt"),
        (lambda world: setattr(world, "doubt", "exemptions.toml was edited"), "exemptions.toml was edited"),
        (lambda world: setattr(world, "edited", "freeze was edited"), "freeze was edited"),
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


def test_an_exemption_by_a_name_that_was_given_since_it_was_found_holds(store: Store) -> None:
    """A sweep has seen the name, and people call it so."""
    world, cloud = approved(store)
    world.cloud.change("i-1", name="web", tags=Tags({"Name": "web"}))
    world.edited = "held by the test"
    world.sweep(after=minutes(1))
    world.edited = None
    cloud.permitting = exempted(world, resource="web")
    world.act()
    assert (world.called(), world.finding("i-1").name) == ([], "web")


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


@pytest.mark.parametrize(("edited", "calls"), [("doubt", ["start_instances"]), ("edited", [])])
def test_an_undo_is_held_by_edited_settings_and_by_no_exemption(store: Store, edited: str, calls: list[str]) -> None:
    """An edit while permission is tried may say that nothing is to be done there any more."""
    world, cloud = approved(store)
    world.act()
    (done,) = actions(world)
    with world.store.transaction() as tx:
        undo(tx, done.id, world.decider())
    cloud.permitting = lambda: setattr(world, edited, "it was edited")
    world.act()
    assert world.called() == ["stop_instances", *calls]


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
    cloud.permitting = distrusted(world, policy)
    for _ in range(4):
        world.sweep(after=minutes(15))
    assert world.called() == []
    assert "is not trusted" in str(actions(world)[0].error)
    assert world.finding("i-1").state in (State.DUE, State.PROPOSED)


def test_an_action_begun_alone_ends_where_its_policy_only_proposes_now(store: Store) -> None:
    """Nobody can approve the rest of it: the next sweep asks people for the whole."""
    world = World(store=store, cloud=BusyCloud())
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: (
        "snap-1" if "SnapshotId" in read.path else "pending"
    )
    begin_alone(world)
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.use(delete_unattached(mode=PROPOSE))
    world.act()
    assert world.called() == ["create_snapshot"]
    assert [one.state for one in actions(world)] == [ActionState.ABANDONED]
    world.sweep(after=minutes(15))
    assert world.states() == {"vol-1": State.PROPOSED}


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
