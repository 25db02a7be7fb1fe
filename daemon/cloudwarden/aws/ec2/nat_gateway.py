"""NAT gateways.

Source: AWS "Amazon EC2 API Reference" (DescribeNatGateways, NatGateway).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from cloudwarden.aws.ec2.dependants import NAT_GATEWAY_PERMISSIONS, of_nat_gateway
from cloudwarden.aws.ec2.identity import identity
from cloudwarden.aws.kind import Kind
from cloudwarden.core.blast import Dependant, Look
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.saving import Charge, Charges


@dataclass(frozen=True, kw_only=True, slots=True)
class NatGateway(Resource):
    """A NAT gateway that is not being deleted.

    `state` is pending, available or failed. `connectivity` is public or private. `public_ips` are sorted. `subnet_id`
    is None for one that serves a whole VPC.
    """

    kind: ClassVar[str] = "ec2.nat-gateway"
    dependants_permissions: ClassVar[tuple[str, ...]] = NAT_GATEWAY_PERMISSIONS

    created: datetime  # pyright: ignore[reportGeneralTypeIssues]  # EC2 always says it, and it is passed by name
    state: str
    vpc_id: str
    subnet_id: str | None = None
    connectivity: str = "public"
    public_ips: tuple[str, ...] = ()

    def dependants(self) -> Iterator[Dependant | Look]:
        """The route tables that lead to it."""
        return of_nat_gateway(self.id)

    @property
    def charges(self) -> Charges:
        """Its hours and those of its addresses; what it carries comes on top."""
        hours = Charge(region=self.region, table="nat-gateway-hour", item="gateway")
        if not self.public_ips:
            return (hours,)
        addresses = float(len(self.public_ips))
        return (hours, Charge(region=self.region, table="public-ipv4-hour", item="address", quantity=addresses))


def _view(raw: Mapping[str, Any], scope: Scope) -> NatGateway:
    addresses = (address.get("PublicIp") for address in raw.get("NatGatewayAddresses", ()))
    return NatGateway(
        **identity(raw, scope, noun="natgateway", id_key="NatGatewayId"),
        created=raw["CreateTime"],
        state=raw["State"],
        vpc_id=raw["VpcId"],
        subnet_id=raw.get("SubnetId"),
        connectivity=raw.get("ConnectivityType", "public"),
        public_ips=tuple(sorted(address for address in addresses if address)),
    )


# A deleted gateway is listed for about an hour more.
_LIVING = {"Filter": [{"Name": "state", "Values": ["pending", "available", "failed"]}]}

KIND = Kind(
    resource=NatGateway,
    service="ec2",
    operation="describe_nat_gateways",
    items=("NatGateways",),
    view=_view,
    by_id=lambda resource_id: {"NatGatewayIds": [resource_id], **_LIVING},
    permissions=("ec2:DescribeNatGateways",),
    arguments=_LIVING,
)
