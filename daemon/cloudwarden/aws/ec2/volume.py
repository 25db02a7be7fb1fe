"""EBS volumes: what they are attached to, and deleting one after a snapshot of it.

Source: AWS "Amazon EC2 API Reference" (DescribeVolumes, CreateSnapshot, DescribeSnapshots, DeleteVolume).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from cloudwarden.aws.ec2.dependants import VOLUME_PERMISSIONS, of_volume
from cloudwarden.aws.ec2.identity import OWNER, identity, is_of_region
from cloudwarden.aws.kind import Kind
from cloudwarden.core.action import ACTION_ID, Action, Call, Plan, Proof, Read, Shows, Wait
from cloudwarden.core.blast import Dependant, Look
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Resource, Scope, Tags
from cloudwarden.core.saving import Charge, Charges, Uncharged
from cloudwarden.core.verdict import Violation

ACTION_TAG = "cloudwarden:action-id"
"""Tag of a snapshot that says which action made it: how a lost answer is found again."""

MOST_TAGS = 50
"""Tags that one resource may carry, those of AWS itself aside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A volume's tie to an instance; `state` is attaching, attached, busy or detaching."""

    instance_id: str
    device: str
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Volume(Resource):
    """An EBS volume that is not being deleted.

    `state` is creating, available, in-use or error. EC2 does not say when a volume was last detached. `iops` and
    `throughput_mibps` are None where its type has none to choose.
    """

    kind: ClassVar[str] = "ec2.volume"
    dependants_permissions: ClassVar[tuple[str, ...]] = VOLUME_PERMISSIONS

    created: datetime  # pyright: ignore[reportGeneralTypeIssues]  # EC2 always says it, and it is passed by name
    state: str
    size_gib: int
    volume_type: str
    encrypted: bool
    availability_zone: str
    attachments: tuple[Attachment, ...] = ()
    snapshot_id: str | None = None
    outpost_arn: str | None = None
    iops: int | None = None
    throughput_mibps: int | None = None

    @property
    def attached(self) -> bool:
        """Whether anything holds it, or is about to, or is just letting go."""
        return bool(self.attachments) or self.state != "available"

    def dependants(self) -> Iterator[Dependant | Look]:
        """Whoever holds it, and its snapshots."""
        return of_volume(self.id, {one.instance_id: one.device for one in self.attachments})

    @property
    def charges(self) -> Charges:
        """Its storage, and what was ordered of IOPS and throughput beyond what comes with its type."""
        return _charges(self)


FREE_IOPS, FREE_MIBPS = 3000, 125
"""What comes with a gp3 volume. Source: "Amazon EBS pricing"."""

IO2_FIRST_TIER = 32_000
"""IOPS of io2 up to which one price holds."""


def _charges(volume: Volume) -> Charges:
    if volume.outpost_arn or not is_of_region(volume.availability_zone, volume.region):
        return Uncharged(why=f"no price is known in {volume.outpost_arn or volume.availability_zone}")
    extra = {
        "ebs-iops-month": volume.iops if volume.volume_type in ("gp3", "io1", "io2") else 0,
        "ebs-mibps-month": volume.throughput_mibps if volume.volume_type == "gp3" else 0,
    }
    if None in extra.values() or (volume.volume_type == "io2" and (volume.iops or 0) > IO2_FIRST_TIER):
        return Uncharged(why=f"its IOPS or throughput have no one price: {volume.iops}, {volume.throughput_mibps}")
    if volume.volume_type == "gp3":
        extra = {
            "ebs-iops-month": max(0, (extra["ebs-iops-month"] or 0) - FREE_IOPS),
            "ebs-mibps-month": max(0, (extra["ebs-mibps-month"] or 0) - FREE_MIBPS),
        }
    ordered = {"ebs-gib-month": volume.size_gib, **extra}
    return tuple(
        Charge(region=volume.region, table=table, item=volume.volume_type, quantity=quantity)
        for table, quantity in ordered.items()
        if quantity
    )


def _view(raw: Mapping[str, Any], scope: Scope) -> Volume:
    return Volume(
        **identity(raw, scope, noun="volume", id_key="VolumeId"),
        created=raw["CreateTime"],
        state=raw["State"],
        size_gib=raw["Size"],
        volume_type=raw["VolumeType"],
        encrypted=raw["Encrypted"],
        availability_zone=raw["AvailabilityZone"],
        attachments=tuple(_attachment(entry) for entry in raw.get("Attachments", ())),
        snapshot_id=raw.get("SnapshotId") or None,
        outpost_arn=raw.get("OutpostArn") or None,
        iops=raw.get("Iops"),
        throughput_mibps=raw.get("Throughput"),
    )


