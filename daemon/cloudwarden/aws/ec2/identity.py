"""What every EC2 resource is known by: id, ARN, account, region, name and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from cloudwarden.aws.partition import partition
from cloudwarden.core.resource import Scope, Tags

OWNER = "OwnerId"
"""The field in which EC2 says whose something is, of all that an account may be shown and not own.

A security group and a VPC are listed by those with whom they are shared, a network interface and its groups by who owns
the VPC, and what manages an account's volumes may own them. Source: "Share security groups with AWS Organizations" and
"Amazon VPC quotas" (VPC subnet sharing) in the Amazon VPC User Guide, and Volume in the Amazon EC2 API Reference.
"""


class Identity(TypedDict):
    """The fields of `Resource` that are read alike for all kinds."""

    id: str
    arn: str
    account: str
    region: str
    name: str | None
    tags: Tags


def arn(scope: Scope, noun: str, resource_id: str) -> str:
    """An EC2 resource's ARN; `noun` as in AWS "Actions, resources, and condition keys for Amazon EC2"."""
    return f"arn:{partition(scope.region)}:ec2:{scope.region}:{scope.account}:{noun}/{resource_id}"


def ownerless_arn(scope: Scope, noun: str, resource_id: str) -> str:
    """The ARN of what carries no account in it: a snapshot or an image."""
    return f"arn:{partition(scope.region)}:ec2:{scope.region}::{noun}/{resource_id}"


def is_of_region(zone: str, region: str) -> bool:
    """Whether a region's prices hold in a zone: those of Local and Wavelength Zones, which have longer names, differ.

    Source: "Regions and Zones" of the EC2 User Guide.
    """
    return zone[:-1] == region


def identity(raw: Mapping[str, Any], scope: Scope, *, noun: str, id_key: str, tags_key: str = "Tags") -> Identity:
    """What a raw description says of who it is. Raises KeyError or TypeError when it is malformed."""
    # The API leaves Tags out when there are none: the one case in which missing does mean empty.
    tags = Tags({tag["Key"]: tag["Value"] for tag in raw.get(tags_key, ())})
    resource_id = raw[id_key]
    return Identity(
        id=resource_id,
        arn=arn(scope, noun, resource_id),
        account=scope.account,
        region=scope.region,
        name=tags.get("Name"),
        tags=tags,
    )
