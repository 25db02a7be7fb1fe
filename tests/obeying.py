"""A cloud in memory that obeys: what the calls of the shipped actions do there, and what proves it."""

from __future__ import annotations

from cloudwarden.core.action import Call, Read
from cloudwarden.core.plain import Json
from cloudwarden.memory import MemoryCloud


def obey(cloud: MemoryCloud) -> None:
    """From now on, calls have their effects, and readings show them."""
    cloud.effects.update(stop_instances=_stop, create_snapshot=_snapshot, delete_volume=_delete)
    cloud.readings.update(
        describe_instances=lambda cloud, read: cloud.resources[_named(read)].state,  # type: ignore[attr-defined]
        describe_snapshots=lambda cloud, read: "snap-1" if "SnapshotId" in read.path else "pending",
        describe_volumes=lambda cloud, read: [_named(read)] if _named(read) in cloud.resources else [],
    )


def _named(read: Read) -> str:
    (ids,) = [value for key, value in read.arguments.items() if key.endswith("Ids")]
    assert isinstance(ids, list)
    return str(ids[0])


def _stop(cloud: MemoryCloud, call: Call) -> dict[str, str]:
    ids: Json = call.arguments["InstanceIds"]
    assert isinstance(ids, list)
    cloud.change(str(ids[0]), state="stopped")
    return {}


def _snapshot(cloud: MemoryCloud, call: Call) -> dict[str, str]:
    del cloud, call
    return {"snapshot_id": "snap-1"}


def _delete(cloud: MemoryCloud, call: Call) -> dict[str, str]:
    del cloud.resources[str(call.arguments["VolumeId"])]
    return {}
