"""Virtual private clouds.

Source: AWS "Amazon EC2 API Reference" (DescribeVpcs, Vpc).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cloudwarden.aws.ec2.identity import OWNER, identity
from cloudwarden.aws.kind import Kind
from cloudwarden.core.resource import Resource, Scope


@dataclass(frozen=True, kw_only=True, slots=True)
class Vpc(Resource):
    """A VPC. `is_default` is the one that AWS made with the account. `cidrs` are its IPv4 blocks, its first one first.

    EC2 does not say when it was made.
    """

    kind: ClassVar[str] = "ec2.vpc"

    state: str
    is_default: bool
    cidrs: tuple[str, ...]


def _view(raw: Mapping[str, Any], scope: Scope) -> Vpc:
    further = (block["CidrBlock"] for block in raw.get("CidrBlockAssociationSet", ()))
    return Vpc(
        **identity(raw, scope, noun="vpc", id_key="VpcId"),
        state=raw["State"],
        is_default=raw["IsDefault"],
        cidrs=tuple(dict.fromkeys((raw["CidrBlock"], *further))),
    )


KIND = Kind(
    resource=Vpc,
    service="ec2",
    operation="describe_vpcs",
    items=("Vpcs",),
    view=_view,
    by_id=lambda resource_id: {"VpcIds": [resource_id]},
    permissions=("ec2:DescribeVpcs",),
    owner=OWNER,
)
