"""What people decide, and what the hour brings, between the last look at a resource and the intent of its call."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from busy_cloud import approved, distrusted, exempted, nothing, paused, resumed, trusted
from cloudwarden import hours, minutes, tagged
from cloudwarden.core.exemption import HANDS_OFF
from cloudwarden.core.finding import ProposalState, State
from cloudwarden.core.resource import Tags
from cloudwarden.core.restraint import Reach, Restraints
from cloudwarden.core.window import Freeze
from cloudwarden.engine.decide import reject, snooze
from cloudwarden.ports import Store
from world import NOON


def test_an_exemption_made_after_the_last_look_holds(store: Store) -> None:
    """The guards have passed, and what depends on the instance is being read."""
    world, cloud = approved(store)
    cloud.meanwhile = [nothing, nothing, exempted(world, resource="i-1")]
    world.act()
    assert world.called() == []


@pytest.mark.parametrize("edited", ["doubt", "edited"])
def test_a_file_that_is_edited_after_the_last_look_holds(store: Store, edited: str) -> None:
    """The exemptions, or the settings: what they say by now nobody has read."""
    world, cloud = approved(store)
    cloud.meanwhile = [nothing, nothing, lambda: setattr(world, edited, "it was edited, and is not read yet")]
    world.act()
    assert world.called() == []
    assert "not read yet" in (world.finding("i-1").held or "")
    setattr(world, edited, None)
    world.clock.advance(minutes(1))
    world.act()
    assert world.called() == ["stop_instances"]


def test_an_exemption_by_tag_holds_until_the_tags_were_asked_about(store: Store) -> None:
    """Nobody can tell whether it covers the instance; the next look can, and it does not."""
    world, cloud = approved(store)
    cloud.meanwhile = [nothing, nothing, exempted(world, tag=tagged("audit"))]
    world.act()
    assert world.called() == []
    world.clock.advance(minutes(1))
    world.act()
    assert world.called() == ["stop_instances"]


@pytest.mark.parametrize("decide", [reject, snooze])
@pytest.mark.parametrize("asked", [0, 1, 2])
def test_an_approval_taken_back_is_none(store: Store, decide: Callable[..., object], asked: int) -> None:
    """While the instance is looked at somebody puts off what was approved: it is not done, and stays put off."""
    world, cloud = approved(store)
    (proposal,) = world.proposals()

    def put_off() -> None:
        with world.store.transaction() as tx:
            decide(tx, proposal.id, world.decider(), until=NOON + hours(9))

    cloud.meanwhile = [*[nothing] * asked, put_off]
    world.act()
    assert world.called() == []
    assert (world.finding("i-1").state, world.finding("i-1").snoozed_until) == (State.OPEN, NOON + hours(9))


@pytest.mark.parametrize("asked", [0, 1, 2])
def test_trust_taken_back_is_none(store: Store, asked: int) -> None:
    """While the instance is looked at somebody distrusts the policy: it is not stopped, and people are asked."""
    world, cloud, policy = trusted(store)
    paused(world)
    for _ in range(4):
        world.sweep(after=minutes(15))
    assert world.states() == {"i-1": State.DUE}
    resumed(world)
    cloud.meanwhile = [*[nothing] * asked, distrusted(world, policy)]
    world.act()
    assert world.called() == []


@pytest.mark.parametrize("cpu", [90.0, None])
def test_what_the_last_look_finds_undoes_no_decision(store: Store, cpu: float | None) -> None:
    """Somebody rejects while the look finds that the instance is busy, or cannot tell: the rejection stands."""
    world, cloud = approved(store)
    if cpu is None:
        del cloud.series["CPUUtilization", "i-1"]
    else:
        world.measure("i-1", cpu=cpu)
    (proposal,) = world.proposals()

    def refuse() -> None:
        with world.store.transaction() as tx:
            reject(tx, proposal.id, world.decider(), until=NOON + hours(9))

    cloud.meanwhile = [refuse]
    world.act()
    finding = world.finding("i-1")
    assert (finding.state, str(finding.held).partition(" until ")[0]) == (State.OPEN, "rejected by operator")
    with world.store.reading() as tx:
        found = tx.proposals.get(proposal.id)
    assert found is not None
    assert found.state is ProposalState.REJECTED


def test_an_approval_that_ends_meanwhile_is_none(store: Store) -> None:
    """A minute before it ends the look begins, which takes two."""
    world, cloud = approved(store)
    world.clock.advance(minutes(29))
    world.measure("i-1", cpu=1)
    cloud.meanwhile = [nothing, nothing, lambda: world.clock.advance(minutes(2))]
    world.act()
    assert world.called() == []


def test_a_freeze_that_begins_meanwhile_holds(store: Store) -> None:
    """It was open when the guards looked."""
    freeze = Freeze(begins=NOON + minutes(1), until=NOON + hours(9), reason="holidays")
    world, cloud = approved(store, restraints=Restraints(freezes=((Reach(), freeze),)))
    cloud.meanwhile = [nothing, nothing, lambda: world.clock.advance(minutes(2))]
    world.act()
    assert world.called() == []


@pytest.mark.parametrize("by", [minutes(10), -minutes(10)])
def test_a_look_of_long_ago_is_none(store: Store, by: object) -> None:
    """The machine was suspended between the look and the call, or its clock was set: it looks again."""
    world, cloud = approved(store)
    cloud.meanwhile = [nothing, nothing, lambda: world.clock.jump(by)]  # type: ignore[arg-type]  # a span
    world.act()
    assert world.called() == []


def test_a_description_of_long_ago_is_none(store: Store) -> None:
    """AWS has described the instance, the machine is suspended, its owner protects it, and the answer is read."""
    world, cloud = approved(store)

    def suspend() -> None:
        cloud.describing = None
        world.clock.advance(minutes(20))
        world.cloud.change("i-1", tags=Tags({HANDS_OFF: "true"}))
        world.measure("i-1", cpu=1)

    cloud.describing = suspend
    world.act()
    assert world.called() == []
    assert "the last look at the resource began at" in str(world.finding("i-1").held)
    world.act()
    assert "hands-off" in str(world.finding("i-1").held)
