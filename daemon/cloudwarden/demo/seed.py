"""Puts the demo's cast into an empty simulated EC2, with few calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cloudwarden.demo.cast import FLEETS, GROUPS, VOLUMES, Fleet, Groups, Opening, Volumes

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import IpPermissionTypeDef, TagTypeDef

IMAGE = "ami-12c6146b"

Roles = Mapping[str, Sequence[str]]
"""A role's name to the ids of those that play it."""


def instances(ec2: EC2Client) -> Roles:
    """Run the fleets, and stop those that are to be found stopped."""
    ids = {fleet.role: _run(ec2, fleet) for fleet in FLEETS}
    ec2.stop_instances(InstanceIds=[each for fleet in FLEETS if not fleet.running for each in ids[fleet.role]])
    return ids


def groups(ec2: EC2Client) -> Roles:
    """Make the security groups and what they let in."""
    return {kind.role: [_group(ec2, kind, number) for number in range(kind.count)] for kind in GROUPS}


def volumes(ec2: EC2Client) -> Roles:
    """Make the volumes that hang on no instance."""
    return {kind.role: [_volume(ec2, kind) for _ in range(kind.count)] for kind in VOLUMES}


def let_in(ec2: EC2Client, group: str, opening: Opening) -> None:
    """Add an ingress rule to a security group."""
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[_permission(opening)])


def _run(ec2: EC2Client, fleet: Fleet) -> Sequence[str]:
    answer = ec2.run_instances(
        ImageId=IMAGE,
        InstanceType="t3.small",
        MinCount=fleet.count,
        MaxCount=fleet.count,
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": _tags(fleet.tags)},
            {"ResourceType": "volume", "Tags": _tags(fleet.tags)},
        ],
    )
    return [instance.get("InstanceId", "") for instance in answer["Instances"]]


def _group(ec2: EC2Client, kind: Groups, number: int) -> str:
    name = f"{kind.role}-{number:02}"
    tags = {"Name": name} | ({"owner": kind.owner} if kind.owner else {})
    group = ec2.create_security_group(
        GroupName=name,
        Description=f"{kind.role}, of the demo",
        TagSpecifications=[{"ResourceType": "security-group", "Tags": _tags(tags)}],
    )["GroupId"]
    let_in(ec2, group, kind.opening)
    return group


def _permission(opening: Opening) -> IpPermissionTypeDef:
    permission: IpPermissionTypeDef = {
        "IpProtocol": "-1" if opening.port is None else "tcp",
        "IpRanges": [{"CidrIp": cidr} for cidr in opening.cidrs if ":" not in cidr],
        "Ipv6Ranges": [{"CidrIpv6": cidr} for cidr in opening.cidrs if ":" in cidr],
    }
    if opening.port is not None:
        permission |= {"FromPort": opening.port, "ToPort": opening.port}
    return permission


def _volume(ec2: EC2Client, kind: Volumes) -> str:
    tags = {"Name": kind.role} | ({"owner": kind.owner} if kind.owner else {})
    return ec2.create_volume(
        AvailabilityZone=f"{ec2.meta.region_name}a",
        Size=50,
        VolumeType="gp3",
        Throughput=125,  # AWS fills in what every gp3 volume has, moto does not
        TagSpecifications=[{"ResourceType": "volume", "Tags": _tags(tags)}],
    )["VolumeId"]


def _tags(tags: Mapping[str, str]) -> Sequence[TagTypeDef]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
