"""Undoing what was done again since: only the latest of it knows what there was before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from cloudwarden import PROPOSE, Limit, Policy, days, every, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.errors import Throttled, Timeout
from cloudwarden.core.finding import ActionRecord, ActionState
from cloudwarden.core.resource import Tags
from cloudwarden.engine.decide import DecisionError
from cloudwarden.library.tagging import RequiredTags, required_tags
from undoing import ask, latest
from world import World

QUARTER = minutes(15)


def said_by_nobody(name: str = "team-of-nobody") -> Policy[ec2.Instance, RequiredTags]:
    """Gives every instance to nobody, whenever it is somebody's."""
    return Policy(
        name=name,
        rule=required_tags.on(ec2.Instance),
        params=RequiredTags(keys=("team",), pattern="nobody"),
        schedule=every(minutes=15),
        mode=PROPOSE,
        action=ec2.AddTags[ec2.Instance](tags={"team": "nobody"}),
        respects=timedelta(0),
        limit=Limit(share=1.0),
    )


def tagged_over(world: World, team: str) -> ActionRecord:
    """The action that took the instance from a team."""
    world.cloud.change("i-1", tags=Tags({"team": team}))
    world.sweep(after=QUARTER)
    world.approve_all()
    world.act()
    done = latest(world)
    world.sweep(after=QUARTER)
    return done


def ending(world: World, undoing: ActionRecord) -> ActionRecord:
    """An undo as it is by now."""
    with world.store.reading() as tx:
        found = tx.actions.get(undoing.id)
    assert found is not None
    return found


@pytest.mark.parametrize("by", ["team-of-nobody", "another"])
def test_what_was_done_again_since_is_undone_by_its_latest(world: World, by: str) -> None:
    """What there was before the first time is not what there was since."""
    world.use(said_by_nobody())
    world.add("i-1")
    first = tagged_over(world, "web")
    world.use(said_by_nobody(by))
    second = tagged_over(world, "theirs")
    with pytest.raises(DecisionError, match=f"done again since by {second.id}"):
        ask(world, first)
    ask(world, second)
    world.act()
    assert world.cloud.resources["i-1"].tags == {"team": "theirs"}
    undoing = ask(world, first)
    world.sweep(after=QUARTER)
    assert ending(world, undoing).state is ActionState.ABANDONED
    assert world.cloud.resources["i-1"].tags == {"team": "theirs"}


def test_what_is_done_again_while_an_undo_is_held_ends_it(world: World) -> None:
    """Nobody could read whether there was something to undo, and then it was what the later action had done."""
    world.use(said_by_nobody())
    world.add("i-1")
    first = tagged_over(world, "web")
    world.cloud.fails["read describe_tags"] = Throttled("Rate exceeded")
    undoing = ask(world, first)
    world.act()
    second = tagged_over(world, "theirs")
    del world.cloud.fails["read describe_tags"]
    world.sweep(after=QUARTER)
    ended = ending(world, undoing)
    assert (ended.state, f"done again since by {second.id}" in (ended.error or "")) == (ActionState.ABANDONED, True)
    assert world.cloud.resources["i-1"].tags == {"team": "nobody"}


def test_what_another_policy_did_otherwise_is_not_done_again(world: World) -> None:
    """It gave the instance another tag, which stays."""
    world.use(said_by_nobody())
    world.add("i-1")
    first = tagged_over(world, "web")
    other = ec2.AddTags[ec2.Instance](tags={"found": "yes"})
    world.use(replace(said_by_nobody("another"), params=RequiredTags(keys=("found",)), action=other))
    world.sweep(after=QUARTER)
    world.approve_all()
    world.act()
    ask(world, first)
    world.act()
    assert world.cloud.resources["i-1"].tags == {"team": "web", "found": "yes"}


def test_what_another_policy_did_again_among_more_is_done_again(world: World) -> None:
    """It took the instance from another team since, and gave it a second tag: what is in force is what it did."""
    world.use(said_by_nobody())
    world.add("i-1")
    first = tagged_over(world, "web")
    more = ec2.AddTags[ec2.Instance](tags={"team": "nobody", "found": "yes"})
    world.use(replace(said_by_nobody("another"), action=more))
    second = tagged_over(world, "theirs")
    with pytest.raises(DecisionError, match=f"done again since by {second.id}"):
        ask(world, first)


def test_what_was_perhaps_done_again_is_not_undone(world: World) -> None:
    """The later action's answer was lost, and nobody could read whether it arrived, which it did."""
    world.use(said_by_nobody())
    world.add("i-1")
    first = tagged_over(world, "web")
    effect = world.cloud.effects["create_tags"]
    world.cloud.effects["create_tags"] = lambda cloud, call: unheard(effect(cloud, call))
    world.cloud.fails["read describe_tags"] = Throttled("Rate exceeded")
    second = tagged_over(world, "theirs")
    with pytest.raises(DecisionError, match=f"done again since by {second.id}, which is intended: wait"):
        ask(world, first)
    world.sweep_until(world.clock.now() + days(1), step=QUARTER)
    assert ending(world, second).state is ActionState.UNKNOWN
    assert world.cloud.resources["i-1"].tags == {"team": "nobody"}
    del world.cloud.fails["read describe_tags"]
    with pytest.raises(DecisionError, match=f"done again since by {second.id}, which is unknown: look"):
        ask(world, first)


def test_an_undo_waits_for_what_is_perhaps_done_again(world: World) -> None:
    """It is looked at first when reading works again, and what is in force then may be what the later action did."""
    world.use(said_by_nobody())
    world.add("i-1")
    first = tagged_over(world, "web")
    world.cloud.fails["read describe_tags"] = Throttled("Rate exceeded")
    undoing = ask(world, first)
    world.act()
    effect = world.cloud.effects["create_tags"]
    world.cloud.effects["create_tags"] = lambda cloud, call: unheard(effect(cloud, call))
    second = tagged_over(world, "theirs")
    del world.cloud.fails["read describe_tags"]
    world.cloud.effects["create_tags"] = effect
    for _ in range(2):
        world.clock.advance(minutes(1))
        world.act()
    assert (ending(world, second).state, ending(world, undoing).state) == (ActionState.SUCCEEDED, ActionState.ABANDONED)
    assert world.cloud.resources["i-1"].tags == {"team": "nobody"}


def unheard(kept: Mapping[str, str]) -> Mapping[str, str]:
    """The answer of a call is lost."""
    raise Timeout(f"no answer: {kept}")
