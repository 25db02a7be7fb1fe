"""An undo ends by what the resource shows, and may be asked for again where its effect is not there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudwarden import ENFORCE, minutes
from cloudwarden.core.action import Call
from cloudwarden.core.errors import Timeout
from cloudwarden.core.finding import ActionRecord, ActionState
from cloudwarden.engine.decide import DecisionError
from cloudwarden.engine.undo import undo
from cloudwarden.memory import MemoryCloud
from world import World, stop_idle

STOPPED_AND_STARTED = ["stop_instances", "start_instances"]


@pytest.fixture
def stopped(world: World) -> ActionRecord:
    """The action that stopped i-idle, by itself, a minute ago; it can be started again."""
    world.cloud.effects["start_instances"] = lambda cloud, call: starts(cloud, call, "running")
    world.use(stop_idle(mode=ENFORCE))
    world.sweep()
    world.trust_all()
    world.add("i-idle")
    world.sweep(after=minutes(15))
    world.clock.advance(minutes(1))
    return latest(world)


def starts(cloud: MemoryCloud, call: Call, state: str) -> dict[str, str]:
    """A start leads to this state."""
    del call
    cloud.change("i-idle", state=state)
    return {}


def latest(world: World) -> ActionRecord:
    """The newest action."""
    with world.store.reading() as tx:
        return tx.actions.latest(1)[0]


def ask(world: World, record: ActionRecord) -> None:
    """A person asks for an undo, and the daemon's next turn comes."""
    with world.store.transaction() as tx:
        undo(tx, record.id, world.decider("it was needed"))
    world.act()


def turn(world: World, *, after: timedelta) -> ActionState:
    """The daemon's next turn, and how the newest action is then."""
    world.clock.advance(after)
    world.act()
    return latest(world).state


def falls_back(world: World) -> None:
    """From now on EC2 says `pending` of a start, and the instance is stopped again."""
    world.cloud.effects["start_instances"] = lambda cloud, call: starts(cloud, call, "stopped")


def test_a_start_that_falls_back_has_failed(world: World, stopped: ActionRecord) -> None:
    """Once it cannot be a reading that lags."""
    falls_back(world)
    ask(world, stopped)
    assert latest(world).state is ActionState.WAITING
    assert turn(world, after=minutes(1)) is ActionState.FAILED
    assert latest(world).error == "describe_instances shows 'stopped'"
    assert world.called() == STOPPED_AND_STARTED


def test_a_start_has_succeeded_when_the_instance_runs(world: World, stopped: ActionRecord) -> None:
    """And not while it is pending."""
    world.cloud.effects["start_instances"] = lambda cloud, call: starts(cloud, call, "pending")
    ask(world, stopped)
    assert turn(world, after=minutes(5)) is ActionState.WAITING
    world.cloud.change("i-idle", state="running")
    assert turn(world, after=minutes(1)) is ActionState.SUCCEEDED


def test_what_starts_is_left_alone_from_its_call_on(world: World, stopped: ActionRecord) -> None:
    """It may run, and be idle still, before anybody can read that it does."""
    ask_for_what_is_never_read(world, stopped)
    for _ in range(8):
        world.sweep(after=minutes(15))
    assert world.called() == STOPPED_AND_STARTED
    assert latest(world).state is ActionState.FAILED
    assert "was undone" in (world.finding("i-idle").held or "")


def ask_for_what_is_never_read(world: World, stopped: ActionRecord) -> None:
    """An undo whose effect nobody can read."""

    def start(cloud: MemoryCloud, call: Call) -> dict[str, str]:
        cloud.fails["read describe_instances"] = Timeout("Read timed out.")
        return starts(cloud, call, "running")

    world.cloud.effects["start_instances"] = start
    ask(world, stopped)


def test_a_start_that_fell_back_is_called_again_when_it_is_asked_for_again(world: World, stopped: ActionRecord) -> None:
    """Once for each word of a person, whatever the clock says meanwhile."""
    falls_back(world)
    ask(world, stopped)
    turn(world, after=minutes(1))
    for number in range(2, 4):
        ask(world, stopped)
        world.act()
        assert world.called().count("start_instances") == number
        assert turn(world, after=minutes(1)) is ActionState.FAILED


@pytest.mark.parametrize("state", ["running", "pending"])
def test_a_start_that_took_its_time_is_not_called_again(world: World, stopped: ActionRecord, state: str) -> None:
    """What was waited for in vain is there by now: that is read before anything is called."""
    world.cloud.effects["start_instances"] = lambda cloud, call: starts(cloud, call, "pending")
    ask(world, stopped)
    assert turn(world, after=minutes(61)) is ActionState.FAILED
    world.cloud.change("i-idle", state=state)
    ask(world, stopped)
    world.cloud.change("i-idle", state="running")
    assert turn(world, after=minutes(1)) is ActionState.SUCCEEDED
    assert world.called() == STOPPED_AND_STARTED


def test_an_undo_that_succeeded_may_be_asked_for_again_where_it_shows_no_effect(
    world: World, stopped: ActionRecord
) -> None:
    """It was stopped again since; right after an undo a reading may lag, and then nothing is asked for twice."""
    ask(world, stopped)
    assert latest(world).state is ActionState.SUCCEEDED
    with pytest.raises(DecisionError, match="ask again in a minute"):
        ask(world, stopped)
    world.cloud.change("i-idle", state="stopped")
    world.clock.advance(minutes(1))
    ask(world, stopped)
    assert (latest(world).state, world.called()) == (ActionState.SUCCEEDED, [*STOPPED_AND_STARTED, "start_instances"])


def test_an_undo_that_shows_its_effect_is_not_repeated(world: World, stopped: ActionRecord) -> None:
    """It runs: the second undo finds nothing to undo."""
    ask(world, stopped)
    world.clock.advance(minutes(1))
    ask(world, stopped)
    assert (latest(world).state, world.called()) == (ActionState.ABANDONED, STOPPED_AND_STARTED)
