"""What was undone is left alone: by its own policy for a while, and by every other that would do the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudwarden import ENFORCE, OBSERVE, days, hours, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.finding import ActionRecord, Finding, State
from undoing import ask, latest, start, tagged_over
from world import NOON, World, stop_idle


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


def test_what_is_undone_long_after_it_was_fixed_is_left_alone_as_long(world: World, stopped: ActionRecord) -> None:
    """As long as an action is kept it may be undone, and its finding closed weeks ago."""
    world.sweep(after=minutes(15))
    assert "i-idle" not in world.states()
    world.sweep_until(stopped.started_at + days(40), step=hours(12))
    ask(world, stopped)
    world.act()
    world.sweep_until(world.clock.now() + days(6), step=hours(6))
    assert world.called() == ["stop_instances", "start_instances"]


def test_a_later_finding_of_what_was_undone_is_left_alone_too(world: World) -> None:
    """The violation ended and came back since: its finding is another, and a person's word is of the resource."""
    done = tagged_over(world)
    world.measure("i-idle", cpu=90.0)
    world.sweep(after=hours(1))
    world.sweep(after=days(2))
    world.measure("i-idle", cpu=1.0)
    world.sweep(after=minutes(65))
    assert world.finding("i-idle").id != done.finding_id
    ask(world, done)
    world.act()
    assert world.finding("i-idle").snoozed_until == world.clock.now() + days(7)
    world.sweep(after=hours(1))
    assert (world.states(), world.proposals()) == ({"i-idle": State.OPEN}, [])


@pytest.mark.parametrize("earlier", [True, False])
def test_what_was_undone_no_other_policy_does_again(world: World, stopped: ActionRecord, *, earlier: bool) -> None:
    """Whether it had found the resource before, or finds it only after: a person's word is of the resource."""
    other = stop_idle(name="halt-idle", mode=ENFORCE)
    halting = replace(other, grace=hours(2))
    if earlier:
        world.cloud.change("i-idle", state="running")
        world.use(stop_idle(mode=OBSERVE), halting)
        world.sweep()
        assert {one.policy for one in findings(world)} == {"stop-idle", "halt-idle"}
        world.cloud.change("i-idle", state="stopped")
    world.clock.advance(minutes(2))
    ask(world, stopped)
    world.act()
    world.use(stop_idle(mode=ENFORCE), halting if earlier else other)
    world.sweep()
    world.trust_all()
    for _ in range(24):
        world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances", "start_instances"]
    assert all("was undone" in str(one.held) for one in findings(world))


def test_what_was_undone_is_not_done_again_before_a_sweep_has_seen_it(world: World, stopped: ActionRecord) -> None:
    """By a policy that was away meanwhile, and is swept for on a calendar only, however it had been approved."""
    world.cloud.change("i-idle", state="running")
    halting = stop_idle(name="halt-idle")
    world.use(stop_idle(mode=OBSERVE), halting)
    world.sweep(after=minutes(15))
    world.approve_all()
    world.use(stop_idle(mode=OBSERVE))
    world.cloud.change("i-idle", state="stopped")
    world.clock.advance(minutes(1))
    ask(world, stopped)
    world.act()
    world.use(stop_idle(mode=OBSERVE), halting)
    world.clock.advance(minutes(1))
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]
    [held] = [str(one.held) for one in findings(world) if one.policy == "halt-idle"]
    assert held.startswith(f"grace: action {stopped.id} was undone at ")
    world.sweep(after=minutes(1))
    assert world.called() == ["stop_instances", "start_instances"]
    assert all("was undone" in str(one.held) and one.snoozed_until for one in findings(world))


@pytest.mark.parametrize("meanwhile", ["away", "without an action"])
def test_what_was_undone_no_policy_does_again_that_could_not_be_told(world: World, meanwhile: str) -> None:
    """One whose file was away when it was undone, or that was given the same action since, is put off by its sweep."""
    policy, other = stop_idle(mode=ENFORCE), stop_idle(name="halt-idle", mode=ENFORCE, grace=minutes(30))
    world.cloud.effects["start_instances"] = start
    world.use(policy, other)
    world.sweep()
    world.trust_all()
    world.add("i-idle")
    world.sweep(after=minutes(15))
    world.use(policy, *([] if meanwhile == "away" else [replace(other, mode=OBSERVE, action=None)]))
    world.sweep(after=minutes(15))
    ask(world, latest(world))
    world.act()
    world.sweep(after=minutes(15))
    world.use(policy, other)
    for _ in range(24):
        world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances", "start_instances"]
    assert {one.policy for one in findings(world)} == {"stop-idle", "halt-idle"}
    assert all("was undone" in str(one.held) for one in findings(world))


def test_what_was_undone_is_left_alone_for_no_longer_than_a_week(world: World, stopped: ActionRecord) -> None:
    """However many sweeps have seen it meanwhile: its grace runs in that week, and is begun anew by none of them."""
    world.clock.advance(minutes(2))
    ask(world, stopped)
    world.act()
    world.use(stop_idle(mode=ENFORCE, grace=hours(2)))
    world.sweep_until(NOON + days(8), step=hours(1))
    assert world.called() == ["stop_instances", "start_instances", "stop_instances"]


def test_what_was_undone_may_be_done_otherwise(world: World, stopped: ActionRecord) -> None:
    """A policy of another action has not been told anything."""
    world.clock.advance(minutes(2))
    ask(world, stopped)
    world.act()
    world.use(stop_idle(name="tag-idle", action=ec2.AddTags(tags={"idle": "yes"})))
    world.sweep()
    assert [one.policy for one in world.proposals()] == ["tag-idle"]


def test_what_another_policy_was_to_do_is_not_done_after_an_undo(world: World, stopped: ActionRecord) -> None:
    """It was approved before, and is put off at once, without a sweep."""
    world.cloud.change("i-idle", state="running")
    world.use(stop_idle(mode=OBSERVE), stop_idle(name="halt-idle"))
    world.sweep(after=minutes(15))
    world.doubt = "nobody can tell yet"
    world.approve_all()
    world.cloud.change("i-idle", state="stopped")
    world.clock.advance(minutes(1))
    ask(world, stopped)
    world.act()
    world.doubt = None
    world.clock.advance(minutes(1))
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]


def findings(world: World) -> list[Finding]:
    """Every standing finding."""
    with world.store.reading() as tx:
        return list(tx.findings.standing())
