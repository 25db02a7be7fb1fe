"""What explains a finding tells of it as it is when it was looked up, however long the looking took."""

from __future__ import annotations

from cloudwarden import OBSERVE, minutes
from cloudwarden.store import SqlStore
from world import SCOPE, World, stop_idle


def test_a_sweep_that_comes_by_meanwhile_is_no_gap(store: SqlStore) -> None:
    """It saw the resource later than the question was asked, and nobody is told that it was not seen."""
    world = World(store=store, alive=lambda: sweeps() if asking else None)
    asking: list[bool] = []

    def sweeps() -> None:
        asking.clear()
        world.sweep(after=minutes(15))

    world.use(stop_idle())
    world.add("i-idle")
    world.sweep()
    asking.append(True)
    assert world.holding(stop_idle(), "i-idle") == ["approval: waits for a person's approval"]
    assert not asking


def test_who_only_observes_is_told_why(world: World) -> None:
    """It is the policy's own mode, or something above it."""
    world.use(stop_idle())
    world.add("i-idle")
    world.sweep()
    observing = world.holding(stop_idle(mode=OBSERVE), "i-idle")
    assert "mode: it only observes: that is its mode" in observing
    world.waiting.add(SCOPE)
    assert any(
        one.startswith("mode: it only observes here: the ceiling") for one in world.holding(stop_idle(), "i-idle")
    )
