"""Bad days: what cannot be read, what moves between judging and acting, and what dies in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudwarden import hours, minutes
from cloudwarden.core.errors import AccessDenied, Conflict, Throttled, Timeout
from cloudwarden.core.exemption import HANDS_OFF
from cloudwarden.core.finding import ActionState, State
from cloudwarden.core.metric import MetricQuery
from cloudwarden.core.resource import Tags
from cloudwarden.core.verdict import Outcome, Reason
from cloudwarden.engine.events import ActionEnded, JournalFailed
from faulty_store import FaultyStore
from world import World, delete_unattached, stop_idle


def test_metric_call_failing_for_a_part_hurts_only_that_part(world: World) -> None:
    """The others get their verdicts; the unreadable one is unknown with its cause."""
    world.add("i-idle")
    world.add("i-dark")
    world.cloud.fails["CPUUtilization i-dark"] = AccessDenied("not authorized")
    result = world.sweep()
    (judgement,) = result.judgements
    ((resource, verdict),) = judgement.told
    assert (resource.id, verdict.outcome) == ("i-idle", Outcome.VIOLATION)
    (doubt,) = judgement.doubts
    assert (doubt.resource_id, doubt.cause.reason) == ("i-dark", "access-denied")


@pytest.mark.parametrize(("cpu", "share"), [(None, 1.0), (1.0, 0.3)])
def test_silent_and_half_silent_are_never_idle(world: World, cpu: float | None, share: float) -> None:
    """No datapoints, or too few, is unknown."""
    world.add("i-quiet", cpu=cpu, share=share)
    result = world.sweep()
    assert result.judgements[0].unknown == {Reason.NOT_ENOUGH_DATA: 1}
    assert world.states() == {}


def test_half_of_a_listing_closes_nothing(world: World) -> None:
    """What an incomplete listing does not show is unknown, not gone."""
    world.add("i-0")
    world.add("i-1")
    world.sweep()
    world.cloud.fails["ec2.instance"] = Throttled("Request limit exceeded.")
    result = world.sweep(after=minutes(15))
    assert not result.complete
    assert set(world.states()) == {"i-0", "i-1"}
    assert world.finding("i-1").unknown is not None


def test_denied_listing_judges_nothing_and_holds_actions(world: World) -> None:
    """With a population that nobody knows, even an approved action waits."""
    world.add("i-0")
    world.sweep()
    world.approve_all()
    world.cloud.fails["ec2.instance"] = AccessDenied("You are not authorized to perform this operation.")
    world.sweep(after=minutes(15))
    world.act()
    assert world.called() == []
    assert set(world.states()) == {"i-0"}


def test_started_between_judging_and_acting(world: World) -> None:
    """The re-check sees that the instance is busy now: nothing is called, and the finding resolves."""
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.measure("i-idle", cpu=80)
    world.act()
    assert world.called() == []
    assert world.states() == {}


def test_deleted_between_judging_and_acting(world: World) -> None:
    """The re-check finds nothing: nothing is called, and the finding is gone."""
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    del world.cloud.resources["i-idle"]
    world.act()
    assert (world.called(), world.states()) == ([], {})


def test_recheck_that_cannot_read_holds(world: World) -> None:
    """A failing re-check is not a reason to go ahead."""
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.cloud.fails["get ec2.instance"] = Timeout("Read timed out.")
    world.act()
    assert world.called() == []
    assert "re-check" in (world.finding("i-idle").held or "")


def test_changed_plan_needs_a_new_approval(world: World) -> None:
    """An approval counts for the plan that was shown, and no other."""
    world.add("i-idle")
    world.sweep()
    (shown,) = world.proposals()
    world.approve_all()
    world.cloud.change("i-idle", instance_type="x1e.32xlarge")
    world.act()
    assert world.called() == []
    world.sweep()
    (new,) = world.proposals()
    assert new.id != shown.id
    assert new.plan.hash != shown.plan.hash


def test_denied_dry_run_is_a_failed_action(world: World) -> None:
    """Without permission the call is never made, and the finding says why."""
    world.add("i-idle")
    world.cloud.fails["dry-run stop_instances"] = AccessDenied("You are not authorized to perform this operation.")
    world.sweep()
    world.approve_all()
    world.act()
    assert world.called() == []
    assert world.states() == {"i-idle": State.FAILED}


def test_one_failure_does_not_stop_the_others(world: World) -> None:
    """Each resource has its own outcome."""
    world.add("i-0")
    world.add("i-1")
    world.sweep()
    world.approve_all()
    stop = world.cloud.effects["stop_instances"]

    def fails_first(cloud: object, call: object) -> dict[str, str]:
        world.cloud.effects["stop_instances"] = stop
        raise Conflict("IncorrectInstanceState")

    world.cloud.effects["stop_instances"] = fails_first
    world.act()
    assert sorted(world.states().values()) == [State.FAILED, State.VERIFYING]


def test_unheard_answer_is_reconciled_by_reading(world: World) -> None:
    """A call that timed out is not repeated: reading shows that it worked."""
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.cloud.fails["stop_instances"] = Timeout("Read timed out.")
    world.act()
    assert world.states() == {"i-idle": State.ACTING}
    world.cloud.change("i-idle", state="stopping")
    world.act()
    assert world.called() == ["stop_instances"]
    (ended,) = world.reports.of(ActionEnded)
    assert isinstance(ended, ActionEnded)
    assert (ended.outcome, ended.reconciled) == (ActionState.SUCCEEDED, True)


def test_call_without_effect_fails_after_a_while(world: World) -> None:
    """When reading still shows no effect after a minute, the action failed; it is not called again."""
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.cloud.fails["stop_instances"] = Timeout("Read timed out.")
    world.act()
    world.act()
    assert world.states() == {"i-idle": State.ACTING}
    world.clock.advance(minutes(2))
    world.act()
    assert world.called() == ["stop_instances"]
    assert world.states() == {"i-idle": State.FAILED}


def test_killed_after_the_call_repeats_nothing(world: World) -> None:
    """An intent without an outcome, as a kill leaves it, ends by reading."""

    class Killed(BaseException):
        pass

    def killed(cloud: object, call: object) -> dict[str, str]:
        world.cloud.change("i-idle", state="stopped")
        raise Killed

    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.cloud.effects["stop_instances"] = killed
    with pytest.raises(Killed):
        world.act()
    again = World(store=world.store, clock=world.clock, cloud=world.cloud)
    again.use(stop_idle())
    again.act()
    assert again.called() == ["stop_instances"]
    assert again.states() == {"i-idle": State.VERIFYING}


def test_unwritable_journal_means_no_call(world: World) -> None:
    """When the intent cannot be committed, nothing is done."""
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    full = World(store=FaultyStore(inner=world.store, unwritable=True), clock=world.clock, cloud=world.cloud)
    full.use(stop_idle())
    full.act()
    assert full.called() == []
    assert len(full.reports.of(JournalFailed)) == 1


def test_unwritable_store_keeps_nothing_of_a_sweep(world: World) -> None:
    """A sweep that cannot be settled says so, and does not act."""
    world.add("i-idle")
    full = World(store=FaultyStore(inner=world.store, unwritable=True), clock=world.clock, cloud=world.cloud)
    full.use(stop_idle())
    result = full.sweep()
    assert not result.settled
    assert world.states() == {}


def test_clock_set_back_does_not_age_a_finding(world: World) -> None:
    """Time that did not pass is not grace."""
    world.use(stop_idle(grace=minutes(30)))
    world.add("i-idle")
    world.sweep()
    world.sweep(after=minutes(15))
    world.clock.jump(-hours(2))
    world.measure("i-idle", cpu=1)
    world.sweep()
    assert world.finding("i-idle").grace.observed == minutes(0)


def test_snapshot_then_delete_waits_for_the_snapshot(world: World) -> None:
    """The volume is deleted only when its snapshot is complete."""
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    world.act()
    assert world.called() == ["create_snapshot"]
    world.act()
    assert world.called() == ["create_snapshot"]
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.act()
    assert world.called() == ["create_snapshot", "delete_volume"]


def test_volume_attached_while_its_snapshot_runs_is_kept(world: World) -> None:
    """The second call of a plan has a re-check of its own."""
    world.use(delete_unattached())
    made = world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    world.act()
    world.cloud.put(replace(made, state="in-use"))
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.act()
    assert world.called() == ["create_snapshot"]
    assert world.states() == {"vol-1": State.OPEN}


def test_what_cannot_be_looked_at_is_let_rest(world: World) -> None:
    """Each look asks its metrics, which are paid for: ten minutes cost a few, and the end is noticed within one."""
    world.use(stop_idle())
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.cloud.fails["describe_target_groups"] = AccessDenied("no")
    world.cloud.asked.clear()
    for _ in range(600):
        world.act()
        world.clock.advance(timedelta(seconds=1))
    assert len([one for one in world.cloud.asked if isinstance(one, MetricQuery)]) < 3 * 30
    assert world.called() == []
    del world.cloud.fails["describe_target_groups"]
    for _ in range(5):
        world.clock.advance(minutes(1))
        world.measure("i-idle", cpu=1)
        world.act()
    assert (world.finding("i-idle").held, world.called()) == (None, ["stop_instances"])


def test_an_action_that_waits_for_a_look_says_so(world: World) -> None:
    """Its resource cannot be read before the deletion: the finding tells why nothing goes on."""
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    world.act()
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.cloud.fails["get ec2.volume"] = AccessDenied("no")
    world.act()
    assert "delete_volume" not in world.called()
    assert world.finding("vol-1").held == "re-check: access-denied: no"
    del world.cloud.fails["get ec2.volume"]
    world.act()
    assert "delete_volume" in world.called()


def test_volume_marked_hands_off_while_its_snapshot_runs_is_kept(world: World) -> None:
    """The second call of a plan heeds a tag that came after the first, and is not made when it is gone either."""
    world.use(delete_unattached())
    made = world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    world.act()
    world.cloud.put(replace(made, tags=Tags({HANDS_OFF: "true"})))
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.act()
    assert world.called() == ["create_snapshot"]
    assert "exempt since it began: tag cloudwarden:hands-off=true" in (world.finding("vol-1").held or "")
    world.cloud.put(made)
    world.act()
    assert world.called() == ["create_snapshot"]
