"""What a plan would touch and save is read before anybody is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

import pytest

from cloudwarden import PROPOSE, NoParams, Policy, every
from cloudwarden.aws import ec2
from cloudwarden.core.blast import Dependant, Look
from cloudwarden.core.errors import AccessDenied
from cloudwarden.core.finding import State
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.saving import Charges
from cloudwarden.engine.decide import approve
from cloudwarden.engine.sweep import MOST_PROSPECTS
from cloudwarden.library.network import unassociated
from cloudwarden.testing import address
from depending import QUARTER, depend, details, only
from world import SCOPE, World, stop_idle


def test_a_proposal_says_what_depends_and_what_is_saved(world: World) -> None:
    """Sorted, known, and in the journal with the evidence."""
    world.use(stop_idle())
    depend(world, world.add("i-1"), "vol-2", "vol-1")
    world.sweep()
    proposal = only(world)
    assert [one.id for one in proposal.radius.dependants] == ["vol-1", "vol-2"]
    assert proposal.radius.known
    saving = proposal.prospect.saving
    assert saving is not None
    # 730 hours of a t3.micro in eu-central-1.
    assert saving.dollars == pytest.approx(8.76)
    assert world.finding("i-1").saving == saving
    entry = details(world, "proposal_made")
    radius = entry["blast_radius"]
    assert isinstance(radius, Mapping)
    assert (radius["count"], radius["hash"], radius["unknown"]) == (2, proposal.radius.hash, [])
    assert entry["saving"] == {"dollars": saving.dollars, "basis": saving.basis}


def test_only_what_is_proposed_is_looked_at(world: World) -> None:
    """A busy instance costs no call, nor does one that was proposed already."""
    world.use(stop_idle())
    world.add("i-busy", cpu=90.0)
    world.add("i-idle")
    world.sweep()
    looked = {look.detail for look in world.add("i-idle").dependants() if isinstance(look, Look)}
    asked = [query for query in world.cloud.asked if query in looked]
    assert set(asked) == looked
    world.cloud.asked.clear()
    world.sweep(after=QUARTER)
    assert not looked & set(world.cloud.asked)


def test_no_more_than_so_many_in_a_sweep(world: World) -> None:
    """All are proposed; those that nobody looked at say so, and the next sweep looks."""
    world.use(stop_idle())
    for number in range(MOST_PROSPECTS + 3):
        world.add(f"i-{number:03}")
    world.sweep()
    unread = [one for one in world.proposals() if not one.radius.known]
    assert len(unread) == 3
    assert "not looked at in this sweep" in unread[0].radius.unknown
    world.sweep(after=QUARTER)
    assert all(one.radius.known for one in world.proposals())


@dataclass(frozen=True, kw_only=True, slots=True)
class Careless(ec2.Stop):
    """An author's action whose own words on dependants and money fail."""

    name: ClassVar[str] = "careless"

    def disturbs(self, resource: ec2.Instance) -> Iterable[Dependant | Look]:
        """Raise, after a first one."""
        yield Dependant(kind="a", id="b", why="c")
        raise KeyError(resource.id)

    def frees(self, resource: ec2.Instance) -> Charges:
        """Raise."""
        raise KeyError(resource.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Endless(ec2.Stop):
    """An action whose answers lead to ever more questions."""

    name: ClassVar[str] = "endless"

    def disturbs(self, resource: ec2.Instance) -> Iterator[Look]:
        """The same look again, one deeper."""
        (detail,) = (one.detail for one in resource.dependants() if isinstance(one, Look) and one.what == "addresses")

        def view(_: Mapping[str, object]) -> Iterator[Look]:
            yield Look(what="turtles", detail=detail, view=view)

        yield from view({})


def test_an_action_s_own_failure_is_unknown(world: World) -> None:
    """Its author's mistake neither ends the sweep nor reads as nothing."""
    world.use(stop_idle(action=Careless()))
    world.add("i-1")
    world.sweep()
    made = only(world)
    assert [(gap.what, gap.cause.reason) for gap in made.radius.gaps] == [("everything", "malformed-answer")]
    assert made.prospect.saving is not None
    assert made.prospect.saving.dollars is None


def test_questions_without_an_end_are_unknown(world: World) -> None:
    """They end after a few rounds."""
    world.use(stop_idle(action=Endless()))
    instance = world.add("i-1")
    (detail,) = (one.detail for one in instance.dependants() if isinstance(one, Look) and one.what == "addresses")
    world.cloud.details[detail] = [{}]
    world.sweep()
    assert [(gap.what, gap.cause.reason) for gap in only(world).radius.gaps] == [("turtles", "too-many")]


def test_tagging_disturbs_nobody(world: World) -> None:
    """Nothing is asked, nothing depends, and it is not about money."""
    world.use(stop_idle(action=ec2.AddTags[ec2.Instance](tags={"idle": "yes"})))
    world.add("i-1")
    world.cloud.fails["describe_volumes"] = AccessDenied("no")
    world.sweep()
    made = only(world)
    assert (str(made.radius), made.prospect.saving) == ("nothing else", None)


def test_an_alternative_has_a_prospect_of_its_own(world: World) -> None:
    """Who chooses it agrees to that one, and money is told of the plan that is chosen."""
    world.use(stop_idle(alternatives=[ec2.AddTags[ec2.Instance](tags={"idle": "yes"})]))
    depend(world, world.add("i-1"), "vol-1")
    world.sweep()
    made = only(world)
    with world.store.transaction() as tx:
        chosen = approve(tx, made.id, world.decider(), action="add-tags")
    assert (str(chosen.radius), chosen.prospect.saving, chosen.agreed) == ("nothing else", None, 1)


def test_what_could_not_be_read_is_read_again_after_an_hour(world: World) -> None:
    """Not at every sweep: a denied permission stays denied for long."""
    world.use(stop_idle())
    depend(world, world.add("i-1"), "vol-1")
    world.cloud.fails["describe_volumes"] = AccessDenied("no")
    world.sweep()
    world.cloud.asked.clear()
    world.sweep(after=QUARTER)
    looks = {look.detail for look in world.add("i-1").dependants() if isinstance(look, Look)}
    assert not looks & set(world.cloud.asked)
    for _ in range(3):
        world.sweep(after=QUARTER)
    assert looks <= set(world.cloud.asked)
    assert only(world).expires_at > world.clock.now() + timedelta(days=6)


def test_what_is_saved_is_told_of_every_finding(world: World) -> None:
    """Also where the policy only observes, as far as it has an action."""
    world.use(stop_idle(grace=timedelta(hours=5), mode=PROPOSE))
    world.add("i-1")
    world.sweep()
    found = world.finding("i-1")
    assert found.state is State.OPEN
    assert found.saving is not None
    assert found.saving.dollars == pytest.approx(8.76)


def test_what_is_paid_for_nothing_is_told_without_an_action(world: World) -> None:
    """Where the policy says so: an address that leads nowhere costs by the hour. Elsewhere nothing is told of money."""
    watch: AnyPolicy = Policy(
        name="addresses", rule=unassociated, params=NoParams(), schedule=every(minutes=15), wasteful=True
    )
    world.use(watch, replace(watch, name="addresses-too", wasteful=False))
    world.cloud.put(address(id="eipalloc-1", account=SCOPE.account, region=SCOPE.region))
    world.sweep()
    with world.store.reading() as tx:
        savings = {one.policy: one.saving for one in tx.findings.standing()}
    told = savings["addresses"]
    assert told is not None
    assert told.dollars == pytest.approx(3.65)
    assert savings["addresses-too"] is None
