"""EBS snapshots that the account owns.

Source: AWS "Amazon EC2 API Reference" (DescribeSnapshots, Snapshot).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from cloudwarden.aws.ec2.dependants import SNAPSHOT_PERMISSIONS, of_snapshot
from cloudwarden.aws.ec2.identity import identity, ownerless_arn
from cloudwarden.aws.kind import Kind
from cloudwarden.core.blast import Dependant, Look
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.saving import Charges, Uncharged


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot(Resource):
    """A snapshot of the account's own.

    `state` is pending, completed, error, recoverable or recovering. `volume_id` names the volume that it was made
    of, which may be long gone; a copy's names none that ever was. `tier` is standard or archive.
    """

    kind: ClassVar[str] = "ec2.snapshot"
    dependants_permissions: ClassVar[tuple[str, ...]] = SNAPSHOT_PERMISSIONS

    created: datetime  # pyright: ignore[reportGeneralTypeIssues]  # EC2 always says it, and it is passed by name
    state: str
    volume_id: str
    size_gib: int
    encrypted: bool
    description: str = ""
    tier: str = "standard"

    def dependants(self) -> Iterator[Dependant | Look]:
        """The images that are made of it."""
        return of_snapshot(self.id)

    @property
    def charges(self) -> Charges:
        """EC2 says how large its volume was, and not how much of it the snapshot alone holds."""
        return Uncharged(why="nobody tells how many blocks a snapshot holds alone")


def _view(raw: Mapping[str, Any], scope: Scope) -> Snapshot:
    known = identity(raw, scope, noun="snapshot", id_key="SnapshotId")
    known["arn"] = ownerless_arn(scope, "snapshot", known["id"])
    return Snapshot(
        **known,
        created=raw["StartTime"],
        state=raw["State"],
        volume_id=raw["VolumeId"],
        size_gib=raw["VolumeSize"],
        encrypted=raw["Encrypted"],
        description=raw.get("Description", ""),
        tier=raw.get("StorageTier", "standard"),
    )


# Without it EC2 lists every public snapshot of every account too.
_OWN = {"OwnerIds": ["self"]}

KIND = Kind(
    resource=Snapshot,
    service="ec2",
    operation="describe_snapshots",
    items=("Snapshots",),
    view=_view,
    by_id=lambda resource_id: {"SnapshotIds": [resource_id], **_OWN},
    permissions=("ec2:DescribeSnapshots",),
    arguments=_OWN,
)
