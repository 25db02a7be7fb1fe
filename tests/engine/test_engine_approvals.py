"""Approvals: who must agree, to exactly what, and what becomes of it when anything changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudwarden import Approval, Policy, hours, minutes
from cloudwarden.aws import ec2
from cloudwarden.core import guards
from cloudwarden.core.errors import PolicyError
from cloudwarden.core.finding import Proposal, ProposalState
from cloudwarden.core.guards import Candidate
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.engine.decide import DecisionError, approve, pause, reject
from world import World, stop_idle

MARK: ec2.AddTags[ec2.Instance] = ec2.AddTags(tags={"idle": "yes"})


ENDINGS = ("proposal_withdrawn", "proposal_expired")


def careful(**changes: object) -> AnyPolicy:
    """A policy that two people must agree to, not its author, and that may also only mark the instance."""
    terms: dict[str, object] = {"approval": Approval(quorum=2, not_by=["ada"]), "alternatives": [MARK]}
    return stop_idle(**terms | changes)


@pytest.fixture
def proposal(world: World) -> Proposal:
    """A pending proposal of it."""
    world.use(careful())
    world.add("i-idle")
    world.sweep()
    (made,) = world.proposals()
    return made


def agree(world: World, proposal: Proposal, by: str, *, user: str = "", **terms: str) -> Proposal:
    """Somebody approves it, from an account of the operating system that is a person's own, or from none."""
    with world.store.transaction() as tx:
        return approve(tx, proposal.id, world.decider(by=by, user=user), **terms)


def test_nothing_is_done_before_the_quorum_has_agreed(world: World, proposal: Proposal) -> None:
    """One is not two; the second makes it so, and the journal has both."""
    assert agree(world, proposal, "grace").state is ProposalState.PENDING
    world.act()
    assert world.called() == []
    assert agree(world, proposal, "linus").state is ProposalState.APPROVED
    world.act()
    assert world.called() == ["stop_instances"]
    assert [event for event in world.journal() if event.startswith("proposal_")] == [
        "proposal_made",
        "proposal_seconded",
        "proposal_approved",
    ]


def test_nobody_agrees_twice(world: World, proposal: Proposal) -> None:
    """Two people are two people."""
    agree(world, proposal, "grace")
    with pytest.raises(DecisionError, match=r"grace has approved it already \(1 of 2\)"):
        agree(world, proposal, "grace")


def test_whoever_wrote_it_does_not_approve_it(world: World, proposal: Proposal) -> None:
    """The policy says who."""
    with pytest.raises(DecisionError, match="ada may not approve"):
        agree(world, proposal, "ada")


@pytest.mark.parametrize("spelt", ["Ada", "ADA", " ada", "ada "])
def test_another_spelling_is_nobody_else(world: World, proposal: Proposal, spelt: str) -> None:
    """Neither for whoever may not approve, nor for whoever has approved already."""
    with pytest.raises(DecisionError, match="may not approve"):
        agree(world, proposal, spelt)
    agree(world, proposal, "grace  hopper")
    with pytest.raises(DecisionError, match="has approved it already"):
        agree(world, proposal, "Grace Hopper")


def test_one_account_is_one_person(world: World, proposal: Proposal) -> None:
    """Whatever names are typed there; the refusal says as whom it has approved."""
    agree(world, proposal, "bob", user="mallory")
    with pytest.raises(DecisionError, match=r"alice \(the account mallory\) has approved it already as bob from test"):
        agree(world, proposal, "alice", user="mallory")
    with pytest.raises(DecisionError, match="has approved it already"):
        agree(world, proposal, "mallory")
    assert agree(world, proposal, "grace", user="grace").state is ProposalState.APPROVED


def test_an_account_that_may_not_approve_may_not_by_another_name(world: World, proposal: Proposal) -> None:
    """The policy's author is barred by what the machine knows, and not only by what is typed."""
    with pytest.raises(DecisionError, match=r"grace \(the account Ada\) may not approve"):
        agree(world, proposal, "grace", user="Ada")


