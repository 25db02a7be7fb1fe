"""What was once put to people stays with people: no policy does it by itself, however trusted it is by then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from cloudwarden import ENFORCE, Limit, days, hours, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.action import Plan
from cloudwarden.core.finding import Proposal, State
from cloudwarden.core.policy import Mode
from cloudwarden.core.verdict import Violation
from cloudwarden.engine import decide
from depending import depend, only
from world import World, stop_idle

QUARTER = minutes(15)
SECOND = timedelta(seconds=1)
ASKED = "approval: people were asked about it, so people decide"
MARK: ec2.AddTags[ec2.Instance] = ec2.AddTags(tags={"idle": "yes"})


def asked(world: World, **changes: object) -> ec2.Instance:
    """An idle instance that was proposed before its policy was trusted to act by itself, as it is now."""
    world.use(stop_idle(mode=ENFORCE, **changes))
    made = world.add("i-idle")
    depend(world, made)
    world.sweep()
    world.trust_all()
    return made


def turns(world: World, count: int = 3) -> None:
    """What the daemon does in some seconds."""
    for _ in range(count):
        world.act()
        world.clock.advance(SECOND)


def larger(world: World, made: ec2.Instance) -> None:
    """Somebody makes the instance a large one."""
    world.cloud.change(made.id, instance_type="m5.24xlarge")


def needed(world: World, made: ec2.Instance) -> None:
    """Something that nobody had seen depends on the instance."""
    depend(world, made, "vol-prod-data")


@pytest.mark.parametrize("overtake", [larger, needed])
def test_an_approval_that_counts_no_more_is_asked_for_anew(
    world: World, overtake: Callable[[World, ec2.Instance], None]
) -> None:
    """Between two sweeps nothing is done by itself; the next one asks."""
    made = asked(world)
    world.approve_all()
    overtake(world, made)
    turns(world)
    assert (world.called(), world.finding("i-idle").held) == ([], f"{ASKED}: the next sweep asks them anew")
    world.sweep(after=QUARTER)
    assert (world.called(), world.finding("i-idle").held) == ([], ASKED)
    assert world.states() == {"i-idle": State.PROPOSED}


def test_growth_that_was_proposed_is_not_done_when_an_approval_is_overtaken(world: World) -> None:
    """Only a sweep knows that so much was never found before."""
    world.use(stop_idle(mode=ENFORCE, limit=Limit(per_run=20, share=1.0)))
    world.sweep()
    world.trust_all()
    for number in range(9):
        world.add(f"i-{number}")
    world.sweep(after=QUARTER)
    first, *others = world.proposals()
    with world.store.transaction() as tx:
        decide.approve(tx, first.id, world.decider())
    world.cloud.change(first.resource_id, instance_type="m5.24xlarge")
    turns(world)
    assert (world.called(), len(others)) == ([], 8)


def rejected(world: World, proposal: Proposal) -> None:
    """A person refuses it for two hours."""
    with world.store.transaction() as tx:
        decide.reject(tx, proposal.id, world.decider(), until=world.clock.now() + hours(2))


def marked(world: World, proposal: Proposal) -> None:
    """A person has the instance marked instead."""
    with world.store.transaction() as tx:
        decide.approve(tx, proposal.id, world.decider(), action="add-tags")


def ignored(world: World, proposal: Proposal) -> None:
    """Nobody decides."""


@pytest.mark.parametrize("answer", [rejected, marked, ignored])
def test_what_people_did_not_agree_to_is_asked_again_and_not_done(
    world: World, answer: Callable[[World, Proposal], None]
) -> None:
    """Refused, chosen otherwise, or undecided: what follows is another proposal, also in a policy trusted since."""
    asked(world, alternatives=[MARK], proposals_last=hours(3), respects=hours(1))
    first = only(world)
    answer(world, first)
    for _ in range(18):
        world.sweep(after=QUARTER)
    assert "stop_instances" not in world.called()
    assert (only(world).id != first.id, world.finding("i-idle").held) == (True, ASKED)


def test_what_was_asked_is_done_when_people_agree(world: World) -> None:
    """Asked anew, they say yes."""
    asked(world)
    rejected(world, only(world))
    for _ in range(9):
        world.sweep(after=QUARTER)
    world.approve_all()
    world.act()
    assert world.called() == ["stop_instances"]


def test_a_violation_that_is_found_anew_is_another_one(world: World) -> None:
    """The finding closed, and another one came two days later: of that nobody was asked."""
    asked(world)
    world.measure("i-idle", cpu=90.0)
    world.sweep(after=QUARTER)
    world.sweep(after=days(2))
    world.trust_all()
    world.measure("i-idle", cpu=1.0)
    for _ in range(6):
        world.sweep(after=QUARTER)
    assert world.called() == ["stop_instances"]


@dataclass(frozen=True, kw_only=True)
class SlowStop(ec2.Stop):
    """Stops an instance; `meanwhile` happens while it is planned, which comes after the guards' last look."""

    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def plan(self, resource: ec2.Instance, violation: Violation) -> Plan:
        """As its parent, later."""
        while self.meanwhile:
            self.meanwhile.pop()()
        return super().plan(resource, violation)


def test_what_another_sweep_proposes_meanwhile_is_for_people(world: World) -> None:
    """After the last look, before the intent: people are asked, so that it does not begin."""
    slow = SlowStop()
    world.use(stop_idle(mode=ENFORCE, action=slow))
    world.sweep()
    world.trust_all()
    world.add("i-idle")
    world.edited = "not yet"
    world.sweep(after=QUARTER)
    world.edited = None

    def propose() -> None:
        world.edited, world.swept_under = "not here", Mode.PROPOSE
        world.sweep()
        world.edited, world.swept_under = None, Mode.ENFORCE

    slow.meanwhile.append(propose)
    world.act()
    assert (world.called(), world.states()) == ([], {"i-idle": State.PROPOSED})
