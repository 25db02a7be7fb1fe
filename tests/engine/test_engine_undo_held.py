"""What holds an undo, and what does not: it is a person's word, which later ones hold, and what cannot be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from busy_cloud import actions, approved, paused
from cloudwarden import OBSERVE, PROPOSE, hours, minutes
from cloudwarden.core.action import Read
from cloudwarden.core.errors import Timeout
from cloudwarden.core.finding import ActionRecord, ActionState
from cloudwarden.core.pause import ITSELF, Pause
from cloudwarden.core.plain import Json
from cloudwarden.engine import decide
from cloudwarden.memory import MemoryCloud
from cloudwarden.ports import Store
from undoing import ask
from world import World, stop_idle


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


def test_a_pause_made_since_holds_an_undo(world: World, stopped: ActionRecord) -> None:
    """Nobody knew of it who asked; nothing is even looked at, and it goes on when somebody resumes."""
    ask(world, stopped)
    world.clock.advance(minutes(1))
    with world.store.transaction() as tx:
        decide.pause(tx, world.decider(), account=stopped.scope.account)
    looking = world.cloud.readings.pop("describe_instances")
    world.act()
    world.cloud.readings["describe_instances"] = looking
    assert world.called() == ["stop_instances"]
    with world.store.transaction() as tx:
        decide.resume(tx, world.decider(), account=stopped.scope.account)
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]


def test_that_a_policy_paused_itself_holds_no_undo(world: World, stopped: ActionRecord) -> None:
    """It is nobody's word, and what went wrong is just what is to be undone."""
    ask(world, stopped)
    world.clock.advance(minutes(1))
    with world.store.transaction() as tx:
        tx.decisions.save_pause(Pause(policy=stopped.policy, by=ITSELF, at=world.clock.now(), reason="3 failures"))
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]


def test_a_pause_that_the_daemon_made_of_everything_holds_an_undo(world: World, stopped: ActionRecord) -> None:
    """It is made for a person, who has to look first: whoever asked for the undo did not know why."""
    ask(world, stopped)
    world.clock.advance(minutes(1))
    with world.store.transaction() as tx:
        tx.decisions.save_pause(Pause(by=ITSELF, at=world.clock.now(), reason="the store was put back"))
    world.act()
    assert world.called() == ["stop_instances"]


def test_a_pause_made_since_holds_an_undo_whatever_the_clock_says(world: World, stopped: ActionRecord) -> None:
    """A clock that is set back in between does not make the later one the earlier one."""
    ask(world, stopped)
    world.clock.jump(-hours(1))
    with world.store.transaction() as tx:
        decide.pause(tx, world.decider())
    world.act()
    assert world.called() == ["stop_instances"]


def test_an_undo_asked_for_since_is_held_by_no_pause_whatever_the_clock_says(
    world: World, stopped: ActionRecord
) -> None:
    """Whoever paused everything wants to undo it all the same, on a machine whose clock is behind too."""
    with world.store.transaction() as tx:
        decide.pause(tx, world.decider())
    world.clock.jump(-hours(1))
    ask(world, stopped)
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]


@pytest.mark.parametrize(
    ("by", "before", "held"), [("operator", "", False), ("operator", "incident 6", True), ("somebody else", "", True)]
)
def test_a_pause_that_is_said_again(world: World, stopped: ActionRecord, by: str, before: str, *, held: bool) -> None:
    """Saying why of one's own pause that had no reason is no later pause; anything else said again is one."""
    with world.store.transaction() as tx:
        decide.pause(tx, world.decider(before))
    world.clock.advance(minutes(1))
    ask(world, stopped)
    world.clock.advance(minutes(1))
    with world.store.transaction() as tx:
        decide.pause(tx, world.decider("incident 7", by=by))
    world.act()
    assert (world.called() == ["stop_instances"]) is held
    with world.store.reading() as tx:
        assert [one.words for one in tx.decisions.pauses()] == ["incident 7"]


