"""Network interfaces.

Source: AWS "Amazon EC2 API Reference" (DescribeNetworkInterfaces, NetworkInterface).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cloudwarden.aws.ec2.identity import OWNER, identity
from cloudwarden.aws.kind import Kind
from cloudwarden.core.resource import Resource, Scope


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkInterface(Resource):
    """A network interface. `status` is available (attached to nothing), associated, attaching, in-use or detaching.

    `interface_type` is interface, nat_gateway, lambda and the like. `requester_managed` says that an AWS service
    made it, and deletes it. `public_ip` is the address by which the internet reaches it, if any.
    """

    kind: ClassVar[str] = "ec2.network-interface"

    status: str
    interface_type: str
    requester_managed: bool
    vpc_id: str
    subnet_id: str
    private_ip: str | None = None
    public_ip: str | None = None
    instance_id: str | None = None
    security_group_ids: tuple[str, ...] = ()
    description: str = ""


def _view(raw: Mapping[str, Any], scope: Scope) -> NetworkInterface:
    return NetworkInterface(
        # Every other kind's tags are in `Tags`.
        **identity(raw, scope, noun="network-interface", id_key="NetworkInterfaceId", tags_key="TagSet"),
        status=raw["Status"],
        interface_type=raw["InterfaceType"],
        requester_managed=raw["RequesterManaged"],
        vpc_id=raw["VpcId"],
        subnet_id=raw["SubnetId"],
        private_ip=raw.get("PrivateIpAddress"),
        public_ip=raw.get("Association", {}).get("PublicIp"),
        instance_id=raw.get("Attachment", {}).get("InstanceId"),
        security_group_ids=tuple(sorted(group["GroupId"] for group in raw["Groups"])),
        description=raw.get("Description", ""),
    )


KIND = Kind(
    resource=NetworkInterface,
    service="ec2",
    operation="describe_network_interfaces",
    items=("NetworkInterfaces",),
    view=_view,
    by_id=lambda resource_id: {"NetworkInterfaceIds": [resource_id]},
    permissions=("ec2:DescribeNetworkInterfaces",),
    owner=OWNER,
)
