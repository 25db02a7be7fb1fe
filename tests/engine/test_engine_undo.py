"""Undo: what our action did is restored on a person's word, once, and only while it is still in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

import jmespath
import pytest

from cloudwarden import ENFORCE, OBSERVE, Limit, days, hours, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.action import Call, Read
from cloudwarden.core.errors import AccessDenied, Conflict
from cloudwarden.core.finding import ActionRecord, ActionState, Finding, State
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Tags
from cloudwarden.engine import decide
from cloudwarden.engine.decide import DecisionError
from cloudwarden.engine.undo import undo
from cloudwarden.memory import MemoryCloud
from undoing import ask, latest, start
from world import NOON, World, delete_unattached, stop_idle


def test_a_stopped_instance_is_started_again(world: World, stopped: ActionRecord) -> None:
    """By the inverse that the plan recorded, with its intent and outcome in the journal."""
    world.clock.advance(minutes(1))
    made = ask(world, stopped)
    world.act()
    assert world.called() == ["stop_instances", "start_instances"]
    assert (latest(world).state, latest(world).undoes) == (ActionState.SUCCEEDED, stopped.id)
    with world.store.reading() as tx:
        events = [entry.event for entry in tx.journal.entries(action_id=made.id)]
    assert events == [
        "undo_requested",
        "action_stepped",
        "action_intended",
        "action_stepped",
        "action_succeeded",
    ]


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


def test_what_somebody_changed_since_is_left_as_it_is(world: World, stopped: ActionRecord) -> None:
    """It runs already: nothing is called, and the undo says why."""
    world.cloud.change("i-idle", state="running")
    ask(world, stopped)
    world.clock.advance(minutes(1))
    world.act()
    assert world.called() == ["stop_instances"]
    with world.store.reading() as tx:
        done = tx.actions.undoing(stopped.id)
    assert done is not None
    assert done.state is ActionState.ABANDONED
    assert "not in force any more" in (done.error or "")


def test_an_undo_pauses_no_policy(world: World, stopped: ActionRecord) -> None:
    """Somebody resumed it after three failures; that an action before them is undone says nothing new of it."""
    world.cloud.fails["stop_instances"] = Conflict("IncorrectInstanceState")
    world.use(stop_idle(mode=ENFORCE, limit=Limit(per_run=9, share=1.0)))
    for number in range(3):
        world.add(f"i-{number}")
    world.sweep(after=minutes(15))
    with world.store.transaction() as tx:
        decide.resume(tx, world.decider(), "stop-idle", others=True)
    world.clock.advance(minutes(1))
    ask(world, stopped)
    world.act()
    assert (latest(world).undoes, latest(world).state) == (stopped.id, ActionState.SUCCEEDED)
    with world.store.reading() as tx:
        assert tx.decisions.pauses() == []


def tagged_over(world: World) -> ActionRecord:
    """The action that gave i-idle a tag, and another value to a tag that it had."""
    tags: dict[str, dict[str, str]] = {"i-idle": {"team": "web"}}
    world.cloud.effects |= {"create_tags": partial(_create_tags, tags), "delete_tags": partial(_delete_tags, tags)}
    world.cloud.readings["describe_tags"] = partial(_describe_tags, tags)
    world.use(stop_idle(action=ec2.AddTags(tags={"idle": "yes", "team": "nobody"}, overwrite=True)))
    world.add("i-idle", tags=tags["i-idle"])
    world.sweep()
    world.approve_all()
    world.act()
    return latest(world)


def _create_tags(tags: dict[str, dict[str, str]], cloud: MemoryCloud, call: Call) -> dict[str, str]:
    del cloud
    tags["i-idle"] |= {one["Key"]: one["Value"] for one in call.arguments["Tags"]}  # type: ignore[union-attr,index,call-overload,misc]  # as planned
    return {}


def _delete_tags(tags: dict[str, dict[str, str]], cloud: MemoryCloud, call: Call) -> dict[str, str]:
    del cloud
    for one in call.arguments["Tags"]:  # type: ignore[union-attr]  # as planned
        del tags["i-idle"][one["Key"]]  # type: ignore[index,call-overload,arg-type]  # as planned
    return {}


def _describe_tags(tags: dict[str, dict[str, str]], cloud: MemoryCloud, read: Read) -> Json:
    del cloud
    shown = {"Tags": [{"Key": key, "Value": value} for key, value in tags["i-idle"].items()]}
    return jmespath.search(read.path, shown)  # type: ignore[no-any-return]  # whatever is found


@pytest.mark.parametrize("meddled", [True, False])
def test_an_undo_that_failed_half_way_goes_on_where_it_stood(world: World, *, meddled: bool) -> None:
    """What it did itself is no change by somebody else; what somebody changed since is left as it is."""
    done = tagged_over(world)
    delete = world.cloud.fails["delete_tags"] = AccessDenied("not authorized")
    world.clock.advance(minutes(1))
    ask(world, done)
    world.act()
    assert delete is world.cloud.fails.pop("delete_tags")
    world.clock.advance(minutes(1))
    if meddled:
        world.cloud.call(done.scope, done.plan.calls[0])
    made = ask(world, done)
    world.act()
    world.clock.advance(minutes(1))
    world.act()
    with world.store.reading() as tx:
        ended = tx.actions.get(made.id)
    assert ended is not None
    wanted = (ActionState.ABANDONED, "create_tags") if meddled else (ActionState.SUCCEEDED, "delete_tags")
    assert (ended.state, world.called()[-1]) == wanted
    assert world.called().count("delete_tags") == (0 if meddled else 1)


def test_a_tag_that_somebody_gave_while_an_undo_was_held_stays(world: World) -> None:
    """Somebody pauses between the two calls of the undo, and gives a value of their own to the tag we had changed."""
    world.use(stop_idle(action=ec2.AddTags(tags={"idle": "yes", "team": "nobody"}, overwrite=True)))
    world.add("i-idle", tags=Tags({"team": "web"}))
    world.sweep()
    world.approve_all()
    world.act()
    world.clock.advance(minutes(1))
    for operation in ("create_tags", "delete_tags"):
        world.cloud.effects[operation] = partial(_and_paused, world, world.cloud.effects[operation])
    ask(world, latest(world))
    world.act()
    world.clock.advance(minutes(1))
    world.cloud.change("i-idle", tags=Tags({**world.cloud.resources["i-idle"].tags, "team": "theirs"}))
    with world.store.transaction() as tx:
        decide.resume(tx, world.decider("over"))
    world.act()
    assert world.cloud.resources["i-idle"].tags["team"] == "theirs"


def _and_paused(
    world: World, effect: Callable[[MemoryCloud, Call], Mapping[str, str]], cloud: MemoryCloud, call: Call
) -> Mapping[str, str]:
    kept = effect(cloud, call)
    with world.store.transaction() as tx:
        decide.pause(tx, world.decider("incident"))
    return kept


def test_a_failed_undo_may_be_asked_for_again(world: World, stopped: ActionRecord) -> None:
    """And one that succeeded, or is under way, may not."""
    ask(world, stopped)
    with pytest.raises(DecisionError, match="which is waiting"):
        ask(world, stopped)
    world.cloud.fails["start_instances"] = AccessDenied("not authorized")
    world.act()
    del world.cloud.fails["start_instances"]
    world.clock.advance(minutes(1))
    ask(world, stopped)
    world.act()
    with pytest.raises(DecisionError, match="which is succeeded"):
        ask(world, stopped)


def test_an_undo_counts_for_no_limit(world: World, stopped: ActionRecord) -> None:
    """What a person restores does not use up what a policy may do."""
    ask(world, stopped)
    world.act()
    with world.store.reading() as tx:
        assert tx.actions.count_since(stopped.started_at) == 1


def test_what_cannot_be_undone_says_what_is_left(world: World) -> None:
    """The snapshot's id, for a deleted volume."""
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    for _ in range(3):
        world.act()
    assert world.called() == ["create_snapshot", "delete_volume"]
    with pytest.raises(DecisionError, match="one made from snap-1 holds the same data"):
        ask(world, latest(world))