def test_a_pause_that_was_ended_and_made_again_holds_an_undo(world: World, stopped: ActionRecord) -> None:
    """Only the one that was there when it was asked for does not."""
    with world.store.transaction() as tx:
        decide.pause(tx, world.decider())
    ask(world, stopped)
    world.clock.advance(minutes(1))
    with world.store.transaction() as tx:
        decide.resume(tx, world.decider())
        decide.pause(tx, world.decider())
    world.act()
    assert world.called() == ["stop_instances"]


def test_an_undo_of_which_the_journal_says_nothing_is_held_by_every_pause(world: World, stopped: ActionRecord) -> None:
    """Its entry was exported, so that nobody can tell which pauses were there: it waits until they are ended."""
    with world.store.transaction() as tx:
        decide.pause(tx, world.decider())
    made = ask(world, stopped)
    with world.store.transaction() as tx:
        tx.actions.save(replace(made, state=ActionState.ABANDONED))
        tx.actions.save(replace(made, id="a-unwritten"))
    world.act()
    assert world.called() == ["stop_instances"]


def test_settings_that_were_edited_hold_an_undo_too(world: World, stopped: ActionRecord) -> None:
    """They may say by now that nothing is to be done."""
    ask(world, stopped)
    world.edited = "the settings were edited"
    world.act()
    assert world.called() == ["stop_instances"]
    world.edited = None
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]


@pytest.mark.parametrize("moment", ["looked at", "permitted"])
def test_a_pause_made_while_an_undo_is_looked_at_holds_it(store: Store, moment: str) -> None:
    """It is asked about with the intent, and once more right before the call."""
    world, cloud = approved(store)
    world.act()
    (done,) = actions(world)
    ask(world, done)
    world.clock.advance(minutes(1))

    def read(cloud: MemoryCloud, read: Read) -> Json:
        paused(world)
        return "stopped"

    if moment == "permitted":
        cloud.permitting = lambda: paused(world)
    else:
        cloud.readings["describe_instances"] = read
    world.act()
    assert world.called() == ["stop_instances"]
    assert [one.state for one in actions(world) if one.undoes] == [ActionState.WAITING]
    assert world.journal().count("action_intended") == (2 if moment == "permitted" else 1)


def test_an_undo_whose_look_lasted_too_long_rests(store: Store) -> None:
    """What keeps its intent from being committed would do so again a second later."""
    world, cloud = approved(store)
    world.act()
    (done,) = actions(world)
    ask(world, done)
    looks: list[Read] = []

    def read(cloud: MemoryCloud, read: Read) -> Json:
        looks.append(read)
        world.clock.jump(minutes(6))
        return "stopped"

    cloud.readings["describe_instances"] = read
    for _ in range(60):
        before = len(looks)
        world.act()
        world.clock.jump(minutes(-6) * (len(looks) - before))
        world.clock.advance(timedelta(seconds=1))
    assert world.called() == ["stop_instances"]
    assert 1 < len(looks) < 10


def test_nothing_is_undone_where_nothing_may_be_done(world: World, stopped: ActionRecord) -> None:
    """A ceiling of observe does nothing but look; the policy's own mode holds its actions, and no undo of them."""
    ask(world, stopped)
    world.use(stop_idle(mode=OBSERVE))
    world.ceiling = OBSERVE
    world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"]
    world.ceiling = PROPOSE
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]


def test_what_an_undo_looks_at_in_vain_rests(world: World, stopped: ActionRecord) -> None:
    """It is read ever more seldom, down to every half minute."""
    looks: list[object] = []
    world.cloud.readings["describe_instances"] = lambda cloud, read: _unread(looks)
    ask(world, stopped)
    for _ in range(600):
        world.act()
        world.clock.advance(timedelta(seconds=1))
    assert 20 < len(looks) < 30


def _unread(looks: list[object]) -> Json:
    looks.append(None)
    raise Timeout("Read timed out.")
