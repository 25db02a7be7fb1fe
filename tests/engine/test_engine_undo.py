"""Undo: what our action did is restored on a person's word, once, and only while it is still in force."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudwarden import ENFORCE, hours, minutes
from cloudwarden.core.action import Call
from cloudwarden.core.errors import AccessDenied, Timeout
from cloudwarden.core.finding import ActionRecord, ActionState, State
from cloudwarden.engine import decide
from cloudwarden.engine.decide import DecisionError
from cloudwarden.engine.undo import undo
from cloudwarden.memory import MemoryCloud
from world import World, delete_unattached, stop_idle


@pytest.fixture
def stopped(world: World) -> ActionRecord:
    """The action that stopped i-idle, by itself."""
    world.cloud.effects["start_instances"] = start
    world.use(stop_idle(mode=ENFORCE))
    world.sweep()
    world.trust_all()
    world.add("i-idle")
    world.sweep(after=minutes(15))
    return latest(world)


def start(cloud: MemoryCloud, call: Call) -> dict[str, str]:
    """Starting an instance makes it run."""
    cloud.change("i-idle", state="running")
    return {}


def latest(world: World) -> ActionRecord:
    """The newest action."""
    with world.store.reading() as tx:
        return tx.actions.latest(1)[0]


def ask(world: World, record: ActionRecord) -> ActionRecord:
    """A person asks for an undo."""
    with world.store.transaction() as tx:
        return undo(tx, record.id, world.decider("it was needed"))


def test_a_stopped_instance_is_started_again(world: World, stopped: ActionRecord) -> None:
    """By the inverse that the plan recorded, with its intent and outcome in the journal."""
    world.clock.advance(minutes(1))
    made = ask(world, stopped)
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]
    assert (latest(world).state, latest(world).undoes) == (ActionState.SUCCEEDED, stopped.id)
    with world.store.reading() as tx:
        events = [entry.event for entry in tx.journal.entries(action_id=made.id)]
    assert events == ["undo_requested", "action_intended", "action_succeeded"]


def test_what_was_undone_is_left_alone_for_a_week(world: World, stopped: ActionRecord) -> None:
    """The policy still sees a violation, and does not stop it again the next minute."""
    world.clock.advance(minutes(1))
    ask(world, stopped)
    world.act()
    undone = world.clock.now()
    world.sweep_until(undone + hours(7 * 24 - 6), step=hours(6))
    assert world.called() == ["stop_instances", "start_instances"]
    assert world.finding("i-idle").state is State.OPEN
    world.sweep_until(undone + hours(7 * 24 + 12), step=hours(6))
    assert world.called() == ["stop_instances", "start_instances", "stop_instances"]


@pytest.mark.parametrize("respects", [minutes(0), hours(24)])
@pytest.mark.parametrize("later", [hours(1), hours(72)])
def test_what_was_fixed_before_it_is_undone_is_left_alone_as_long(
    world: World, stopped: ActionRecord, respects: timedelta, later: timedelta
) -> None:
    """Mostly a sweep has seen the repair by then, and closed the finding; a person's word counts for no less."""
    world.use(stop_idle(mode=ENFORCE, respects=respects))
    world.sweep(after=minutes(15))
    assert "i-idle" not in world.states()
    world.sweep_until(stopped.started_at + later, step=hours(6))
    ask(world, stopped)
    world.act()
    world.sweep_until(world.clock.now() + hours(6 * 24), step=hours(6))
    assert world.called() == ["stop_instances", "start_instances"]
    assert f"action {stopped.id} was undone" in (world.finding("i-idle").held or "")


def test_what_somebody_changed_since_is_left_as_it_is(world: World, stopped: ActionRecord) -> None:
    """It runs already: nothing is called, and the undo says why."""
    world.cloud.change("i-idle", state="running")
    ask(world, stopped)
    world.clock.advance(minutes(1))
    world.act()
    assert world.called() == ["stop_instances"]
    with world.store.reading() as tx:
        done = tx.actions.undoing(stopped.id)
    assert done is not None
    assert done.state is ActionState.ABANDONED
    assert "not in force any more" in (done.error or "")


def test_an_undo_that_cannot_look_waits(world: World, stopped: ActionRecord) -> None:
    """Unknown is not "still in force": it is tried when reading works again."""
    ask(world, stopped)
    world.cloud.fails["read describe_instances"] = Timeout("Read timed out.")
    world.act()
    assert world.called() == ["stop_instances"]
    del world.cloud.fails["read describe_instances"]
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]


def test_a_pause_holds_policies_and_not_the_person(world: World, stopped: ActionRecord) -> None:
    """Whoever paused everything because it went wrong wants to undo it."""
    with world.store.transaction() as tx:
        decide.pause(tx, world.decider())
    ask(world, stopped)
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]


def test_a_failed_undo_may_be_asked_for_again(world: World, stopped: ActionRecord) -> None:
    """And one that succeeded, or is under way, may not."""
    ask(world, stopped)
    with pytest.raises(DecisionError, match="which is waiting"):
        ask(world, stopped)
    world.cloud.fails["start_instances"] = AccessDenied("not authorized")
    world.act()
    del world.cloud.fails["start_instances"]
    world.clock.advance(minutes(1))
    ask(world, stopped)
    world.act()
    with pytest.raises(DecisionError, match="which is succeeded"):
        ask(world, stopped)


def test_an_undo_counts_for_no_limit(world: World, stopped: ActionRecord) -> None:
    """What a person restores does not use up what a policy may do."""
    ask(world, stopped)
    world.act()
    with world.store.reading() as tx:
        assert tx.actions.count_since(stopped.started_at) == 1


def test_what_cannot_be_undone_says_what_is_left(world: World) -> None:
    """The snapshot's id, for a deleted volume."""
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    for _ in range(3):
        world.act()
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