@pytest.mark.parametrize("state", [ActionState.FAILED, ActionState.INTENDED, ActionState.ABANDONED])
def test_only_what_succeeded_can_be_undone(world: World, stopped: ActionRecord, state: ActionState) -> None:
    """Of anything else nobody knows that it is in force."""
    with world.store.transaction() as tx:
        tx.actions.save(replace(stopped, state=state))
    with pytest.raises(DecisionError, match="only one that succeeded"):
        ask(world, stopped)


def test_what_was_done_of_an_action_that_failed_is_said(world: World) -> None:
    """Call by call, with what it gave: a person has to look at it."""
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.cloud.fails["delete_volume"] = AccessDenied("not authorized")
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    for _ in range(3):
        world.act()
    with pytest.raises(DecisionError) as refused:
        ask(world, latest(world))
    said = str(refused.value)
    assert "of this one was done: ec2 create_snapshot" in said
    assert "which gave snapshot_id snap-1" in said
    assert "delete_volume" not in said


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (ActionState.FAILED, "nothing of this one was done"),
        (ActionState.UNKNOWN, 'nobody knows whether ec2 stop_instances {"InstanceIds": ["i-idle"]} was'),
        (ActionState.UNKNOWN, 'belong to it: ec2 start_instances {"InstanceIds": ["i-idle"]}'),
        (ActionState.WAITING, "is under way"),
    ],
)
def test_a_refusal_says_what_is_left(world: World, stopped: ActionRecord, state: ActionState, says: str) -> None:
    """And by which calls a person restores it."""
    with world.store.transaction() as tx:
        tx.actions.save(replace(stopped, state=state))
    with pytest.raises(DecisionError) as refused:
        ask(world, stopped)
    assert says in str(refused.value)


def test_an_undo_is_not_undone(world: World, stopped: ActionRecord) -> None:
    """Its policy acts again when it may."""
    world.clock.advance(minutes(1))
    ask(world, stopped)
    world.act()
    with pytest.raises(DecisionError, match="is an undo itself"):
        ask(world, latest(world))


def test_an_unknown_action_is_refused(world: World) -> None:
    """With where to look."""
    with world.store.transaction() as tx, pytest.raises(DecisionError, match="cloudwarden actions"):
        undo(tx, "a-never", world.decider())


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
