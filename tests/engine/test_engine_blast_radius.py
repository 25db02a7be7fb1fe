"""What depends on a resource is read once more before anything is done, and must be what people saw, or little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from cloudwarden.core.errors import AccessDenied, Throttled
from cloudwarden.core.finding import ProposalState, State
from cloudwarden.engine.decide import DecisionError, approve
from cloudwarden.engine.events import ActionHeld, ProposalEnded, ProposalMade
from depending import QUARTER, depend, details, only, trusted
from world import World, stop_idle


def test_a_person_may_approve_the_unknown(world: World) -> None:
    """It is shown as unknown, and carried out when nothing else has become unknown since."""
    world.use(stop_idle())
    world.add("i-1")
    world.cloud.fails["describe_target_groups"] = AccessDenied("no")
    world.sweep()
    assert (str(only(world).radius), only(world).radius.known) == ("unknown", False)
    world.approve_all()
    world.act()
    assert world.called() == ["stop_instances"]
    radius = details(world, "action_intended")["blast_radius"]
    assert isinstance(radius, Mapping)
    assert radius["unknown"] == ["target groups (access-denied: no)"]


def test_an_approval_ends_when_more_depends(world: World) -> None:
    """What is new was not agreed to: people are asked again, and told what it is."""
    world.use(stop_idle())
    instance = world.add("i-1")
    depend(world, instance, "vol-1")
    world.sweep()
    first = only(world)
    world.approve_all()
    depend(world, instance, "vol-1", "vol-new")
    world.act()
    assert world.called() == []
    (ended,) = world.reports.of(ProposalEnded)
    assert isinstance(ended, ProposalEnded)
    assert (ended.proposal.state, ended.proposal.id) == (ProposalState.WITHDRAWN, first.id)
    assert "vol-new" in str(ended.proposal.reason)
    assert "vol-1" not in str(ended.proposal.reason)
    assert details(world, "proposal_withdrawn")["proposal"] == first.id
    world.sweep(after=QUARTER)
    again = only(world)
    assert (again.state, again.id != first.id) == (ProposalState.PENDING, True)
    assert again.plan.hash == first.plan.hash
    assert [one.id for one in again.radius.dependants] == ["vol-1", "vol-new"]


def test_an_approval_stands_when_less_depends(world: World) -> None:
    """And however the cloud orders its answer."""
    world.use(stop_idle())
    instance = world.add("i-1")
    depend(world, instance, "vol-1", "vol-2", "vol-3")
    world.sweep()
    world.approve_all()
    depend(world, instance, "vol-3", "vol-1")
    world.act()
    assert world.called() == ["stop_instances"]


def test_an_approval_waits_while_it_cannot_be_told(world: World) -> None:
    """Unknown is not "as before": held, not lost."""
    world.use(stop_idle())
    depend(world, world.add("i-1"), "vol-1")
    world.sweep()
    world.approve_all()
    world.cloud.fails["describe_volumes"] = Throttled("Rate exceeded")
    world.act()
    assert world.called() == []
    assert "blast-radius: cannot tell whether more depends on it by now: volumes" in str(world.finding("i-1").held)
    assert only(world).state is ProposalState.APPROVED
    del world.cloud.fails["describe_volumes"]
    world.act()
    assert world.called() == ["stop_instances"]


def test_a_trusted_policy_acts_on_what_little_depends_on(world: World) -> None:
    """Up to max_dependants, and the intent says what they were."""
    depend(world, trusted(world, max_dependants=2), "vol-1", "vol-2")
    world.sweep(after=QUARTER)
    assert world.called() == ["stop_instances"]
    entry = details(world, "action_intended")
    radius = entry["blast_radius"]
    assert isinstance(radius, Mapping)
    assert radius["dependants"] == [
        "ec2.volume vol-1: is attached to it as a disk",
        "ec2.volume vol-2: is attached to it as a disk",
    ]
    assert isinstance(entry["saving"], Mapping)


def test_a_trusted_policy_asks_about_what_much_depends_on(world: World) -> None:
    """It proposes, says why, and does it once a person agreed."""
    depend(world, trusted(world, max_dependants=2), "vol-1", "vol-2", "vol-3")
    world.sweep(after=QUARTER)
    assert world.called() == []
    assert world.finding("i-1").state is State.PROPOSED
    assert "3 things depend on it and max_dependants=2" in str(world.finding("i-1").held)
    (held,) = world.reports.of(ActionHeld)
    assert isinstance(held, ActionHeld)
    assert held.guard == "blast-radius"
    assert len(world.reports.of(ProposalMade)) == 1
    made = only(world)
    world.sweep(after=QUARTER)
    assert only(world) == made
    world.approve_all()
    world.act()
    assert world.called() == ["stop_instances"]


def test_a_trusted_policy_asks_about_what_nobody_can_tell(world: World) -> None:
    """Unknown is not little."""
    depend(world, trusted(world, max_dependants=100), "vol-1")
    world.cloud.fails["describe_auto_scaling_instances"] = AccessDenied("no")
    world.sweep(after=QUARTER)
    assert world.called() == []
    assert "not known what depends on it" in str(world.finding("i-1").held)
    assert only(world).state is ProposalState.PENDING
    assert details(world, "proposal_made")["proposal"] == only(world).id


def test_an_approval_names_the_radius_that_was_shown(world: World) -> None:
    """Another one is refused; who agreed before it was known must agree again."""
    world.use(stop_idle(approval=replace(stop_idle().approval, quorum=2)))
    depend(world, world.add("i-1"), "vol-1")
    world.cloud.fails["describe_volumes"] = Throttled("Rate exceeded")
    world.sweep()
    blind = only(world)
    with world.store.transaction() as tx:
        assert approve(tx, blind.id, world.decider(), radius_hash=blind.radius.hash).agreed == 1
    del world.cloud.fails["describe_volumes"]
    for _ in range(5):
        world.sweep(after=QUARTER)
    seen = only(world)
    assert (seen.id, str(seen.radius), seen.agreed) == (blind.id, "1", 0)
    with world.store.transaction() as tx, pytest.raises(DecisionError, match="look again"):
        approve(tx, blind.id, world.decider(), radius_hash=blind.radius.hash)
