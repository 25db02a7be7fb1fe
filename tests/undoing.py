"""What was done, to be undone: an instance that was stopped, and a person who asks for it back."""

from __future__ import annotations

from cloudwarden import ENFORCE, minutes
from cloudwarden.core.action import Call
from cloudwarden.core.finding import ActionRecord
from cloudwarden.engine.undo import undo
from cloudwarden.memory import MemoryCloud
from world import World, stop_idle


def stopped_by_itself(world: World) -> ActionRecord:
    """The action by which an enforcing policy stopped i-idle."""
    world.cloud.effects["start_instances"] = start
    world.use(stop_idle(mode=ENFORCE))
    world.sweep()
    world.trust_all()
    world.add("i-idle")
    world.sweep(after=minutes(15))
    return latest(world)


def start(cloud: MemoryCloud, call: Call) -> dict[str, str]:
    """Starting an instance makes it run."""
    cloud.change("i-idle", state="running")
    return {}


def latest(world: World) -> ActionRecord:
    """The newest action."""
    with world.store.reading() as tx:
        return tx.actions.latest(1)[0]


def ask(world: World, record: ActionRecord) -> ActionRecord:
    """A person asks for an undo."""
    with world.store.transaction() as tx:
        return undo(tx, record.id, world.decider("it was needed"))
