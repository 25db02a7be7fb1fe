"""Machine images (AMIs) that the account owns.

Source: AWS "Amazon EC2 API Reference" (DescribeImages, Image).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from cloudwarden.aws.ec2.dependants import IMAGE_PERMISSIONS, of_image
from cloudwarden.aws.ec2.identity import identity, ownerless_arn
from cloudwarden.aws.kind import Kind
from cloudwarden.core.blast import Dependant, Look
from cloudwarden.core.resource import Resource, Scope


@dataclass(frozen=True, kw_only=True, slots=True)
class Image(Resource):
    """An image of the account's own; `name` is its tag, else the name that it was registered by.

    `state` is available, pending, failed, disabled and the like. `public` says that every AWS account may start
    instances of it. `snapshot_ids` are the snapshots that it is made of, sorted.
    """

    kind: ClassVar[str] = "ec2.image"
    dependants_permissions: ClassVar[tuple[str, ...]] = IMAGE_PERMISSIONS

    created: datetime  # pyright: ignore[reportGeneralTypeIssues]  # EC2 always says it, and it is passed by name
    state: str
    public: bool
    architecture: str
    snapshot_ids: tuple[str, ...] = ()
    deprecated: datetime | None = None

    def dependants(self) -> Iterator[Dependant | Look]:
        """What runs from it or would start from it, and its snapshots."""
        return of_image(self.id, self.snapshot_ids)


def _view(raw: Mapping[str, Any], scope: Scope) -> Image:
    known = identity(raw, scope, noun="image", id_key="ImageId")
    known["arn"] = ownerless_arn(scope, "image", known["id"])
    known["name"] = known["name"] or raw.get("Name")
    disks = (mapping.get("Ebs", {}).get("SnapshotId") for mapping in raw["BlockDeviceMappings"])
    return Image(
        **known,
        # EC2 gives an image's instants as text.
        created=datetime.fromisoformat(raw["CreationDate"]),
        state=raw["State"],
        public=raw["Public"],
        architecture=raw["Architecture"],
        snapshot_ids=tuple(sorted(disk for disk in disks if disk)),
        deprecated=datetime.fromisoformat(raw["DeprecationTime"]) if raw.get("DeprecationTime") else None,
    )


# Without it EC2 lists the images of the whole world.
_OWN = {"Owners": ["self"], "IncludeDisabled": True}

KIND = Kind(
    resource=Image,
    service="ec2",
    operation="describe_images",
    items=("Images",),
    view=_view,
    by_id=lambda resource_id: {"ImageIds": [resource_id], **_OWN},
    permissions=("ec2:DescribeImages",),
    arguments=_OWN,
)
