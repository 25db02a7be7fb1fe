"""A finding's life through real sweeps: grace, proposals, approval, enforcement, verification."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudwarden import ENFORCE, OBSERVE, cron, days, every, hours, minutes
from cloudwarden.core.errors import Throttled
from cloudwarden.core.exemption import HANDS_OFF
from cloudwarden.core.finding import Grace, ProposalState, State
from cloudwarden.core.resource import Tags
from cloudwarden.core.schedule import Schedule
from cloudwarden.engine.decide import pause, reject, resume, snooze
from cloudwarden.engine.exempt import exempt
from world import NOON, World, stop_idle, wish


def test_idle_is_proposed_and_busy_is_not(world: World) -> None:
    """Only the idle instance becomes a finding, and it waits for a person."""
    world.add("i-idle")
    world.add("i-busy", cpu=80)
    world.sweep()
    assert world.states() == {"i-idle": State.PROPOSED}
    assert world.called() == []


def test_approved_proposal_is_carried_out_once(world: World) -> None:
    """An approval leads to one call; later sweeps see the repair and make no other."""
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.act()
    assert world.called() == ["stop_instances"]
    assert world.states() == {"i-idle": State.VERIFYING}
    world.sweep(after=minutes(15))
    world.act()
    assert world.states() == {}
    assert world.called() == ["stop_instances"]


def test_journal_tells_the_story_in_order(world: World) -> None:
    """The intent stands before the outcome, and the person's decision before both."""
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.act()
    assert world.journal() == ["proposal_made", "proposal_approved", "action_intended", "action_succeeded"]


def test_enforce_without_trust_only_proposes(world: World) -> None:
    """A policy that nobody trusted yet asks, whatever its mode says."""
    world.use(stop_idle(mode=ENFORCE))
    world.add("i-idle")
    world.sweep()
    assert world.states() == {"i-idle": State.PROPOSED}


def test_trusted_enforce_acts_by_itself(world: World) -> None:
    """With enforce mode and trust, the sweep itself acts."""
    world.use(stop_idle(mode=ENFORCE))
    world.sweep()
    world.trust_all()
    world.add("i-idle")
    world.sweep()
    assert world.called() == ["stop_instances"]


def test_changed_rule_loses_trust(world: World) -> None:
    """Trust is bound to the version of the policy that the operator saw."""
    policy = stop_idle(mode=ENFORCE)
    world.use(policy)
    world.sweep()
    world.trust_all()
    world.use(replace(policy, params=policy.params.model_copy(update={"max_cpu_percent": 50.0})))
    world.add("i-idle")
    world.sweep()
    assert world.called() == []
    assert world.states() == {"i-idle": State.PROPOSED}


def test_ceiling_below_the_policy_wins(world: World) -> None:
    """An observing environment proposes nothing, whatever the policy says."""
    world.ceiling = OBSERVE
    world.add("i-idle")
    world.sweep()
    world.sweep(after=minutes(15))
    assert world.states() == {"i-idle": State.OPEN}


def test_grace_counts_watched_time(world: World) -> None:
    """The action is due when the violation has been watched for the whole grace, not before."""
    world.use(stop_idle(grace=minutes(40)))
    world.add("i-idle")
    for expected in (State.OPEN, State.OPEN, State.OPEN, State.PROPOSED):
        world.sweep(after=minutes(15))
        assert world.states() == {"i-idle": expected}


def test_outage_restarts_grace(world: World) -> None:
    """After an outage of many intervals the backlog is not due at once."""
    world.use(stop_idle(grace=minutes(40)))
    world.add("i-idle")
    world.sweep()
    world.sweep(after=minutes(15))
    world.sweep(after=hours(5))
    assert world.states() == {"i-idle": State.OPEN}
    assert world.finding("i-idle").grace.observed == minutes(0)


