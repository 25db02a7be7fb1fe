"""Exemptions that begin and end between two sweeps: no sweep has seen them, and yet their end lets nothing go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from cloudwarden import ENFORCE, hours, minutes, tagged
from cloudwarden.core.exemption import Exemption
from cloudwarden.core.finding import ActionState, State
from cloudwarden.core.policy import Mode
from cloudwarden.engine import exempt as exempting
from cloudwarden.engine.exempt import Wish
from cloudwarden.ports import ExemptionsFile
from world import World, begin_alone, stop_idle, wish

QUARTER = minutes(15)
Ending = Callable[[World], None]


def due(world: World, mode: Mode, **changes: object) -> None:
    """An idle instance whose action is due, or approved, and held by a pause of the whole."""
    world.use(stop_idle(mode=mode, **changes))
    world.sweep()
    world.trust_all()
    world.add("i-idle", tags={"team": "shop"})
    world.edited = "held by the test"
    for _ in range(6):
        world.sweep(after=QUARTER)
    world.approve_all()
    world.edited = None


def exempted(world: World, **changes: object) -> Exemption:
    """Somebody exempts it for five minutes."""
    with world.store.transaction() as tx:
        return exempting.exempt(tx, world.decider(), wish(world.clock.now() + minutes(5), **changes))


def later(world: World, passed: timedelta) -> None:
    """Time passes; the daemon acts, and no sweep comes by."""
    world.clock.advance(passed)
    world.measure("i-idle", cpu=1.0)
    world.act()


def by_itself(world: World) -> None:
    """It ends with its time."""
    exempted(world)
    later(world, minutes(1))
    later(world, minutes(4))


def revoked(world: World) -> None:
    """Somebody takes it back."""
    made = exempted(world)
    later(world, minutes(1))
    with world.store.transaction() as tx:
        exempting.revoke(tx, made.id, world.decider())
    later(world, minutes(1))


def by_a_tag(world: World) -> None:
    """It selects by a tag, which only the last look reads."""
    exempted(world, tag=tagged("team", "shop"))
    later(world, minutes(6))


def left_the_file(world: World) -> None:
    """It was in the file, and is no more."""
    edited(world, [wish(world.clock.now() + hours(9), id="shop")], [])


def of_another_in_the_file(world: World) -> None:
    """The file says by the same name that another resource is exempt."""
    ends = world.clock.now() + hours(9)
    edited(world, [wish(ends, id="shop")], [wish(ends, id="shop", resource="i-other")])


def over_and_of_another_in_the_file(world: World) -> None:
    """It ends with its time, and then the file says by the same name that another resource is exempt."""
    now = world.clock.now()
    edited(world, [wish(now + minutes(1), id="shop")], [wish(now + hours(9), id="shop", resource="i-other")])


def back_in_the_file(world: World) -> None:
    """It left the file, and is back there for another resource."""
    ends = world.clock.now() + hours(9)
    edited(world, [wish(ends, id="shop")], [], [wish(ends, id="shop", resource="i-other")])


def dated_back_in_the_file(world: World) -> None:
    """Its date in the file is one that is over by now."""
    now = world.clock.now()
    edited(world, [wish(now + hours(9), id="shop")], [wish(now - hours(9), id="shop")])


def edited(world: World, *versions: Sequence[Wish]) -> None:
    """The file has one after the other, and each is taken over."""
    for wishes in versions:
        file = ExemptionsFile("exemptions.toml", "0" * 64, world.clock.now())
        with world.store.transaction() as tx:
            exempting.take_over(tx, file, wishes, world.clock.now())
        later(world, minutes(1))


ENDINGS = [
    by_itself,
    revoked,
    by_a_tag,
    left_the_file,
    of_another_in_the_file,
    over_and_of_another_in_the_file,
    back_in_the_file,
    dated_back_in_the_file,
]


@pytest.mark.parametrize("mode", [Mode.PROPOSE, ENFORCE])
@pytest.mark.parametrize("end", ENDINGS)
def test_an_end_between_two_sweeps_lets_nothing_go(world: World, end: Ending, mode: Mode) -> None:
    """The next sweep gives the grace anew, as if one had seen it exempt; what was approved is asked again."""
    due(world, mode, grace=hours(1))
    end(world)
    assert world.called() == []
    assert "exemption: a sweep must see it first" in (world.finding("i-idle").held or "")
    for _ in range(4):
        world.sweep(after=minutes(10))
        assert (world.called(), world.states()) == ([], {"i-idle": State.OPEN})
    world.sweep(after=minutes(30))
    assert world.states() == {"i-idle": State.PROPOSED if mode is Mode.PROPOSE else State.VERIFYING}


def test_what_the_file_said_before_is_kept_once(world: World) -> None:
    """However often it is taken over, and until retention lets go of what was revoked."""
    ends = world.clock.now() + hours(9)
    edited(world, *([wish(ends, id="shop", resource=f"i-{number}")] for number in (1, 2, 2)))
    with world.store.reading() as tx:
        kept = {one.resource: one.active(world.clock.now()) for one in tx.decisions.exemptions()}
        assert (len(tx.decisions.exemptions()), kept) == (2, {"i-1": False, "i-2": True})


def test_without_grace_it_is_not_due_in_the_sweep_that_comes_next(world: World) -> None:
    """Then it was seen to stand without the exemption, and the one after may act."""
    due(world, ENFORCE)
    revoked(world)
    world.sweep(after=minutes(5))
    assert (world.called(), world.states()) == ([], {"i-idle": State.OPEN})
    world.sweep(after=QUARTER)
    assert world.called() == ["stop_instances"]


def test_what_never_covered_it_holds_nothing(world: World) -> None:
    """Another resource's, by name or by tag, may end whenever it does."""
    due(world, ENFORCE)
    exempted(world, resource="i-other")
    exempted(world, tag=tagged("team", "bank"))
    later(world, minutes(6))
    assert world.called() == ["stop_instances"]


def test_what_ended_before_the_last_sweep_holds_nothing(world: World) -> None:
    """That sweep has seen it without."""
    due(world, ENFORCE, grace=hours(1))
    revoked(world)
    for _ in range(5):
        world.sweep(after=QUARTER)
    assert world.called() == ["stop_instances"]


def test_what_had_begun_ends_though_nobody_saw_the_exemption(world: World) -> None:
    """It waits for its snapshot while the daemon is away, and is exempt for a minute."""
    begin_alone(world)
    with world.store.transaction() as tx:
        made = exempting.exempt(tx, world.decider(), wish(world.clock.now() + hours(1), policy="*", resource="vol-1"))
    world.clock.advance(minutes(1))
    with world.store.transaction() as tx:
        exempting.revoke(tx, made.id, world.decider())
    world.act()
    with world.store.reading() as tx:
        (record,) = tx.actions.latest(1)
    assert (world.called(), record.state) == (["create_snapshot"], ActionState.ABANDONED)
    assert "exempt since it began: a sweep must see it first" in (record.error or "")
