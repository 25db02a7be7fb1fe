"""Rules about networks: who may come in, and what leads nowhere."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import Field

from cloudwarden import NoParams, Params, Violation, rule
from cloudwarden.aws import ec2

Port = Annotated[int, Field(ge=0, le=65535)]

_UNIQUE_LOCAL = IPv6Network("fc00::/7")
"""IPv6's private addresses (RFC 4193): wide, and not routed over the internet."""

_SHOWN = 5


class OpenToTheWorld(Params):
    """Which sources are the world, and what it may reach.

    A CIDR is the world when its prefix is at most this long. IPv4: 7, because a /8 is the widest block that one
    organisation ever held, so anything wider lets strangers in, 0.0.0.0/1 as surely as 0.0.0.0/0. IPv6: 16,
    because registries give out what is narrower, and hold what is wider themselves. A port of `allowed_ports`
    may be open to all. ICMP has no ports and reaches no service, and path MTU discovery needs it (RFC 4890), so
    it may come in unless `allow_icmp` is off.
    """

    allowed_ports: tuple[Port, ...] = (80, 443)
    widest_ipv4_prefix: int = Field(default=7, ge=0, le=32)
    widest_ipv6_prefix: int = Field(default=16, ge=0, le=128)
    allow_icmp: bool = True


@rule
def open_to_the_world(group: ec2.SecurityGroup, params: OpenToTheWorld) -> Violation | None:
    """A security group that lets the world reach a port other than the allowed ones.

    A range offends unless all of its ports are allowed; protocol -1 is every port. Only CIDRs are judged: what
    a prefix list holds is not in the group's description. `offending` holds the keys of the rules at fault.
    """
    keys = tuple(ingress.key for ingress in group.ingress if _offends(ingress, params))
    if not keys:
        return None
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return Violation(summary=f"open to the world: {', '.join(keys[:_SHOWN])}{more}", offending=keys)


def _offends(ingress: ec2.IngressRule, params: OpenToTheWorld) -> bool:
    if ingress.cidr is None or not _is_the_world(ingress.cidr, params):
        return False
    if ingress.icmp:
        return not params.allow_icmp
    return any(port not in params.allowed_ports for port in ingress.ports)


def _is_the_world(network: IPv4Network | IPv6Network, params: OpenToTheWorld) -> bool:
    if isinstance(network, IPv4Network):
        return network.prefixlen <= params.widest_ipv4_prefix
    private = network.subnet_of(_UNIQUE_LOCAL)
    return network.prefixlen <= params.widest_ipv6_prefix and not private


@rule
def unassociated(address: ec2.Address, params: NoParams) -> Violation | None:
    """A public address that leads nowhere, and costs all the same.

    EC2 does not say since when: to count the days, give the policy a grace. An address that an AWS service holds
    for the account is that service's matter.
    """
    del params
    if address.associated or address.managed_by is not None:
        return None
    return Violation(summary=f"{address.public_ip} is associated with nothing")
