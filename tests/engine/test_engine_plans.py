"""Plans that an author's action makes: what nobody could carry out holds its resource, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import pytest

from cloudwarden import ENFORCE, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.action import Plan, Read, Wait
from cloudwarden.core.finding import State
from cloudwarden.core.verdict import Violation
from world import World, stop_idle

WAIT = Wait(
    read=Read(service="ec2", operation="describe_instances", arguments={"InstanceIds": ["i-1"]}, path="x"),
    until=("x",),
)


class Mute(Exception):
    """Cannot even say what it is."""

    def __repr__(self) -> str:
        raise ValueError


@dataclass(frozen=True, kw_only=True)
class Bent(ec2.Stop):
    """Stops instances, by a plan that is bent for those whose name begins so."""

    name: ClassVar[str] = "bent-stop"
    bend: Callable[[Plan], object]
    only: str = ""

    def plan(self, resource: ec2.Instance, violation: Violation) -> Plan:
        """An instance's stop."""
        plan = replace(ec2.Stop().plan(resource, violation), action=self.name)
        return cast("Plan", self.bend(plan)) if resource.id.startswith(self.only) else plan


def raises(error: BaseException) -> Callable[[Plan], object]:
    """An action that fails."""

    def bend(plan: Plan) -> object:
        raise error

    return bend


def other_region(plan: Plan) -> Plan:
    """A plan whose call names its region by a number."""
    wrong: Any = 5
    return replace(plan, steps=(replace(plan.calls[0], region=wrong),))


def keeps_two(plan: Plan) -> Plan:
    """A plan whose call keeps more than its proof could find."""
    return replace(plan, steps=(replace(plan.calls[0], keeps={"was": "A", "now": "B"}),))


BENT = {
    "another action's name": (lambda plan: replace(plan, action="stop"), "of an action 'stop'"),
    "no steps": (lambda plan: replace(plan, steps=()), "does not begin with a Call"),
    "a wait first": (lambda plan: replace(plan, steps=(WAIT, *plan.steps)), "does not begin with a Call"),
    "nothing": (lambda plan: None, "it made None, which is no Plan"),
    "what the store cannot keep": (other_region, "region: Input should be a valid string"),
    "two values kept": (keeps_two, "stop_instances keeps was, now: a call keeps one value at most"),
    "what JSON has not": (lambda plan: replace(plan, summary={1}), "is no JSON"),
    "an end": (raises(SystemExit(1)), "SystemExit(1)"),
    "an error that is mute": (raises(Mute()), "Mute, which cannot say what it is"),
}


@pytest.fixture(params=BENT, ids=str)
def bent(request: pytest.FixtureRequest) -> tuple[Bent, str]:
    """An action, and what is wrong with its plan for the instances that are bent."""
    bend, why = BENT[request.param]
    return Bent(bend=bend, only="i-bent"), why


def test_what_nobody_could_carry_out_is_not_proposed(world: World, bent: tuple[Bent, str]) -> None:
    """The finding says why, and keeps saying it; the other instance is proposed as ever."""
    action, why = bent
    world.use(stop_idle(action=action))
    world.add("i-bent")
    world.add("i-other")
    world.sweep()
    world.act()
    assert [one.resource_id for one in world.proposals()] == ["i-other"]
    held = world.finding("i-bent").held or ""
    assert held.startswith("approval: there is nothing to approve: action 'bent-stop' could not be planned: ")
    assert why in held


def test_what_nobody_could_carry_out_is_not_done_alone(world: World, bent: tuple[Bent, str]) -> None:
    """A policy that acts by itself leaves it, goes on with the other instance, and the daemon goes on too."""
    action, why = bent
    world.use(stop_idle(mode=ENFORCE, action=action))
    world.sweep()
    world.trust_all()
    world.add("i-bent")
    world.add("i-other")
    world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"]
    assert world.states() == {"i-bent": State.DUE, "i-other": State.VERIFYING}
    assert why in (world.finding("i-bent").held or "")


def test_what_was_approved_is_the_same_when_the_store_gives_it_back(world: World) -> None:
    """A timeout of 60 comes back as 60.0: that is no other plan."""
    whole: Any = 60
    wait = replace(WAIT, timeout_seconds=whole)
    world.use(stop_idle(action=Bent(bend=lambda plan: replace(plan, steps=(*plan.steps, wait)))))
    world.add("i-1")
    world.sweep()
    world.approve_all()
    world.act()
    assert world.called() == ["stop_instances"]
