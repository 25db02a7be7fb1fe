"""Leases of unfinished actions: who may go on with one, when, and that none runs for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cloudwarden.core.errors import AccessDenied, LeaseLost, Timeout
from cloudwarden.core.finding import ActionRecord, ActionState, State
from cloudwarden.engine.abandonment import FRESH_FOR
from cloudwarden.engine.carry import PROOF_WAITS, UNKNOWN_AFTER
from cloudwarden.engine.events import ActionEnded
from cloudwarden.engine.tenure import LEASE, Tenure
from world import World, delete_unattached, stop_idle


@pytest.fixture
def unheard(world: World) -> World:
    """A stop was called and its answer lost: an intent without an outcome, belonging to nobody."""
    world.use(stop_idle())
    world.add("i-1")
    world.sweep()
    world.approve_all()
    world.cloud.fails["stop_instances"] = Timeout("no answer")
    world.cloud.effects.pop("stop_instances")
    world.act()
    world.cloud.fails.clear()
    return world


def only(world: World) -> ActionRecord:
    """The one action."""
    with world.store.reading() as tx:
        (record,) = tx.actions.latest(5)
    return record


def given_to(world: World, owner: str, **changes: object) -> ActionRecord:
    """The one action, now with a lease of this owner."""
    record = replace(only(world), owner=owner, lease_until=world.clock.now() + LEASE, **changes)  # type: ignore[arg-type]  # a test's changes
    with world.store.transaction() as tx:
        tx.actions.save(record)
    return record


def test_a_live_lease_of_another_is_left_alone(unheard: World) -> None:
    """While its daemon renews it nobody else reads, ends or goes on; once it lapses it is reconciled by reading."""
    given_to(unheard, "other")
    unheard.cloud.change("i-1", state="stopped")
    unheard.clock.advance(LEASE / 2)
    unheard.act()
    assert only(unheard).state is ActionState.INTENDED
    given_to(unheard, "other")
    unheard.clock.advance(LEASE / 2)
    unheard.act()
    assert only(unheard).state is ActionState.INTENDED
    unheard.clock.advance(LEASE / 2)
    unheard.act()
    assert only(unheard).state is ActionState.SUCCEEDED
    assert only(unheard).lease_until is None
    assert unheard.called() == ["stop_instances"]
    assert "action_taken_over" in unheard.journal()


def test_a_clock_set_back_blocks_nothing(unheard: World) -> None:
    """A lease that seems to last for a year is over when nobody renewed it for its length on our own clock."""
    given_to(unheard, "other")
    unheard.cloud.change("i-1", state="stopped")
    unheard.act()
    unheard.clock.jump(timedelta(days=-365))
    unheard.act()
    assert only(unheard).state is ActionState.INTENDED
    unheard.clock.advance(LEASE)
    unheard.act()
    assert only(unheard).state is ActionState.SUCCEEDED


def test_an_effect_is_waited_for_although_the_clock_was_set_back(unheard: World) -> None:
    """The absence of an effect is concluded after the same time as ever."""
    unheard.act()
    unheard.clock.jump(timedelta(days=-365))
    unheard.clock.advance(PROOF_WAITS - timedelta(seconds=1))
    unheard.act()
    assert only(unheard).state is ActionState.INTENDED
    unheard.clock.advance(timedelta(seconds=1))
    unheard.act()
    assert only(unheard).state is ActionState.FAILED


def test_who_owns_the_machines_lock_waits_for_no_dead_neighbour(world: World, unheard: World) -> None:
    """Owners of this machine's name cannot live beside us, so their leases are over at once; others' are not."""
    record = given_to(unheard, "boot-1/17/ab")
    mine = Tenure(world.clock, owner="boot-1/18/cd", alone="boot-1/")
    taken = mine.taken(world.store, record)
    assert taken is not None
    assert (taken.owner, taken.lease_until) == ("boot-1/18/cd", world.clock.now() + LEASE)
    assert mine.taken(world.store, given_to(unheard, "boot-2/17/ab")) is None


def test_who_was_overtaken_has_no_word(unheard: World) -> None:
    """A daemon that woke up after its lease was taken can neither save the action nor call for it."""
    record = only(unheard)
    given_to(unheard, "other")
    with pytest.raises(LeaseLost, match="other has it"), unheard.store.transaction() as tx:
        Tenure(unheard.clock).holding(tx, record)


def test_an_overtaken_step_is_not_called(world: World) -> None:
    """Between the look and the next step another daemon took over: nothing is called, and others go on."""
    world.use(delete_unattached())
    world.add_volume("v-1")
    world.sweep()
    world.approve_all()
    world.act()
    assert world.called() == ["create_snapshot"]
    waiting = only(world)
    given_to(world, "other")
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    with pytest.raises(LeaseLost):
        world.actor._carrier.go_on(waiting)
    assert world.called() == ["create_snapshot"]


def test_a_heartbeat_renews_what_is_ours(unheard: World) -> None:
    """As often as it beats; what another has, or has ended, stays as it is."""
    mine = Tenure(unheard.clock, owner="me")
    assert mine.renew(unheard.store) == 0
    given_to(unheard, "me")
    unheard.clock.advance(LEASE / 2)
    assert mine.renew(unheard.store) == 1
    assert only(unheard).lease_until == unheard.clock.now() + LEASE
    given_to(unheard, "me", state=ActionState.FAILED)
    assert mine.renew(unheard.store) == 0


def test_what_nobody_can_read_ends_as_unknown(unheard: World) -> None:
    """After a day without an answer: ended, journalled, reported as unknown, never called again by that action."""
    unheard.cloud.fails["read describe_instances"] = AccessDenied("no")
    unheard.clock.advance(UNKNOWN_AFTER - timedelta(minutes=1))
    unheard.act()
    assert only(unheard).state is ActionState.INTENDED
    unheard.clock.advance(timedelta(minutes=1))
    unheard.act()
    record = only(unheard)
    assert record.state is ActionState.UNKNOWN
    assert "nobody could read what became of stop_instances (no answer): access-denied: no" in (record.error or "")
    assert unheard.journal()[-1] == "action_unknown"
    (ended,) = unheard.reports.of(ActionEnded)
    assert isinstance(ended, ActionEnded)
    assert ended.outcome == "unknown"
    assert unheard.states() == {"i-1": State.FAILED}
    assert unheard.called() == ["stop_instances"]


def test_what_is_held_for_too_long_is_abandoned(world: World) -> None:
    """A begun action whose policy went away does not wait for ever; its remaining steps are not called."""
    world.use(delete_unattached())
    world.add_volume("v-1")
    world.sweep()
    world.approve_all()
    world.act()
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.use()
    world.act()
    assert only(world).state is ActionState.WAITING
    world.clock.advance(FRESH_FOR + timedelta(minutes=1))
    world.act()
    assert only(world).state is ActionState.ABANDONED
    assert "what was made for delete_volume is stale" in (only(world).error or "")
    assert world.called() == ["create_snapshot"]


def test_an_intent_says_who_decided_what_on_which_evidence(world: World) -> None:
    """The plan, the policy's version, everybody who agreed, and the answers that the last look read."""
    world.use(stop_idle())
    world.add("i-1")
    world.sweep()
    world.approve_all()
    world.act()
    with world.store.reading() as tx:
        entries = tx.journal.entries()
        finding = tx.findings.standing()[0]
    intent: Any
    made: Any
    (intent,) = [entry.details for entry in entries if entry.event == "action_intended"]
    (made,) = [entry.details for entry in entries if entry.event == "proposal_made"]
    assert intent["policy_version"] == made["policy_version"] == world.policies["stop-idle"].fingerprint
    assert intent["decision"] == "approved by operator"
    assert [assent["by"] for assent in intent["assents"]] == ["operator"]
    assert intent["plan"]["action"] == "stop-instance"
    assert intent["finding"] == made["finding"] == finding.id
    for details in (intent, made):
        assert details["evidence"]["summary"] == finding.violation.summary
        assert len(details["evidence"]["readings"]) == len(finding.readings) > 0
