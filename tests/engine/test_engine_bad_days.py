"""Bad days: what cannot be read, what moves between judging and acting, and what dies in between."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from cloudwarden import ENFORCE, Now, Params, Violation, hours, minutes, rule
from cloudwarden.aws import ec2
from cloudwarden.core.errors import AccessDenied, Conflict, StoreUnwritable, Throttled, Timeout
from cloudwarden.core.evidence import Unanswered
from cloudwarden.core.finding import ActionState, State
from cloudwarden.core.verdict import Outcome, Reason
from cloudwarden.engine.events import ActionEnded, JournalFailed, PolicyJudged, RuleFailed
from cloudwarden.ports import Store, Transaction
from world import SCOPE, World, delete_unattached, stop_idle


class NotBusy(Params):
    """Params of the tests' own rule."""

    limit: float = 5.0


@rule
def not_busy(instance: ec2.Instance, params: NotBusy, activity: ec2.Activity) -> Violation | None:
    """Violation unless busy is proven: the careless way to write an idle rule."""
    try:
        busy = not activity.cpu_percent.stayed_below(params.limit, over=hours(1))
    except Exception:  # noqa: BLE001
        busy = False
    return None if busy else Violation(summary="not busy")


@rule
def swallows_everything(instance: ec2.Instance, params: NotBusy, activity: ec2.Activity) -> Violation | None:
    """Violation whatever happens, even if its question has no answer."""
    try:
        activity.cpu_percent.stayed_below(params.limit, over=hours(1))
    except BaseException:  # noqa: BLE001
        return Violation(summary="swallowed")
    return Violation(summary="idle")


@rule
def raises(instance: ec2.Instance, params: NotBusy) -> Violation | None:
    """A rule with a mistake in it."""
    raise ZeroDivisionError(instance.id)


@rule
def endless(instance: ec2.Instance, params: NotBusy) -> Violation | None:
    """A rule that never returns."""
    while True:
        pass


@rule
def nonsense(instance: ec2.Instance, params: NotBusy, now: Now) -> Violation | None:
    """A rule that returns what is no verdict."""
    return "yes"  # type: ignore[return-value]


@pytest.mark.parametrize("careless", [not_busy, swallows_everything])
def test_missing_metrics_are_unknown_even_to_a_careless_rule(world: World, careless: object) -> None:
    """No rule, however it is written, turns a failed metric call into a match."""
    world.use(stop_idle(rule=careless, params=NotBusy(), mode=ENFORCE))
    world.sweep()
    world.trust_all()
    world.add("i-busy", cpu=95)
    world.cloud.fails["CPUUtilization i-busy"] = Throttled("Rate exceeded")
    result = world.sweep()
    assert [dict(judgement.verdicts) for judgement in result.judgements] == [{Outcome.UNKNOWN: 1}]
    assert world.called() == []


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


class FullStore:
    """A store that can be read and not written."""

    def __init__(self, readable: Store) -> None:
        self._readable = readable

    def reading(self) -> AbstractContextManager[Transaction]:
        return self._readable.reading()

    def transaction(self) -> AbstractContextManager[Transaction]:
        raise StoreUnwritable("database or disk is full")


def test_unwritable_journal_means_no_call(world: World) -> None:
    """When the intent cannot be committed, nothing is done."""
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    full = World(store=FullStore(world.store), clock=world.clock, cloud=world.cloud)
    full.use(stop_idle())
    full.act()
    assert full.called() == []
    assert len(full.reports.of(JournalFailed)) == 1


def test_unwritable_store_keeps_nothing_of_a_sweep(world: World) -> None:
    """A sweep that cannot be settled says so, and does not act."""
    world.add("i-idle")
    full = World(store=FullStore(world.store), clock=world.clock, cloud=world.cloud)
    full.use(stop_idle())
    result = full.sweep()
    assert not result.settled
    assert world.states() == {}


def test_raising_endless_and_nonsense_rules_hurt_only_themselves(world: World) -> None:
    """Three broken policies and a sound one: the sound one judges as if it were alone."""
    world.use(
        stop_idle(),
        stop_idle(name="raises", rule=raises, params=NotBusy()),
        stop_idle(name="endless", rule=endless, params=NotBusy()),
        stop_idle(name="nonsense", rule=nonsense, params=NotBusy()),
    )
    world.add("i-idle")
    result = world.sweep()
    causes = {one.policy: doubt.cause.reason for one in result.judgements for doubt in one.doubts}
    assert causes == {
        "raises": Reason.RULE_RAISED,
        "endless": Reason.RULE_CUT_OFF,
        "nonsense": Reason.RULE_NONSENSE,
    }
    assert world.states() == {"i-idle": State.PROPOSED}
    assert len(world.reports.of(RuleFailed)) == 3


def test_endless_rule_is_given_up_after_a_few_resources(world: World) -> None:
    """A rule that never ends does not cost its limit once for every resource."""
    world.use(stop_idle(rule=endless, params=NotBusy()))
    for number in range(50):
        world.add(f"i-{number}")
    began = world.clock.monotonic()
    result = world.sweep()
    assert result.unknown == 50
    assert world.clock.monotonic() - began < 5


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


def test_second_policy_on_the_same_metric_asks_for_nothing_more(world: World) -> None:
    """Evidence is shared: the same question is gathered once."""
    world.add("i-idle")
    world.sweep()
    alone = len(world.cloud.asked)
    world.cloud.asked.clear()
    world.use(stop_idle(), stop_idle(name="stop-idle-too"))
    world.sweep()
    assert len(world.cloud.asked) == alone


def test_stopped_instance_costs_no_metric(world: World) -> None:
    """A rule that never asks has nothing gathered for it."""
    world.add("i-stopped")
    world.cloud.change("i-stopped", state="stopped")
    world.sweep()
    assert world.cloud.asked == []


def test_unknown_is_counted_with_its_cause(world: World) -> None:
    """The report of a sweep says how many are unknown, and why."""
    world.add("i-silent", cpu=None)
    world.sweep()
    (judged,) = world.reports.of(PolicyJudged)
    assert isinstance(judged, PolicyJudged)
    assert (judged.scope, judged.unknown) == (SCOPE, {Reason.NOT_ENOUGH_DATA: 1})


def test_unanswered_is_no_exception() -> None:
    """A rule's `except Exception` cannot catch a question without an answer."""
    assert not issubclass(Unanswered, Exception)
