"""An action that waits for an effect which nobody can read just then: it waits on, and says why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudwarden import hours, minutes
from cloudwarden.core.action import Call
from cloudwarden.core.errors import AccessDenied, CloudError, CredentialsExpired, InvalidRequest, MalformedAnswer
from cloudwarden.core.finding import ActionRecord, ActionState, State
from cloudwarden.engine.events import ActionHeld
from cloudwarden.memory import MemoryCloud
from undoing import ask, latest, start
from world import World, begin_alone

READ = "read describe_snapshots"


@pytest.mark.parametrize("error", [CredentialsExpired("ended"), AccessDenied("no"), MalformedAnswer("<html>")])
def test_a_reading_that_fails_ends_no_action(world: World, error: CloudError) -> None:
    """Its snapshot goes on meanwhile, whether anybody may look or not; then so does the action."""
    begin_alone(world)
    world.cloud.fails[READ] = error
    world.clock.advance(minutes(2))
    world.act()
    assert (latest(world).state, world.states()) == (ActionState.WAITING, {"vol-1": State.ACTING})
    del world.cloud.fails[READ]
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.act()
    assert world.called() == ["create_snapshot", "delete_volume"]


def test_what_cannot_be_read_is_said_once_and_no_longer_than_it_is_so(world: World) -> None:
    """By the action, its finding and the log, until a reading works again."""
    begin_alone(world)
    world.cloud.fails[READ] = CredentialsExpired("the session ended")
    for _ in range(3):
        world.clock.advance(minutes(1))
        world.act()
    why = "re-check: describe_snapshots: credentials-expired: the session ended"
    assert (latest(world).held, world.finding("vol-1").held) == (why, why)
    assert len(world.reports.of(ActionHeld)) == 1
    del world.cloud.fails[READ]
    world.act()
    assert (latest(world).held, world.finding("vol-1").held) == (None, None)


def test_what_is_never_read_fails_when_it_should_have_come(world: World) -> None:
    """After the plan's own time for it: looking in vain puts nothing off."""
    begin_alone(world)
    world.cloud.fails[READ] = AccessDenied("not authorized")
    for _ in range(24):
        world.clock.advance(hours(1))
        world.act()
    assert latest(world).state is ActionState.WAITING
    world.clock.advance(minutes(1))
    world.act()
    assert (latest(world).state, "access-denied" in str(latest(world).error)) == (ActionState.FAILED, True)


def test_a_wrong_question_fails_at_once(world: World) -> None:
    """Nobody will ever be able to answer it."""
    begin_alone(world)
    world.cloud.fails[READ] = InvalidRequest("no such path")
    world.act()
    assert latest(world).state is ActionState.FAILED


def test_an_undo_whose_effect_is_not_read_for_a_second_goes_on(world: World, stopped: ActionRecord) -> None:
    """The call was made; that it works is found out when somebody may look again."""

    def blinding(cloud: MemoryCloud, call: Call) -> dict[str, str]:
        cloud.fails["read describe_instances"] = CredentialsExpired("ended")
        return start(cloud, call)

    world.cloud.effects["start_instances"] = blinding
    world.clock.advance(minutes(2))
    ask(world, stopped)
    world.act()
    assert latest(world).state is ActionState.WAITING
    del world.cloud.fails["read describe_instances"]
    world.clock.advance(timedelta(seconds=1))
    world.act()
    assert (latest(world).state, world.called()) == (ActionState.SUCCEEDED, ["stop_instances", "start_instances"])


def test_an_undo_says_what_holds_it(world: World, stopped: ActionRecord) -> None:
    """With what its last look met; the log says it once, and again when that changes. Its age goes on."""
    world.clock.advance(minutes(2))
    ask(world, stopped)
    world.cloud.fails["read describe_instances"] = AccessDenied("UnauthorizedOperation")
    before = latest(world).changed_at
    for _ in range(5):
        world.clock.advance(hours(1))
        world.act()
    assert (latest(world).held, latest(world).changed_at) == ("re-check: access-denied: UnauthorizedOperation", before)
    world.edited = "the settings were edited"
    world.act()
    assert latest(world).held == "pause: the settings were edited"
    assert [one.guard for one in world.reports.events if isinstance(one, ActionHeld)] == ["re-check", "pause"]


def test_what_held_an_action_is_not_what_its_call_met(world: World) -> None:
    """Once the call is intended nothing holds it any more, and nobody has heard an answer."""
    intended: list[ActionRecord] = []

    def deleting(cloud: MemoryCloud, call: Call) -> dict[str, str]:
        del cloud, call
        intended.append(latest(world))
        return {}

    begin_alone(world)
    world.cloud.effects["delete_volume"] = deleting
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.edited = "the settings were edited"
    world.act()
    assert latest(world).held == "pause: the settings were edited"
    world.edited = None
    world.act()
    assert [(one.state, one.error) for one in intended] == [(ActionState.INTENDED, None)]
