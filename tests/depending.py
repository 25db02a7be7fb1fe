"""Instances that volumes depend on, and what is said of that."""

from __future__ import annotations

from collections.abc import Mapping

from cloudwarden import ENFORCE, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.blast import Look
from cloudwarden.core.finding import Proposal
from cloudwarden.core.plain import Json
from world import World, stop_idle

QUARTER = minutes(15)


def depend(world: World, instance: ec2.Instance, *volumes: str) -> None:
    """From now on, these volumes are attached to an instance, and nothing else depends on it."""
    (detail,) = (look.detail for look in instance.dependants() if isinstance(look, Look) and look.what == "volumes")
    found: Json = [{"VolumeId": name, "Attachments": [{"InstanceId": instance.id}]} for name in volumes]
    world.cloud.details[detail] = found


def only(world: World) -> Proposal:
    """The one undecided proposal."""
    (found,) = world.proposals()
    return found


def details(world: World, event: str) -> Mapping[str, Json]:
    """What the latest entry of an event says."""
    with world.store.reading() as tx:
        return [entry.details for entry in tx.journal.entries() if entry.event == event][-1]


def trusted(world: World, **changes: object) -> ec2.Instance:
    """A policy that may act alone where it has swept, and an idle instance that it has not seen yet."""
    world.use(stop_idle(mode=ENFORCE, **changes))
    world.sweep()
    world.trust_all()
    return world.add("i-1")
