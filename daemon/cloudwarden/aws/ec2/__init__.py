"""Amazon EC2: its kinds of resources, with their evidence and actions."""

from typing import Any

from cloudwarden.aws.ec2 import (
    address,
    image,
    instance,
    nat_gateway,
    network_interface,
    security_group,
    snapshot,
    volume,
    vpc,
)
from cloudwarden.aws.ec2.address import Address
from cloudwarden.aws.ec2.image import Image
from cloudwarden.aws.ec2.instance import Activity, Instance, Start, Stop
from cloudwarden.aws.ec2.nat_gateway import NatGateway
from cloudwarden.aws.ec2.network_interface import NetworkInterface
from cloudwarden.aws.ec2.security_group import IngressRule, RevokeIngress, SecurityGroup
from cloudwarden.aws.ec2.snapshot import Snapshot
from cloudwarden.aws.ec2.tagging import AddTags
from cloudwarden.aws.ec2.volume import Attachment, SnapshotThenDelete, Volume
from cloudwarden.aws.ec2.vpc import Vpc
from cloudwarden.aws.kind import Kind

KINDS: tuple[Kind[Any], ...] = (
    address.KIND,
    image.KIND,
    instance.KIND,
    nat_gateway.KIND,
    network_interface.KIND,
    security_group.KIND,
    snapshot.KIND,
    volume.KIND,
    vpc.KIND,
)
"""How each kind of EC2 resource is read."""

__all__ = [
    "KINDS",
    "Activity",
    "AddTags",
    "Address",
    "Attachment",
    "Image",
    "IngressRule",
    "Instance",
    "NatGateway",
    "NetworkInterface",
    "RevokeIngress",
    "SecurityGroup",
    "Snapshot",
    "SnapshotThenDelete",
    "Start",
    "Stop",
    "Volume",
    "Vpc",
]
