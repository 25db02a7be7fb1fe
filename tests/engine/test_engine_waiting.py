"""What waits for people comes in the order in which they should look at it."""

from __future__ import annotations

from dataclasses import replace

from cloudwarden.core.saving import Saving
from cloudwarden.core.verdict import Severity
from cloudwarden.engine.waiting import waiting
from world import World, delete_unattached, stop_idle


def test_the_most_severe_come_first_then_what_saves_most_then_the_oldest(world: World) -> None:
    """Ids are random, and say nothing. What nobody can tell the saving of comes after what saves something."""
    world.use(stop_idle())
    for name in ("i-old", "i-unknown", "i-dear", "i-severe"):
        world.add(name)
        world.sweep()
    severe = replace(world.finding("i-severe"), severity=Severity.CRITICAL)
    with world.store.transaction() as tx:
        for one in tx.proposals.undecided():
            dollars = {"i-dear": 90.0, "i-unknown": None}.get(one.resource_id, 5.0)
            prospect = replace(one.prospect, saving=Saving(dollars=dollars, basis="x"))
            tx.proposals.save([replace(one, prospects={one.plan.action: prospect})])
        tx.findings.save([severe])
        found = [one.proposal.resource_id for one in waiting(tx)]
    assert found == ["i-severe", "i-dear", "i-old", "i-unknown"]


def test_those_of_one_policy_are_told_apart(world: World) -> None:
    """With how much each matters."""
    world.use(stop_idle(), delete_unattached())
    world.add("i-1")
    world.add_volume("vol-1")
    world.sweep()
    with world.store.reading() as tx:
        (one,) = waiting(tx, "delete-unattached")
    assert (one.proposal.resource_id, one.severity) == ("vol-1", world.finding("vol-1").severity)