@pytest.mark.parametrize("schedule", [every(hours=1), cron("0 * * * *")])
@pytest.mark.parametrize("late", [0, 1, 1700])
def test_one_sweep_that_read_nothing_restarts_no_grace(world: World, schedule: Schedule, late: int) -> None:
    """However much later in its hour the next one is settled; what was not seen is not counted."""
    world.use(stop_idle(grace=days(14), schedule=schedule))
    world.add("i-idle")
    for _ in range(24):
        world.sweep(after=hours(1))
    world.cloud.fails["ec2.instance"] = Throttled("Rate exceeded")
    world.sweep(after=hours(1))
    world.cloud.fails.clear()
    world.sweep(after=hours(1) + timedelta(seconds=late))
    assert world.finding("i-idle").grace.observed == hours(23)


def test_repaired_daemon_does_not_act_on_an_old_approval_unseen(world: World) -> None:
    """An approval from before an outage waits until a sweep has seen the violation again."""
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.clock.advance(hours(5))
    world.act()
    assert world.called() == []
    assert (world.finding("i-idle").held or "").startswith("grace")


def test_unknown_stops_grace_and_keeps_the_finding(world: World) -> None:
    """While the metrics are silent the finding neither closes nor ages."""
    world.use(stop_idle(grace=minutes(40)))
    world.add("i-idle")
    world.sweep()
    world.sweep(after=minutes(15))
    silent = world.cloud.series.copy()
    world.cloud.series.clear()
    world.sweep(after=minutes(15))
    blind = world.finding("i-idle")
    assert blind.state is State.OPEN
    assert blind.unknown is not None
    assert blind.grace.observed == minutes(15)
    world.cloud.series.update(silent)
    world.measure("i-idle", cpu=1)
    world.sweep(after=minutes(10))
    assert world.finding("i-idle").grace.observed == minutes(15)


def test_resource_that_wakes_up_resolves(world: World) -> None:
    """A finding closes by itself, and its proposal is withdrawn, when the instance gets busy."""
    world.add("i-idle")
    world.sweep()
    world.measure("i-idle", cpu=90)
    world.sweep(after=minutes(15))
    assert world.states() == {}
    assert world.proposals() == []


def test_flap_is_the_same_finding(world: World) -> None:
    """A violation that returns within a day is counted as a flap, not as news."""
    world.add("i-idle")
    world.sweep()
    first = world.finding("i-idle").id
    world.measure("i-idle", cpu=90)
    world.sweep(after=minutes(15))
    world.measure("i-idle", cpu=1)
    world.sweep(after=hours(3))
    assert (world.finding("i-idle").id, world.finding("i-idle").flaps) == (first, 1)


def test_exempt_by_tag_and_by_object(world: World) -> None:
    """A tag of the policy, and a person's exemption until it ends, both take a resource out."""
    world.add("i-tagged", tags={"keep-running": "yes"})
    world.add("i-named")
    with world.store.transaction() as tx:
        exempt(tx, world.decider(), wish(expires_at=NOON + hours(2), resource="i-named"))
    world.sweep()
    assert world.states() == {"i-tagged": State.EXEMPTED, "i-named": State.EXEMPTED}
    world.sweep(after=hours(3))
    assert world.states() == {"i-tagged": State.EXEMPTED, "i-named": State.OPEN}
    world.sweep(after=minutes(15))
    assert world.states() == {"i-tagged": State.EXEMPTED, "i-named": State.PROPOSED}


def test_hands_off_takes_a_resource_out_of_every_policy(world: World) -> None:
    """No policy names the tag, and a trusted one that enforces heeds it too; the finding says what exempts it."""
    world.use(stop_idle(mode=ENFORCE, exempt=()))
    world.sweep()
    world.trust_all()
    world.add("i-marked", tags={HANDS_OFF: "true"})
    world.sweep()
    assert world.called() == []
    assert world.finding("i-marked").held == "tag cloudwarden:hands-off=true"
    assert world.states() == {"i-marked": State.EXEMPTED}


