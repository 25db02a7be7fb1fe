"""A deletion half-way, and what may overtake it."""

from __future__ import annotations

from cloudwarden import days, minutes
from cloudwarden.core.finding import ActionRecord
from cloudwarden.engine.decide import pause, resume
from cloudwarden.engine.exempt import exempt
from world import World, delete_unattached, wish

SOON = minutes(1)


def begun(world: World, **changes: object) -> None:
    """A volume's snapshot was asked for, on an approval; nobody knows yet that it is complete."""
    world.use(delete_unattached(**{"grace": minutes(30), **changes}))
    world.add_volume("vol-1")
    for _ in range(3):
        world.sweep(after=minutes(15))
    world.approve_all()
    world.act()
    assert world.called() == ["create_snapshot"]


def complete(world: World) -> None:
    """AWS has the snapshot; what proves that it was asked for shows its id."""
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: (
        "snap-1" if "SnapshotId" in read.path else "completed"
    )


def paused(world: World) -> None:
    """Somebody holds everything."""
    with world.store.transaction() as tx:
        pause(tx, world.decider("incident"))


def resumed(world: World) -> None:
    """They let it go on."""
    with world.store.transaction() as tx:
        resume(tx, world.decider("over"))


def exempted(world: World) -> str:
    """Somebody keeps the volume for a week; the exemption's id."""
    wanted = wish(world.clock.now() + days(7), policy="delete-unattached", resource="vol-1")
    with world.store.transaction() as tx:
        return exempt(tx, world.decider(), wanted).id


def action(world: World) -> ActionRecord:
    """The latest action."""
    with world.store.reading() as tx:
        (latest,) = tx.actions.latest(1)
        return latest
