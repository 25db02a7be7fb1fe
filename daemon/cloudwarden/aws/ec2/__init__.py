"""Amazon EC2: instances, security groups and volumes, with their evidence and actions."""

from typing import Any

from cloudwarden.aws.ec2 import instance, security_group, volume
from cloudwarden.aws.ec2.instance import Activity, Instance, Start, Stop
from cloudwarden.aws.ec2.security_group import IngressRule, RevokeIngress, SecurityGroup
from cloudwarden.aws.ec2.tagging import AddTags
from cloudwarden.aws.ec2.volume import Attachment, SnapshotThenDelete, Volume
from cloudwarden.aws.kind import Kind

KINDS: tuple[Kind[Any], ...] = (instance.KIND, security_group.KIND, volume.KIND)
"""How each kind of EC2 resource is read."""

__all__ = [
    "KINDS",
    "Activity",
    "AddTags",
    "Attachment",
    "IngressRule",
    "Instance",
    "RevokeIngress",
    "SecurityGroup",
    "SnapshotThenDelete",
    "Start",
    "Stop",
    "Volume",
]
