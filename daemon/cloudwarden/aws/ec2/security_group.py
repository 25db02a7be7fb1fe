"""Security groups: whom they let in, and closing what they should not.

Source: AWS "Amazon EC2 API Reference" (DescribeSecurityGroups, IpPermission, RevokeSecurityGroupIngress) and
"Security group rules" in the Amazon VPC User Guide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, ClassVar

from cloudwarden.aws.ec2.dependants import GROUP_PERMISSIONS, of_group
from cloudwarden.aws.ec2.identity import OWNER, identity
from cloudwarden.aws.ec2.paths import all_found, literal
from cloudwarden.aws.kind import Kind
from cloudwarden.core.action import Action, Call, Plan, Proof, Read, Shows
from cloudwarden.core.blast import Dependant, Look
from cloudwarden.core.errors import PermanentError
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Violation

EVERY_PORT = range(65536)
NO_PORT = range(0)

_WITH_PORTS = frozenset({"tcp", "udp", "6", "17"})
_ICMP = frozenset({"icmp", "icmpv6", "1", "58"})


@dataclass(frozen=True, kw_only=True, slots=True)
class IngressRule:
    """One source that may come in by one protocol and range of ports.

    `protocol` is tcp, udp, icmp, icmpv6, a protocol number, or -1 for all of them. `from_port` and `to_port` are
    None where the protocol has none; for ICMP they are its type and code, -1 for any. `source` is a CIDR, or
    the id of a prefix list or security group; `source_account` is set for another account's group.
    """

    protocol: str
    from_port: int | None = None
    to_port: int | None = None
    source: str
    source_account: str | None = None
    description: str | None = None

    @property
    def key(self) -> str:
        """What names this rule within its group: `tcp/22-22/0.0.0.0/0`, `-1/all/::/0`."""
        first, last = (None if port == -1 else port for port in (self.from_port, self.to_port))
        if first is None and last is None:
            return f"{self.protocol}/all/{self.source}"
        return f"{self.protocol}/{_any_or(first)}-{_any_or(last)}/{self.source}"

    @property
    def cidr(self) -> IPv4Network | IPv6Network | None:
        """The addresses that may come in; None when the source is a prefix list or a group."""
        return ip_network(self.source, strict=False) if "/" in self.source else None

    @property
    def icmp(self) -> bool:
        """Whether it lets in ICMP or ICMPv6 alone."""
        return self.protocol in _ICMP

    @property
    def ports(self) -> range:
        """The ports that it opens: every one for -1 and for protocols whose ports EC2 ignores, none for ICMP."""
        if self.icmp:
            return NO_PORT
        if self.protocol not in _WITH_PORTS or self.from_port is None or self.to_port is None:
            return EVERY_PORT
        return range(self.from_port, self.to_port + 1)


def _any_or(port: int | None) -> str:
    return "all" if port is None else str(port)


@dataclass(frozen=True, kw_only=True, slots=True)
class SecurityGroup(Resource):
    """A security group of a VPC, and its ingress rules in the order of their keys."""

    kind: ClassVar[str] = "ec2.security-group"
    dependants_permissions: ClassVar[tuple[str, ...]] = GROUP_PERMISSIONS

    group_name: str
    description: str = ""
    vpc_id: str | None = None
    ingress: tuple[IngressRule, ...] = ()

    def dependants(self) -> Iterator[Dependant | Look]:
        """Its members, and the groups that refer to it."""
        return of_group(self.id)


# Where a permission lists each sort of source, and which field of an entry names it.
_SOURCES = (
    ("IpRanges", "CidrIp"),
    ("Ipv6Ranges", "CidrIpv6"),
    ("PrefixListIds", "PrefixListId"),
    ("UserIdGroupPairs", "GroupId"),
)


def _view(raw: Mapping[str, Any], scope: Scope) -> SecurityGroup:
    known = identity(raw, scope, noun="security-group", id_key="GroupId")
    known["name"] = known["name"] or raw["GroupName"]
    rules = (rule for permission in raw["IpPermissions"] for rule in _rules(permission, scope.account))
    return SecurityGroup(
        **known,
        group_name=raw["GroupName"],
        description=raw["Description"],
        vpc_id=raw.get("VpcId"),
        # AWS keeps no order; ours makes equal groups equal, and a plan's hash the same tomorrow.
        ingress=tuple(sorted(rules, key=lambda rule: rule.key)),
    )


def _rules(permission: Mapping[str, Any], account: str) -> Iterator[IngressRule]:
    for listed, named in _SOURCES:
        for entry in permission.get(listed, ()):
            owner = entry.get("UserId")
            yield IngressRule(
                protocol=permission["IpProtocol"],
                from_port=permission.get("FromPort"),
                to_port=permission.get("ToPort"),
                source=entry[named],
                source_account=owner if owner != account else None,
                description=entry.get("Description"),
            )


KIND = Kind(
    resource=SecurityGroup,
    service="ec2",
    operation="describe_security_groups",
    items=("SecurityGroups",),
    view=_view,
    by_id=lambda resource_id: {"GroupIds": [resource_id]},
    permissions=("ec2:DescribeSecurityGroups",),
    owner=OWNER,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RevokeIngress(Action[SecurityGroup]):
    """Revoke the ingress rules that the violation names in `offending`, and no others."""

    name: ClassVar[str] = "revoke-ingress"
    permissions: ClassVar[tuple[str, ...]] = ("ec2:RevokeSecurityGroupIngress", "ec2:DescribeSecurityGroups")
    undo_permissions: ClassVar[tuple[str, ...]] = ("ec2:AuthorizeSecurityGroupIngress",)

    def plan(self, resource: SecurityGroup, violation: Violation) -> Plan:
        """One call for all of them; the inverse authorizes them again, with their descriptions.

        Raises PermanentError when the violation names no rule of the group: it was not written for this action.
        """
        rules = [rule for rule in resource.ingress if rule.key in violation.offending]
        if not rules:
            raise PermanentError(
                f"the violation names no ingress rule of {resource.id}: "
                "give Violation(offending=...) the `key` of each rule to revoke"
            )
        return Plan(
            action=self.name,
            summary=f"revoke from {resource.id}: {', '.join(rule.key for rule in rules)}",
            steps=(_revoke(resource.id, rules),),
            inverse=(_authorize(resource.id, rules),),
        )


def _revoke(group_id: str, rules: Sequence[IngressRule]) -> Call:
    return Call(
        service="ec2",
        operation="revoke_security_group_ingress",
        arguments={"GroupId": group_id, "IpPermissions": [_permission(rule) for rule in rules]},
        proof=Proof(read=_read(group_id, _matches(rules)), shows=Shows.NOTHING),
    )


def _authorize(group_id: str, rules: Sequence[IngressRule]) -> Call:
    permissions = [_permission(rule, describe=True) for rule in rules]
    return Call(
        service="ec2",
        operation="authorize_security_group_ingress",
        arguments={"GroupId": group_id, "IpPermissions": permissions},
        proof=Proof(read=_read(group_id, all_found(_matches(rules), len(rules))), shows=Shows.SOMETHING),
    )


def _read(group_id: str, path: str) -> Read:
    return Read(service="ec2", operation="describe_security_groups", arguments={"GroupIds": [group_id]}, path=path)


def _source_fields(rule: IngressRule) -> tuple[str, str]:
    if isinstance(rule.cidr, IPv4Network):
        return _SOURCES[0]
    if isinstance(rule.cidr, IPv6Network):
        return _SOURCES[1]
    return _SOURCES[2] if rule.source.startswith("pl-") else _SOURCES[3]


def _permission(rule: IngressRule, *, describe: bool = False) -> dict[str, Json]:
    """The rule as the API wants it. A description takes no part in matching, so revoking leaves it out."""
    listed, named = _source_fields(rule)
    described = rule.description if describe else None
    optional = {"UserId": rule.source_account, "Description": described}
    entry: dict[str, Json] = {named: rule.source, **_given(optional)}
    ports = _given({"FromPort": rule.from_port, "ToPort": rule.to_port})
    return {"IpProtocol": rule.protocol, **ports, listed: [entry]}


def _given(fields: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in fields.items() if value is not None}


def _matches(rules: Sequence[IngressRule]) -> str:
    """A JMESPath that finds the source of each of `rules` that is in the group: an empty list when none is."""
    return f"SecurityGroups[].IpPermissions[] | [{', '.join(_match(rule) for rule in rules)}][]"


def _match(rule: IngressRule) -> str:
    listed, named = _source_fields(rule)
    ports = f"FromPort=={literal(rule.from_port)} && ToPort=={literal(rule.to_port)}"
    protocol, source = literal(rule.protocol), literal(rule.source)
    return f"[?IpProtocol=={protocol} && {ports}].{listed}[] | [?{named}=={source}].{named}"
