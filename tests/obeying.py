"""A cloud in memory that obeys: what the calls of the shipped actions do there, and what proves it."""

from __future__ import annotations

from typing import Any

import jmespath

from cloudwarden.core.action import Call, Read
from cloudwarden.core.errors import NotFound
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Tags
from cloudwarden.memory import MemoryCloud


def obey(cloud: MemoryCloud) -> None:
    """From now on, calls have their effects, and readings show them."""
    cloud.effects.update(stop_instances=_stop, create_snapshot=_snapshot, delete_volume=_delete)
    cloud.effects.update(create_tags=_tag, delete_tags=_untag)
    cloud.readings.update(
        describe_instances=lambda cloud, read: getattr(cloud.resources.get(_named(read)), "state", None),
        describe_snapshots=lambda cloud, read: "snap-1" if "SnapshotId" in read.path else "pending",
        describe_tags=_tags,
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


def _tag(cloud: MemoryCloud, call: Call) -> dict[str, str]:
    resource, tags = _tagging(cloud, call)
    cloud.change(resource, tags=Tags({**cloud.resources[resource].tags, **tags}))
    return {}


def _untag(cloud: MemoryCloud, call: Call) -> dict[str, str]:
    resource, tags = _tagging(cloud, call)
    left = {key: value for key, value in cloud.resources[resource].tags.items() if tags.get(key) != value}
    cloud.change(resource, tags=Tags(left))
    return {}


def _tagging(cloud: MemoryCloud, call: Call) -> tuple[str, dict[str, str]]:
    named: Any = call.arguments
    resource = str(named["Resources"][0])
    if resource not in cloud.resources:
        raise NotFound(f"{resource} does not exist")
    return resource, {one["Key"]: one["Value"] for one in named["Tags"]}


def _tags(cloud: MemoryCloud, read: Read) -> Json:
    named: Any = read.arguments
    found = cloud.resources.get(named["Filters"][0]["Values"][0])
    answer = [{"Key": key, "Value": value} for key, value in (found.tags if found else {}).items()]
    shown: Json = jmespath.search(read.path, {"Tags": answer})
    return shown
