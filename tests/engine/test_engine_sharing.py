"""Two policies that find the same resource: nothing is begun on what the other one's action has begun to change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudwarden import ENFORCE, minutes
from cloudwarden.core.finding import State
from world import World, delete_unattached

QUARTER = minutes(15)


@pytest.fixture
def shared(world: World) -> World:
    """A volume of which one policy has asked for a snapshot, and which another one finds, too."""
    world.use(*(delete_unattached(name=name, mode=ENFORCE) for name in ("old-volumes", "unused-volumes")))
    world.sweep()
    world.trust_all()
    world.add_volume("vol-1")
    world.sweep(after=QUARTER)
    return world


def states(world: World) -> list[State]:
    """The standing findings' states."""
    with world.store.reading() as tx:
        return sorted(one.state for one in tx.findings.standing())


def test_nothing_is_begun_on_what_is_being_changed(shared: World) -> None:
    """The volume gets one snapshot; the other policy's finding says what it waits for."""
    shared.clock.advance(minutes(1))
    shared.act()
    assert shared.called() == ["create_snapshot"]
    assert states(shared) == [State.ACTING, State.DUE]
    with shared.store.reading() as tx:
        (waiting,) = (one for one in tx.findings.standing() if one.state is State.DUE)
    assert "volumes is under way on it: snapshot volume vol-1" in (waiting.held or "")


def test_what_is_left_of_it_is_looked_at_when_that_has_ended(shared: World) -> None:
    """The volume is gone by then."""
    shared.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    shared.sweep(after=QUARTER)
    shared.sweep(after=QUARTER)
    assert (shared.called(), states(shared)) == (["create_snapshot", "delete_volume"], [])


def test_what_is_called_alike_and_is_something_else_waits_for_nothing(world: World) -> None:
    """People choose the names of some kinds, and may give one to resources of two."""
    world.use(*(delete_unattached(name=name, mode=ENFORCE) for name in ("old-volumes", "unused-volumes")))
    world.sweep()
    world.trust_all()
    world.add_volume("vol-1")
    world.sweep(after=QUARTER)
    with world.store.transaction() as tx:
        (acting,) = (one for one in tx.findings.standing() if one.state is State.ACTING)
        tx.findings.save([replace(acting, kind="rds.database")])
    world.clock.advance(minutes(1))
    world.act()
    assert world.called() == ["create_snapshot", "create_snapshot"]
