"""A policy's limit: what goes beyond it acts on none of the batch."""

from __future__ import annotations

from cloudwarden import minutes
from cloudwarden.core.errors import Throttled
from cloudwarden.core.policy import Limit
from cloudwarden.engine.decide import approve
from cloudwarden.engine.events import LimitTripped
from world import World, stop_idle


def test_exceeding_the_limit_acts_on_none(world: World) -> None:
    """Three approved under a limit of two: nothing is done, and it is said once."""
    world.use(stop_idle(limit=Limit(per_run=2, share=1.0)))
    for number in range(3):
        world.add(f"i-{number}")
    world.sweep()
    world.approve_all()
    world.act()
    world.act()
    assert world.called() == []
    assert len(world.reports.of(LimitTripped)) == 1


def test_a_share_that_cannot_be_known_is_no_limit_exceeded(world: World) -> None:
    """A listing of which a part is missing holds what it did show; nobody is called out of bed for it."""
    for name in ("i-shown", "i-unread"):
        world.add(name)
    world.sweep()
    world.cloud.fails["ec2.instance"] = Throttled("Request limit exceeded.")
    world.sweep(after=minutes(15))
    world.approve_all()
    world.act()
    assert (world.called(), world.reports.of(LimitTripped)) == ([], [])
    assert "limit: the share cannot be known" in (world.finding("i-shown").held or "")


def test_limit_counts_what_the_run_already_did(world: World) -> None:
    """Approving piecemeal does not get round the limit of one run."""
    world.use(stop_idle(limit=Limit(per_run=1, share=1.0)))
    world.add("i-0")
    world.add("i-1")
    world.sweep()
    first, second = world.proposals()
    for proposal in (first, second):
        with world.store.transaction() as tx:
            approve(tx, proposal.id, world.decider())
        world.act()
    assert world.called() == ["stop_instances"]
    world.sweep(after=minutes(15))
    world.act()
    assert world.called() == ["stop_instances", "stop_instances"]


def test_share_of_the_population_allows_at_least_one(world: World) -> None:
    """A tenth of four instances is less than one; one is allowed all the same, two are not."""
    world.use(stop_idle(limit=Limit(per_run=5, share=0.1)))
    world.add("i-0")
    for number in range(3):
        world.add(f"i-busy-{number}", cpu=90)
    world.sweep()
    world.approve_all()
    world.act()
    assert world.called() == ["stop_instances"]
