"""The engine dies at every named moment of settling and acting, begins again, and keeps every promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.failpoints import MUST_BE_REACHED, counted
from chaos.small import Crash, SmallWorld
from cloudwarden import Limit, minutes
from cloudwarden.core.errors import AccessDenied, Timeout
from cloudwarden.engine.decide import Decider
from cloudwarden.engine.undo import undo
from cloudwarden.ports import Transaction
from world import World, delete_unattached, stop_idle

LEAST = 30
"""Moments of settling and acting that a life must come to."""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallWorld]:
    """A small world."""
    made = SmallWorld(tmp_path)
    yield made
    made.close()


def life(small: SmallWorld) -> None:
    """A whole life: propose, approve, act in one step and in three, lose an answer, fail, hold, undo, close."""
    limit = Limit(per_run=5, share=1.0, failures=1)
    small.use(stop_idle(limit=limit), delete_unattached(limit=limit))
    world = small.world
    for name in ("i-stops", "i-unheard", "i-vanishes", "i-denied", "i-busy"):
        world.add(name)
    world.add_volume("vol-goes")
    small.observe()
    sweep(small)
    approve_all(small)
    small.world.measure("i-busy", cpu=90)
    del small.world.cloud.resources["i-vanishes"]
    small.observe()
    small.world.cloud.fails["stop_instances"] = Timeout("Read timed out.")
    small.world.cloud.fails["read describe_snapshots"] = AccessDenied("DescribeSnapshots is not allowed.")
    small.run(World.act)
    small.world.cloud.fails.clear()
    small.run(World.act)
    small.run(World.act)
    sweep(small)
    small.decide(undo_latest)
    small.run(World.act)
    sweep(small)
    sweep(small, after=minutes(2))
    small.run(World.act)
    sweep(small)


def sweep(small: SmallWorld, after: object = None) -> None:
    """Sweep, and again when that crashed."""
    wait = minutes(1) if after is None else minutes(2)
    if small.run(lambda world: world.sweep(after=wait)):
        small.run(lambda world: world.sweep())


def approve_all(small: SmallWorld) -> None:
    """A person approves what waits."""
    small.world.approve_all()


def undo_latest(tx: Transaction, decider: Decider) -> None:
    """A person has the latest action undone that can be."""
    for record in tx.actions.latest(10):
        if record.plan.inverse and record.state == "succeeded":
            undo(tx, record.id, decider)
            return


def moments(folder: Path) -> list[str]:
    """Every named moment of settling and acting in a life without a crash, in the order of their first time."""
    folder.mkdir()
    small = SmallWorld(folder)
    life(small)
    small.check()
    small.close()
    return [name for name in dict.fromkeys(small.reached) if counted(name)]


def dies_at(name: str, time: int = 1) -> Callable[[str], None]:
    """A listener that ends the process when it comes to a moment for the so-manieth time."""
    left = time

    def listen(reached: str) -> None:
        nonlocal left
        if reached == name:
            left -= 1
            if left == 0:
                raise Crash(name)

    return listen


def test_a_life_comes_to_the_moments_that_matter(tmp_path: Path) -> None:
    """At least thirty, and among them those that "at most once" turns on."""
    reached = moments(tmp_path / "whole")
    assert len(reached) >= LEAST
    assert set(reached) >= MUST_BE_REACHED, sorted(MUST_BE_REACHED - set(reached))


def test_a_crash_at_every_moment_breaks_no_promise(tmp_path: Path) -> None:
    """One life for each moment: the process dies there, begins again, and the history holds."""
    died = []
    for number, name in enumerate(moments(tmp_path / "whole")):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        small = SmallWorld(folder)
        small.listener = dies_at(name)
        life(small)
        assert small.reached.count(name), name
        died.append(name)
        small.check(quiet=False)
        small.close()
    assert len(died) >= LEAST
