"""A deletion is not gone on with once its snapshot is gone, or of too long ago."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudwarden import days, every, minutes
from cloudwarden.core.errors import Throttled, Timeout
from cloudwarden.core.finding import ActionState
from cloudwarden.engine.abandonment import FRESH_FOR
from overtaking import SOON, action, begun, complete, paused, resumed
from world import World, delete_unattached


@pytest.mark.parametrize("shown", [None, "recoverable"])
def test_a_volume_whose_snapshot_is_gone_by_now_is_kept(world: World, shown: str | None) -> None:
    """Somebody deletes the snapshot during a pause: the volume would be deleted without one."""
    begun(world)
    complete(world)
    paused(world)
    world.act()
    assert action(world).step == 2
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: shown
    resumed(world)
    world.act()
    assert world.called() == ["create_snapshot"]
    assert action(world).held == f"re-check: describe_snapshots, which was waited for, shows {shown!r} by now"


def test_what_was_waited_for_is_read_again_before_the_call(world: World) -> None:
    """Whether it is there still could not be told: the volume is deleted once it can."""
    begun(world)
    complete(world)
    paused(world)
    world.act()
    world.cloud.fails["read describe_snapshots"] = Throttled("Rate exceeded")
    resumed(world)
    world.act()
    assert (world.called(), action(world).held) == (["create_snapshot"], "re-check: throttled: Rate exceeded")
    del world.cloud.fails["read describe_snapshots"]
    world.act()
    assert world.called() == ["create_snapshot", "delete_volume"]


@pytest.mark.parametrize(("held", "deleted"), [(FRESH_FOR, True), (FRESH_FOR + SOON, False)])
def test_a_snapshot_of_long_ago_is_stale(world: World, held: timedelta, *, deleted: bool) -> None:
    """Though every sweep saw the volume left: between two of them it may have been used."""
    begun(world)
    complete(world)
    paused(world)
    world.act()
    end = world.clock.now() + held
    while world.clock.now() < end:
        world.sweep(after=min(minutes(15), end - world.clock.now()))
    resumed(world)
    world.act()
    assert ("delete_volume" in world.called()) is deleted
    assert ("is stale: begun at" in (action(world).error or "")) is not deleted
    assert ("held meanwhile by pause: everything was paused" in (action(world).error or "")) is not deleted


def test_how_long_aws_takes_does_not_make_it_stale(world: World) -> None:
    """The hour begins when a large volume's snapshot is complete."""
    begun(world)
    for _ in range(40):
        world.sweep(after=minutes(15))
    complete(world)
    world.act()
    assert world.called() == ["create_snapshot", "delete_volume"]


def test_a_snapshot_that_was_found_days_later_is_stale(world: World) -> None:
    """Nobody heard the answer, and the daemon was down; it counts from its intent, however seldom the policy sweeps."""
    world.use(delete_unattached(schedule=every(days=7)))
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    world.cloud.fails["create_snapshot"] = Timeout("Read timed out.")
    world.act()
    world.clock.advance(days(3))
    complete(world)
    world.act()
    assert (world.called(), action(world).state) == (["create_snapshot"], ActionState.ABANDONED)
    assert "is stale" in (action(world).error or "")
