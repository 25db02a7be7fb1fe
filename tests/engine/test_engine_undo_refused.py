"""What cannot be undone is refused, with what is left and what would restore it by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudwarden import minutes
from cloudwarden.core.errors import AccessDenied
from cloudwarden.core.finding import ActionRecord, ActionState
from cloudwarden.engine.decide import DecisionError
from cloudwarden.engine.undo import undo
from undoing import ask, latest
from world import World, delete_unattached


def delete_volume(world: World) -> None:
    """The deletion of vol-1, with its snapshot before, was approved, and went as far as it can."""
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    for _ in range(3):
        world.act()


def test_what_cannot_be_undone_says_what_is_left(world: World) -> None:
    """The snapshot's id, for a deleted volume."""
    delete_volume(world)
    assert world.called() == ["create_snapshot", "delete_volume"]
    with pytest.raises(DecisionError, match="one made from snap-1 holds the same data"):
        ask(world, latest(world))


@pytest.mark.parametrize("state", [ActionState.FAILED, ActionState.INTENDED, ActionState.ABANDONED])
def test_only_what_succeeded_can_be_undone(world: World, stopped: ActionRecord, state: ActionState) -> None:
    """Of anything else nobody knows that it is in force."""
    with world.store.transaction() as tx:
        tx.actions.save(replace(stopped, state=state))
    with pytest.raises(DecisionError, match="only one that succeeded"):
        ask(world, stopped)


def test_what_was_done_of_an_action_that_failed_is_said(world: World) -> None:
    """Call by call, with what it gave: a person has to look at it."""
    world.cloud.fails["delete_volume"] = AccessDenied("not authorized")
    delete_volume(world)
    with pytest.raises(DecisionError) as refused:
        ask(world, latest(world))
    said = str(refused.value)
    assert "of this one was done: ec2 create_snapshot" in said
    assert "which gave snapshot_id snap-1" in said
    assert "delete_volume" not in said


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (ActionState.FAILED, "nothing of this one was done"),
        (ActionState.UNKNOWN, 'nobody knows whether ec2 stop_instances {"InstanceIds": ["i-idle"]} was'),
        (ActionState.UNKNOWN, 'belong to it: ec2 start_instances {"InstanceIds": ["i-idle"]}'),
        (ActionState.WAITING, "is under way"),
    ],
)
def test_a_refusal_says_what_is_left(world: World, stopped: ActionRecord, state: ActionState, says: str) -> None:
    """And by which calls a person restores it."""
    with world.store.transaction() as tx:
        tx.actions.save(replace(stopped, state=state))
    with pytest.raises(DecisionError) as refused:
        ask(world, stopped)
    assert says in str(refused.value)


def test_an_undo_is_not_undone(world: World, stopped: ActionRecord) -> None:
    """Its policy acts again when it may."""
    world.clock.advance(minutes(1))
    ask(world, stopped)
    world.act()
    with pytest.raises(DecisionError, match="is an undo itself"):
        ask(world, latest(world))


def test_an_unknown_action_is_refused(world: World) -> None:
    """With where to look."""
    with world.store.transaction() as tx, pytest.raises(DecisionError, match="cloudwarden actions"):
        undo(tx, "a-never", world.decider())
