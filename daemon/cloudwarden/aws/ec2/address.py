"""Elastic IP addresses.

Source: AWS "Amazon EC2 API Reference" (DescribeAddresses, Address).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cloudwarden.aws.ec2.identity import identity
from cloudwarden.aws.kind import Kind
from cloudwarden.core.blast import Dependant
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.saving import Charge, Charges, Uncharged

AMAZON = "amazon"


@dataclass(frozen=True, kw_only=True, slots=True)
class Address(Resource):
    """A public IPv4 address that the account holds, and pays for; its id is its allocation id.

    EC2 says neither when it was allocated nor when it was last associated. `managed_by` names the AWS service that
    holds it for the account: a load balancer's or a NAT gateway's, say. `pool` is `amazon`, or names the account's own.
    """

    kind: ClassVar[str] = "ec2.address"

    public_ip: str
    association_id: str | None = None
    instance_id: str | None = None
    network_interface_id: str | None = None
    managed_by: str | None = None
    pool: str = AMAZON

    @property
    def associated(self) -> bool:
        """Whether it leads anywhere."""
        return self.association_id is not None

    def dependants(self) -> Iterator[Dependant]:
        """What it leads to."""
        if self.instance_id is not None:
            yield Dependant(kind="ec2.instance", id=self.instance_id, why="is reached by it")
        elif self.network_interface_id is not None:
            yield Dependant(kind="ec2.network-interface", id=self.network_interface_id, why="is reached by it")

    @property
    def charges(self) -> Charges:
        """Every public IPv4 address of Amazon's costs the same, whether it leads anywhere or not.

        Those that an account brought itself cost nothing. Source: "Amazon VPC pricing" (public IPv4 addresses).
        """
        if self.pool != AMAZON:
            return Uncharged(why=f"no price is known of addresses in the pool {self.pool}")
        return (Charge(region=self.region, table="public-ipv4-hour", item="address"),)


def _view(raw: Mapping[str, Any], scope: Scope) -> Address:
    known = identity(raw, scope, noun="elastic-ip", id_key="AllocationId")
    known["name"] = known["name"] or raw["PublicIp"]
    return Address(
        **known,
        public_ip=raw["PublicIp"],
        association_id=raw.get("AssociationId") or None,
        instance_id=raw.get("InstanceId") or None,
        network_interface_id=raw.get("NetworkInterfaceId") or None,
        managed_by=raw.get("ServiceManaged") or None,
        pool=raw.get("PublicIpv4Pool") or AMAZON,
    )


KIND = Kind(
    resource=Address,
    service="ec2",
    operation="describe_addresses",
    items=("Addresses",),
    view=_view,
    by_id=lambda resource_id: {"AllocationIds": [resource_id]},
    permissions=("ec2:DescribeAddresses",),
    page_size=None,  # DescribeAddresses has no pages.
)
