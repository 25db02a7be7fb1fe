"""Undo: what our action did is restored on a person's word, once, and only while it is still in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pytest

from cloudwarden import ENFORCE, Limit, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.action import Call
from cloudwarden.core.errors import AccessDenied, Conflict
from cloudwarden.core.finding import ActionRecord, ActionState
from cloudwarden.core.resource import Tags
from cloudwarden.engine import decide
from cloudwarden.engine.decide import DecisionError
from cloudwarden.memory import MemoryCloud
from undoing import ask, latest, tagged_over
from world import World, stop_idle


def test_a_stopped_instance_is_started_again(world: World, stopped: ActionRecord) -> None:
    """By the inverse that the plan recorded, with its intent and outcome in the journal."""
    world.clock.advance(minutes(1))
    made = ask(world, stopped)
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]
    assert (latest(world).state, latest(world).undoes) == (ActionState.SUCCEEDED, stopped.id)
    with world.store.reading() as tx:
        events = [entry.event for entry in tx.journal.entries(action_id=made.id)]
    assert events == [
        "undo_requested",
        "action_stepped",
        "action_intended",
        "action_stepped",
        "action_succeeded",
    ]


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


def test_an_undo_pauses_no_policy(world: World, stopped: ActionRecord) -> None:
    """Somebody resumed it after three failures; that an action before them is undone says nothing new of it."""
    world.cloud.fails["stop_instances"] = Conflict("IncorrectInstanceState")
    world.use(stop_idle(mode=ENFORCE, limit=Limit(per_run=9, share=1.0)))
    for number in range(3):
        world.add(f"i-{number}")
    world.sweep(after=minutes(15))
    with world.store.transaction() as tx:
        decide.resume(tx, world.decider(), "stop-idle", others=True)
    world.clock.advance(minutes(1))
    ask(world, stopped)
    world.act()
    assert (latest(world).undoes, latest(world).state) == (stopped.id, ActionState.SUCCEEDED)
    with world.store.reading() as tx:
        assert tx.decisions.pauses() == []


@pytest.mark.parametrize("meddled", [True, False])
def test_an_undo_that_failed_half_way_goes_on_where_it_stood(world: World, *, meddled: bool) -> None:
    """What it did itself is no change by somebody else; what somebody changed since is left as it is."""
    done = tagged_over(world)
    delete = world.cloud.fails["delete_tags"] = AccessDenied("not authorized")
    world.clock.advance(minutes(1))
    ask(world, done)
    world.act()
    assert delete is world.cloud.fails.pop("delete_tags")
    world.clock.advance(minutes(1))
    if meddled:
        world.cloud.call(done.scope, done.plan.calls[0])
    made = ask(world, done)
    world.act()
    world.clock.advance(minutes(1))
    world.act()
    with world.store.reading() as tx:
        ended = tx.actions.get(made.id)
    assert ended is not None
    wanted = (ActionState.ABANDONED, "create_tags") if meddled else (ActionState.SUCCEEDED, "delete_tags")
    assert (ended.state, world.called()[-1]) == wanted
    assert world.called().count("delete_tags") == (0 if meddled else 1)


def test_a_tag_that_somebody_gave_while_an_undo_was_held_stays(world: World) -> None:
    """Somebody pauses between the two calls of the undo, and gives a value of their own to the tag we had changed."""
    world.use(stop_idle(action=ec2.AddTags(tags={"idle": "yes", "team": "nobody"}, overwrite=True)))
    world.add("i-idle", tags=Tags({"team": "web"}))
    world.sweep()
    world.approve_all()
    world.act()
    world.clock.advance(minutes(1))
    for operation in ("create_tags", "delete_tags"):
        world.cloud.effects[operation] = partial(_and_paused, world, world.cloud.effects[operation])
    ask(world, latest(world))
    world.act()
    world.clock.advance(minutes(1))
    world.cloud.change("i-idle", tags=Tags({**world.cloud.resources["i-idle"].tags, "team": "theirs"}))
    with world.store.transaction() as tx:
        decide.resume(tx, world.decider("over"))
    world.act()
    assert world.cloud.resources["i-idle"].tags["team"] == "theirs"


def _and_paused(
    world: World, effect: Callable[[MemoryCloud, Call], Mapping[str, str]], cloud: MemoryCloud, call: Call
) -> Mapping[str, str]:
    kept = effect(cloud, call)
    with world.store.transaction() as tx:
        decide.pause(tx, world.decider("incident"))
    return kept


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
