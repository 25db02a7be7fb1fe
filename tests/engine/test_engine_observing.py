"""A policy that only observes asks nobody: whether its own mode, the ceiling or the scope makes it so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloudwarden import ENFORCE, OBSERVE, PROPOSE, Limit, Mode, minutes
from cloudwarden.core.finding import ProposalState, State
from world import SCOPE, World, begin_alone, delete_unattached, stop_idle


def own_mode(world: World) -> None:
    """The policy's file says that it observes."""
    world.use(*(stop_idle(name=name, mode=OBSERVE) for name in world.policies))


def ceiling(world: World) -> None:
    """The settings do."""
    world.ceiling = OBSERVE


def scope(world: World) -> None:
    """Nobody has accepted where it is."""
    world.waiting.add(SCOPE)


def one_sweep(world: World) -> None:
    """Whoever runs it once does."""
    world.swept_under = OBSERVE


FOR_GOOD = [own_mode, ceiling, scope]


@pytest.mark.parametrize("observe", [*FOR_GOOD, one_sweep])
def test_what_was_due_is_open_again(world: World, observe: Callable[[World], None]) -> None:
    """Two that the limit held are not proposed once the policy only observes."""
    world.use(stop_idle(mode=ENFORCE, limit=Limit(per_run=1, share=1.0)))
    world.sweep()
    world.trust_all()
    for name in ("i-1", "i-2"):
        world.add(name)
    world.sweep(after=minutes(15))
    assert set(world.states().values()) == {State.DUE}
    observe(world)
    world.sweep(after=minutes(15))
    assert (world.proposals(), set(world.states().values())) == ([], {State.OPEN})
    assert "proposal_made" not in world.journal()


@pytest.mark.parametrize("approved", [True, False])
@pytest.mark.parametrize("observe", FOR_GOOD)
def test_what_waits_for_people_is_withdrawn(world: World, observe: Callable[[World], None], *, approved: bool) -> None:
    """With the reason; when it may propose again, they are asked again."""
    world.use(stop_idle())
    world.add("i-1")
    world.sweep()
    (old,) = world.proposals()
    if approved:
        world.approve_all()
    observe(world)
    world.sweep(after=minutes(15))
    with world.store.reading() as tx:
        ended = tx.proposals.get(old.id)
    assert ended is not None
    assert (ended.state, ended.reason) == (ProposalState.WITHDRAWN, "its policy only observes here")
    assert world.states() == {"i-1": State.OPEN}


@pytest.mark.parametrize("changed", [True, False])
def test_one_sweep_that_observes_undoes_nobodys_word(world: World, *, changed: bool) -> None:
    """Somebody only looks: what was approved is approved, and neither done nor asked anew."""
    world.use(stop_idle())
    world.add("i-1")
    world.sweep()
    world.approve_all()
    if changed:
        world.cloud.change("i-1", instance_type="x1e.32xlarge")
    (old,) = world.proposals()
    one_sweep(world)
    world.sweep(after=minutes(15))
    assert (world.called(), world.proposals(), world.states()) == ([], [old], {"i-1": State.APPROVED})


@pytest.fixture
def begun(world: World) -> World:
    """A policy that acts by itself has made a volume's snapshot, which is complete; the deletion is next."""
    begin_alone(world)
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    return world


@pytest.mark.parametrize("mode", [OBSERVE, PROPOSE])
def test_one_sweep_under_a_lower_ceiling_ends_nothing_begun(begun: World, mode: Mode) -> None:
    """What is half-way waits, and says so; the daemon goes on with it."""
    begun.swept_under = mode
    begun.sweep(after=minutes(15))
    assert (begun.called(), begun.states()) == (["create_snapshot"], {"vol-1": State.ACTING})
    assert str(begun.finding("vol-1").held).startswith("mode: ")
    begun.swept_under = ENFORCE
    begun.clock.advance(minutes(1))
    begun.act()
    assert begun.called() == ["create_snapshot", "delete_volume"]


def test_a_policy_that_only_proposes_from_now_on_ends_what_it_began(begun: World) -> None:
    """Nobody approved it, and nobody will: its snapshot is left."""
    begun.use(delete_unattached(mode=PROPOSE))
    begun.act()
    assert (begun.called(), begun.journal()[-1]) == (["create_snapshot"], "action_abandoned")


def test_one_sweep_that_observes_leaves_the_share_to_be_known(world: World) -> None:
    """What was approved is carried out afterwards: all was listed, whatever that one sweep was allowed."""
    world.use(stop_idle(limit=Limit(per_run=1, share=0.5)))
    for name in ("i-1", "i-2"):
        world.add(name, cpu=1.0 if name == "i-1" else 90.0)
    world.sweep()
    world.approve_all()
    one_sweep(world)
    world.sweep(after=minutes(15))
    world.swept_under = ENFORCE
    world.clock.advance(minutes(1))
    world.act()
    assert world.called() == ["stop_instances"]
