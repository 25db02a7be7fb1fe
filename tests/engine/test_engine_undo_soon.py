"""An undo that is asked for right after its action: AWS is still at it, or does not show it yet."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudwarden import minutes
from cloudwarden.core.action import Call
from cloudwarden.core.errors import Conflict
from cloudwarden.core.finding import ActionRecord, ActionState
from cloudwarden.memory import MemoryCloud
from undoing import ask, latest, stopped_by_itself
from world import World

STOPPED_AND_STARTED = ["stop_instances", "start_instances"]


@pytest.fixture
def stopping(world: World) -> ActionRecord:
    """The action whose call EC2 answered just now: the instance is stopping, and until it has, EC2 starts it not."""
    world.cloud.effects["stop_instances"] = _stop
    done = stopped_by_itself(world)
    world.cloud.effects["start_instances"] = _start
    world.clock.advance(timedelta(seconds=20))
    return done


def _stop(cloud: MemoryCloud, call: Call) -> dict[str, str]:
    del call
    cloud.change("i-idle", state="stopping")
    return {}


def _start(cloud: MemoryCloud, call: Call) -> dict[str, str]:
    del call
    if getattr(cloud.resources["i-idle"], "state", "") != "stopped":
        raise Conflict("IncorrectInstanceState: The instance 'i-idle' is not in a state from which it can be started.")
    cloud.change("i-idle", state="running")
    return {}


def turn(world: World, *, after: timedelta) -> ActionState:
    """The daemon's next turn, and how the newest action is then."""
    world.clock.advance(after)
    world.act()
    return latest(world).state


def test_what_is_still_stopping_is_started_when_it_has(world: World, stopping: ActionRecord) -> None:
    """Nothing is called that EC2 would refuse."""
    ask(world, stopping)
    assert turn(world, after=timedelta(0)) is ActionState.WAITING
    assert turn(world, after=minutes(3)) is ActionState.WAITING
    assert world.called() == ["stop_instances"]
    world.cloud.change("i-idle", state="stopped")
    assert turn(world, after=minutes(1)) is ActionState.SUCCEEDED
    assert world.called() == STOPPED_AND_STARTED


def test_what_somebody_changes_while_it_stops_is_left_as_it_is(world: World, stopping: ActionRecord) -> None:
    """A terminated instance never stops, and what was to be undone is over."""
    ask(world, stopping)
    assert turn(world, after=minutes(1)) is ActionState.WAITING
    world.cloud.change("i-idle", state="terminated")
    assert turn(world, after=minutes(1)) is ActionState.ABANDONED
    assert world.called() == ["stop_instances"]


def test_what_does_not_show_yet_is_not_taken_for_a_change(world: World, stopping: ActionRecord) -> None:
    """A reading that lags says `running`, and then what is so."""
    ask(world, stopping)
    world.cloud.change("i-idle", state="running")
    assert turn(world, after=timedelta(seconds=2)) is ActionState.WAITING
    assert "a reading may lag" in str(latest(world).held)
    world.cloud.change("i-idle", state="stopped")
    assert turn(world, after=timedelta(seconds=10)) is ActionState.SUCCEEDED


def test_what_does_not_show_after_a_minute_was_changed_by_somebody(world: World, stopping: ActionRecord) -> None:
    """No reading lags as long as that."""
    ask(world, stopping)
    world.cloud.change("i-idle", state="running")
    assert turn(world, after=timedelta(seconds=2)) is ActionState.WAITING
    assert turn(world, after=minutes(1)) is ActionState.ABANDONED
    assert str(latest(world).error).endswith("(its proof shows 'running'): somebody changed it since")


def test_a_word_said_while_it_stops_holds_it(world: World, stopping: ActionRecord) -> None:
    """Its wait asks for people's decisions as its call would."""
    ask(world, stopping)
    world.edited = "the settings were edited"
    world.cloud.change("i-idle", state="stopped")
    assert turn(world, after=minutes(1)) is ActionState.WAITING
    assert world.called() == ["stop_instances"]
    world.edited = None
    assert turn(world, after=minutes(1)) is ActionState.SUCCEEDED