def test_in_an_account_that_is_nobodys_own_names_count(world: World, proposal: Proposal) -> None:
    """There nothing else tells people apart."""
    agree(world, proposal, "grace")
    assert agree(world, proposal, "linus").state is ProposalState.APPROVED


def test_an_approval_may_name_the_plan_it_means(world: World, proposal: Proposal) -> None:
    """What was looked at, and nothing else."""
    with pytest.raises(DecisionError, match=f"has the plan {proposal.plan.hash}, not 0123"):
        agree(world, proposal, "grace", plan_hash="0123")
    assert agree(world, proposal, "grace", plan_hash=proposal.plan.hash).agreed == 1


def test_another_allowed_action_may_be_chosen(world: World, proposal: Proposal) -> None:
    """Both choose to mark it: it is marked, and not stopped."""
    for person in ("grace", "linus"):
        agree(world, proposal, person, action="add-tags")
    world.sweep(after=minutes(15))
    assert world.called() == ["create_tags"]


def test_agreement_to_one_plan_is_none_to_another(world: World, proposal: Proposal) -> None:
    """Whoever agreed to mark it did not agree to stop it."""
    agree(world, proposal, "grace", action="add-tags")
    after = agree(world, proposal, "linus", action="stop-instance")
    assert (after.state, after.agreed) == (ProposalState.PENDING, 1)
    assert agree(world, proposal, "grace").state is ProposalState.APPROVED


def test_an_action_that_the_policy_does_not_allow_is_refused(world: World, proposal: Proposal) -> None:
    """With those that it does."""
    with pytest.raises(DecisionError, match="choose one of stop-instance, add-tags"):
        agree(world, proposal, "grace", action="terminate")


def test_an_alternative_that_the_policy_lost_is_not_carried_out(world: World, proposal: Proposal) -> None:
    """The file changed after people agreed: they agreed to something that is no more."""
    for person in ("grace", "linus"):
        agree(world, proposal, person, action="add-tags")
    world.use(careful(alternatives=[]))
    world.act()
    assert world.called() == []
    assert "no action 'add-tags' any more" in (world.finding("i-idle").held or "")


def test_a_changed_resource_needs_new_agreement(world: World, proposal: Proposal) -> None:
    """Assents go with the proposal that they were given to."""
    agree(world, proposal, "grace")
    world.cloud.change("i-idle", instance_type="x1e.32xlarge")
    world.sweep(after=minutes(15))
    (made,) = world.proposals()
    assert made.id != proposal.id
    assert made.agreed == 0


def test_what_ends_by_itself_is_in_the_journal(world: World, proposal: Proposal) -> None:
    """With whose approval counts no more; whoever reads on does not take it for one that was carried out."""
    agree(world, proposal, "grace")
    world.cloud.change("i-idle", instance_type="x1e.32xlarge")
    world.sweep(after=minutes(15))
    (made,) = world.proposals()
    world.sweep_until(world.clock.now() + hours(7 * 24 + 1), step=hours(6))
    with world.store.reading() as tx:
        ends = {str(one.details["proposal"]): one for one in tx.journal.entries() if one.event in ENDINGS}
    assert ends[proposal.id].event == "proposal_withdrawn"
    assert ends[proposal.id].details["agreed"] == ["grace"]
    assert ends[proposal.id].details["why"] == "the plan changed with the resource"
    assert ends[made.id].event == "proposal_expired"


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ((), "nobody decided in time"),
        (("grace",), "only grace agreed in time, and 2 must"),
        (
            ("grace", "linus"),
            "approved by grace, linus, and not carried out before it ended; last held by pause: everything",
        ),
    ],
)
def test_what_ends_with_its_time_says_how_far_it_came(
    world: World, proposal: Proposal, people: tuple[str, ...], words: str
) -> None:
    """Nobody decided, too few did, or enough, and it was held."""
    with world.store.transaction() as tx:
        pause(tx, world.decider("an incident"))
    for by in people:
        agree(world, proposal, by)
    world.act()
    world.sweep_until(proposal.expires_at, step=hours(6))
    with world.store.reading() as tx:
        (end,) = (one for one in tx.journal.entries() if one.event == "proposal_expired")
    assert str(end.details["why"]).startswith(words)
    assert end.details["agreed"] == list(people)