def test_hands_off_after_the_approval_still_holds(world: World) -> None:
    """The last look before the call reads the tags again: no call is made for AWS to deny."""
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.cloud.change("i-idle", tags=Tags({HANDS_OFF: "true"}))
    world.act()
    assert world.called() == []
    assert world.finding("i-idle").held == "exemption: tag cloudwarden:hands-off=true"


def test_rejected_is_not_proposed_again_before_its_time(world: World) -> None:
    """A rejection silences the finding until the date it names."""
    world.add("i-idle")
    world.sweep()
    (proposal,) = world.proposals()
    with world.store.transaction() as tx:
        reject(tx, proposal.id, world.decider("needed for a test"), until=NOON + days(1))
    world.sweep(after=hours(1))
    assert world.states() == {"i-idle": State.OPEN}
    world.sweep(after=hours(24))
    world.sweep(after=minutes(15))
    assert world.states() == {"i-idle": State.PROPOSED}


def test_proposal_expires(world: World) -> None:
    """A proposal that nobody decided ends, and the violation starts its grace again."""
    world.use(stop_idle(proposals_last=hours(1), grace=minutes(10)))
    world.add("i-idle")
    world.sweep()
    world.sweep(after=minutes(15))
    (proposal,) = world.proposals()
    for _ in range(4):
        world.sweep(after=minutes(15))
    with world.store.reading() as tx:
        ended = tx.proposals.get(proposal.id)
    assert ended is not None
    assert ended.state is ProposalState.EXPIRED
    assert world.states() == {"i-idle": State.OPEN}


def test_a_proposal_that_expires_while_nobody_can_tell_counts_no_grace(world: World) -> None:
    """Its grace begins with the next sweep that sees it; until then it is unknown, and says why."""
    world.use(stop_idle(proposals_last=hours(1), grace=minutes(15)))
    world.add("i-idle")
    for _ in range(5):
        world.sweep(after=minutes(15))
    world.cloud.fails["CPUUtilization"] = Throttled("Rate exceeded")
    world.sweep(after=minutes(15))
    unseen = world.finding("i-idle")
    assert (unseen.state, unseen.grace, str(unseen.unknown)) == (State.OPEN, Grace(), "throttled: Rate exceeded")
    world.cloud.fails.clear()
    world.sweep(after=minutes(15))
    assert world.finding("i-idle").grace == Grace(ticked_at=world.clock.now())


def test_pause_holds_approved_actions_until_resumed(world: World) -> None:
    """The pause switch takes effect before the next call, and ends when it is resumed."""
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    with world.store.transaction() as tx:
        pause(tx, world.decider("incident"))
    world.act()
    assert world.called() == []
    with world.store.transaction() as tx:
        resume(tx, world.decider())
    world.act()
    assert world.called() == ["stop_instances"]


def test_what_is_put_off_for_long_is_left_alone_for_as_long(world: World) -> None:
    """Also when it is busy for a while, and its finding closed weeks before the time is over."""
    world.add("i-idle")
    world.sweep()
    (proposal,) = world.proposals()
    with world.store.transaction() as tx:
        snooze(tx, proposal.id, world.decider("needed until May"), until=NOON + days(60))
    world.measure("i-idle", cpu=90)
    world.sweep(after=minutes(15))
    world.measure("i-idle", cpu=1)
    world.sweep(after=days(40))
    assert (world.states(), world.proposals()) == ({"i-idle": State.OPEN}, [])
    world.sweep(after=days(20))
    assert len(world.proposals()) == 1


def test_no_overlap_of_intervals_is_needed_for_a_fast_schedule(world: World) -> None:
    """A sweep every few seconds that takes longer than two intervals does not look blind."""
    world.use(stop_idle(schedule=every(seconds=5), grace=minutes(1)))
    world.add("i-idle")
    world.sweep()
    for _ in range(3):
        world.sweep(after=minutes(0.5))
    assert world.states() == {"i-idle": State.PROPOSED}
