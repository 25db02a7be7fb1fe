"""Terms of approval that change while a proposal stands: nothing is done that the policy no longer lets be done."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from busy_cloud import BusyCloud, nothing
from cloudwarden import ENFORCE, Approval, minutes
from cloudwarden.core.finding import Proposal, ProposalState, State
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.engine.decide import approve
from cloudwarden.ports import Store
from world import World, stop_idle


def on(quorum: int = 1, *not_by: str) -> AnyPolicy:
    """A policy with these terms."""
    return stop_idle(approval=Approval(quorum=quorum, not_by=not_by))


def asked(world: World, terms: AnyPolicy, *names: str) -> Proposal:
    """What was proposed on these terms, and approved by these people."""
    world.use(terms)
    world.add("i-idle")
    world.sweep()
    (made,) = world.proposals()
    agree(world, made, names)
    return made


def agree(world: World, proposal: Proposal, names: Sequence[str]) -> None:
    """These people approve it."""
    for name in names:
        with world.store.transaction() as tx:
            approve(tx, proposal.id, world.decider(by=name))


TIGHTER = [on(2), on(1, "ada"), on(2, "ada")]


@pytest.mark.parametrize("terms", TIGHTER)
def test_what_waits_is_asked_anew_on_other_terms(world: World, terms: AnyPolicy) -> None:
    """By the next sweep, with the reason in the journal; nobody has agreed to the new proposal."""
    old = asked(world, on())
    world.use(terms)
    world.sweep(after=minutes(15))
    (made,) = world.proposals()
    assert (made.quorum, made.not_by, made.agreed) == (terms.approval.quorum, tuple(terms.approval.not_by), 0)
    with world.store.reading() as tx:
        ended = tx.proposals.get(old.id)
    assert ended is not None
    assert (ended.state, ended.reason) == (ProposalState.WITHDRAWN, "the policy's terms of approval changed")


@pytest.mark.parametrize("terms", TIGHTER)
def test_what_was_approved_by_too_few_is_asked_anew(world: World, terms: AnyPolicy) -> None:
    """It was approved while the file was edited; neither before nor after the sweep is it done."""
    asked(world, on(), "ada")
    world.use(terms)
    world.act()
    assert "approval: the terms of approval changed since" in str(world.finding("i-idle").held)
    world.sweep(after=minutes(15))
    (made,) = world.proposals()
    assert (world.called(), made.state, world.finding("i-idle").state) == ([], ProposalState.PENDING, State.PROPOSED)


def test_what_met_stricter_terms_is_approved_still(world: World) -> None:
    """Nobody is asked again for what more people agreed to than the policy wants by now."""
    asked(world, on(2, "ada"), "grace", "linus")
    world.use(on())
    world.act()
    assert world.called() == ["stop_instances"]


def test_what_is_half_agreed_is_asked_anew_on_looser_terms(world: World) -> None:
    """Who agreed counted on a second person to look; it is not approved by an edit."""
    asked(world, on(2), "grace")
    world.use(on())
    world.sweep(after=minutes(15))
    (made,) = world.proposals()
    assert (world.called(), made.state, made.agreed) == ([], ProposalState.PENDING, 0)


def test_another_spelling_of_the_same_terms_changes_nothing(world: World) -> None:
    """The order and the case of names are no terms."""
    old = asked(world, on(2, "ada", "grace"))
    world.use(on(2, "Grace", "ada"))
    world.sweep(after=minutes(15))
    assert [one.id for one in world.proposals()] == [old.id]


def test_terms_are_asked_with_the_intent(store: Store) -> None:
    """The policy is another one by the time that the guards have passed."""
    cloud = BusyCloud()
    world = World(store=store, cloud=cloud)
    asked(world, on(), "ada")
    policies = dict(world.policies)
    cloud.meanwhile = [nothing, nothing, lambda: policies.update({"stop-idle": on(2)})]
    world.actor.act(policies, "")
    assert world.called() == []
    assert "1 of the 2 people" in str(world.finding("i-idle").held)


def test_terms_hold_what_was_approved_before_its_policy_was_trusted(world: World) -> None:
    """What people were asked about is carried out on their word, or not at all."""
    asked(world, on(), "ada")
    world.use(stop_idle(mode=ENFORCE, approval=Approval(quorum=2)))
    world.trust_all()
    world.act()
    assert world.called() == []