def test_one_rejection_ends_it(world: World, proposal: Proposal) -> None:
    """However many have agreed; it is not proposed again before the time given."""
    agree(world, proposal, "grace")
    with world.store.transaction() as tx:
        reject(tx, proposal.id, world.decider(), until=world.clock.now() + minutes(40))
    world.sweep(after=minutes(15))
    assert world.proposals() == []
    for _ in range(2):
        world.sweep(after=minutes(15))
    assert len(world.proposals()) == 1


def test_what_was_refused_does_not_seem_to_wait(world: World, proposal: Proposal) -> None:
    """Who asks why nothing happens is told who said no, until when and why, and not that somebody has yet to decide."""
    (policy,) = world.policies.values()
    with world.store.transaction() as tx:
        reject(tx, proposal.id, world.decider("it is needed"), until=world.clock.now() + minutes(40))
    asked = Candidate(
        policy=policy,
        finding=world.finding("i-idle"),
        mode=policy.mode,
        trusted=False,
        proposal=None,
        exempted=None,
        paused=None,
        closed=None,
        now=world.clock.now(),
        notices=(),
    )
    told = str(guards.approval(asked))
    assert "rejected by operator until" in told
    assert "it is needed" in told
    assert "waits for a person" in str(guards.approval(replace(asked, now=world.clock.now() + minutes(41))))


@pytest.mark.parametrize("away", [minutes(15), minutes(60 * 36)])
def test_a_rejection_outlives_a_flap(world: World, proposal: Proposal, away: timedelta) -> None:
    """What was refused for a week is not asked again because the violation went away and came back."""
    with world.store.transaction() as tx:
        reject(tx, proposal.id, world.decider(), until=world.clock.now() + minutes(60 * 24 * 7))
    world.cloud.change("i-idle", state="stopped")
    world.sweep_until(world.clock.now() + away, step=hours(6))
    world.cloud.change("i-idle", state="running")
    for _ in range(4):
        world.sweep(after=minutes(15))
    assert world.proposals() == []
    assert world.finding("i-idle").held


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"alternatives": [ec2.RevokeIngress()]}, "actions for the same kind of resource"),
        ({"alternatives": [ec2.Stop]}, "actions for the same kind of resource"),
        ({"approval": 2}, "write Approval"),
    ],
)
def test_terms_of_approval_that_make_no_sense_are_refused(changes: dict[str, object], says: str) -> None:
    """At import, with what to write."""
    with pytest.raises(PolicyError, match=says):
        careful(**changes)


def test_a_quorum_of_nobody_is_refused() -> None:
    """Approval by nobody is no approval."""
    with pytest.raises(PolicyError, match="write at least 1"):
        Approval(quorum=0)


def test_alternatives_need_an_action() -> None:
    """They stand in for one."""
    observing = replace(stop_idle(), mode=stop_idle().mode.OBSERVE, action=None)
    assert isinstance(observing, Policy)
    with pytest.raises(PolicyError, match="alternatives need an action"):
        replace(observing, alternatives=[MARK])


def test_what_another_approver_chose_is_not_what_the_next_one_agrees_to(world: World, proposal: Proposal) -> None:
    """Who was shown that it is stopped, and names no action, agrees to that, whatever somebody chose meanwhile."""
    agree(world, proposal, "grace", action="add-tags")
    after = agree(world, proposal, "linus")
    assert (after.state, after.plan.action) == (ProposalState.PENDING, "stop-instance")
    world.act()
    assert world.called() == []


def test_what_too_few_chose_is_said_when_it_ends(world: World, proposal: Proposal) -> None:
    """Somebody did decide, only otherwise."""
    agree(world, proposal, "grace", action="add-tags")
    world.sweep_until(proposal.expires_at, step=hours(6))
    with world.store.reading() as tx:
        (end,) = (one for one in tx.journal.entries() if one.event == "proposal_expired")
    assert end.details["why"] == "only grace to add-tags agreed in time, and 2 must"