def _attachment(raw: Mapping[str, Any]) -> Attachment:
    # A volume held by a managed service (a Fargate task, say) names that service instead of an instance.
    holder = raw.get("InstanceId") or raw["AssociatedResource"]
    return Attachment(instance_id=holder, device=raw.get("Device", ""), state=raw["State"])


_LIVING = {"Filters": [{"Name": "status", "Values": ["creating", "available", "in-use", "error"]}]}

KIND = Kind(
    resource=Volume,
    service="ec2",
    operation="describe_volumes",
    items=("Volumes",),
    view=_view,
    by_id=lambda resource_id: {"VolumeIds": [resource_id], **_LIVING},
    permissions=("ec2:DescribeVolumes",),
    owner=OWNER,
    arguments=_LIVING,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotThenDelete(Action[Volume]):
    """Snapshot the volume, wait until the snapshot is complete, then delete the volume.

    There is no inverse: a volume made from the snapshot holds the same data under another id.
    """

    name: ClassVar[str] = "snapshot-then-delete"
    permissions: ClassVar[tuple[str, ...]] = (
        "ec2:CreateSnapshot",
        "ec2:CreateTags",
        "ec2:DeleteVolume",
        "ec2:DescribeSnapshots",
        "ec2:DescribeVolumes",
    )

    def plan(self, resource: Volume, violation: Violation) -> Plan:
        """Two calls with a wait between. The snapshot carries the volume's tags, and `ACTION_TAG`."""
        del violation
        return Plan(
            action=self.name,
            summary=f"snapshot volume {resource.id} ({resource.size_gib} GiB {resource.volume_type}), then delete it",
            steps=(_create_snapshot(resource), _snapshot_completed(), _delete_volume(resource.id)),
            irreversible="a deleted volume does not come back; one made from ${snapshot_id} holds the same data",
        )

    def frees(self, resource: Volume) -> Charges:
        """What the volume costs, less what its snapshot may: as if every block had been written to."""
        freed = resource.charges
        if isinstance(freed, Uncharged):
            return freed
        kept = Charge(
            region=resource.region, table="ebs-snapshot-gib-month", item="standard", quantity=-resource.size_gib
        )
        return (*freed, kept)


def _create_snapshot(volume: Volume) -> Call:
    made_by_us: Json = [{"Name": f"tag:{ACTION_TAG}", "Values": [ACTION_ID]}]
    return Call(
        service="ec2",
        operation="create_snapshot",
        arguments={
            "VolumeId": volume.id,
            "Description": f"{volume.id} before cloudwarden deleted it",
            "TagSpecifications": [{"ResourceType": "snapshot", "Tags": _snapshot_tags(volume.tags)}],
        },
        # The path is where reconciling finds what `keeps` would have kept, so it must lead to the id.
        proof=Proof(read=_snapshots("SnapshotId", OwnerIds=["self"], Filters=made_by_us), shows=Shows.SOMETHING),
        keeps={"snapshot_id": "SnapshotId"},
    )


def _snapshot_tags(tags: Tags) -> list[Json]:
    """Ours first: no crowd of copied tags may push it out. `aws:` tags cannot be given by anyone but AWS."""
    copied = [(key, value) for key, value in sorted(tags.items()) if not reserved(key) and key != ACTION_TAG]
    return [{"Key": key, "Value": value} for key, value in [(ACTION_TAG, ACTION_ID), *copied][:MOST_TAGS]]


def reserved(key: str) -> bool:
    """Whether only AWS may set a tag of this key."""
    return key.lower().startswith("aws:")


def _snapshot_completed() -> Wait:
    return Wait(
        read=_snapshots("State", SnapshotIds=["${snapshot_id}"]),
        until=("completed",),
        fails_on=("error",),
    )


def _snapshots(what: str, **arguments: Json) -> Read:
    return Read(service="ec2", operation="describe_snapshots", arguments=arguments, path=f"Snapshots[0].{what}")


def _delete_volume(volume_id: str) -> Call:
    remaining = Read(
        service="ec2",
        operation="describe_volumes",
        arguments={"VolumeIds": [volume_id]},
        path="Volumes[?State!='deleting' && State!='deleted'].VolumeId",
    )
    return Call(
        service="ec2",
        operation="delete_volume",
        arguments={"VolumeId": volume_id},
        proof=Proof(read=remaining, shows=Shows.NOTHING),
    )
