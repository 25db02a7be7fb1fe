"""An undo restores what we did, and nothing of what somebody did since."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudwarden import minutes
from cloudwarden.aws import ec2, s3
from cloudwarden.core.errors import Timeout
from cloudwarden.core.finding import ActionRecord, ActionState
from cloudwarden.engine.undo import done_by
from cloudwarden.testing import bucket, instance
from undoing import ask, latest
from world import NOON, World

LATER = timedelta(minutes=5)


def test_an_instance_that_its_owner_started_and_stopped_since_is_not_started(
    world: World, stopped: ActionRecord
) -> None:
    """It is stopped as it was by us, and by the owner's wish."""
    world.cloud.change("i-idle", launched=stopped.changed_at + LATER)
    world.clock.advance(2 * LATER)
    undoing = ask(world, stopped)
    world.act()
    assert world.called() == ["stop_instances"]
    assert latest(world).state is ActionState.ABANDONED
    assert "i-idle was started again since, at " in (latest(world).error or "")
    assert latest(world).id == undoing.id


def test_while_the_instance_cannot_be_read_the_undo_waits(world: World, stopped: ActionRecord) -> None:
    """Nobody can tell when it was started last."""
    world.cloud.fails["get ec2.instance"] = Timeout("no answer")
    world.clock.advance(LATER)
    ask(world, stopped)
    world.act()
    assert world.called() == ["stop_instances"]
    assert "no answer" in (latest(world).error or "")
    world.cloud.fails.clear()
    world.clock.advance(minutes(15))
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]


def test_an_undo_that_goes_on_is_not_overtaken_by_its_own_start(world: World, stopped: ActionRecord) -> None:
    """What the undo before it did counts from when it was asked for again; what we stopped, from then."""
    world.clock.advance(minutes(5))
    undoing = ask(world, stopped)
    assert done_by(undoing, stopped) == stopped.changed_at
    started = replace(undoing, step=2)
    assert done_by(started, stopped) == undoing.started_at > stopped.changed_at


@pytest.mark.parametrize("action", [ec2.Stop.name, ec2.Start.name])
def test_a_later_start_goes_over_stops_and_starts(action: str) -> None:
    """An earlier one, that was there when we acted, does not."""
    assert instance(launched=NOON + LATER).overtaken(action, NOON) == "was started again since, at 2026-03-02 12:05Z"
    assert instance(launched=NOON).overtaken(action, NOON) is None


def test_a_start_goes_over_no_tags() -> None:
    """What it is called has nothing to do with when it runs."""
    assert instance(launched=NOON + LATER).overtaken("add-tags", NOON) is None


def test_a_bucket_with_a_later_date_keeps_its_block() -> None:
    """S3 turns the block on in every new bucket, and an undo that deletes it would open what nobody asked about."""
    made = bucket(created=NOON + LATER)
    said = "was made anew, or changed, since: S3 dates it 2026-03-02 12:05Z"
    assert made.overtaken(s3.BlockPublicAccess.name, NOON) == said
    assert replace(made, created=NOON).overtaken(s3.BlockPublicAccess.name, NOON) is None
    assert made.overtaken("add-tags", NOON) is None
