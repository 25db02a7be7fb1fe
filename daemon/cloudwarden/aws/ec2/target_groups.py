"""Target groups of load balancers, as dependants of what is a target by its id or by its addresses.

Source: AWS "Elastic Load Balancing API Reference", version 2015-12-01 (DescribeTargetGroups, DescribeTargetHealth,
TargetDescription).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from cloudwarden.aws.looks import listed
from cloudwarden.core.blast import AMBIGUOUS, Dependant, Gap, Look
from cloudwarden.core.detail import Detail, arguments
from cloudwarden.core.verdict import Cause

Raw = Mapping[str, Any]

TARGET_GROUPS = "target groups"

LB_PAGE = {"PageSize": 400}


def any_address_of(interface: Raw) -> Callable[[str], bool]:
    """Whether a target is one of an interface's addresses, or of the prefixes that are delegated to it.

    An IPv6 address may be written in several ways. Only an interface of an IPv6 subnet has no IPv4 address.
    """
    six = [one["Ipv6Address"] for one in interface.get("Ipv6Addresses", ())]
    four = interface.get("PrivateIpAddresses", ()) if six else interface["PrivateIpAddresses"]
    prefixes = [one["Ipv4Prefix"] for one in interface.get("Ipv4Prefixes", ())]
    prefixes += [one["Ipv6Prefix"] for one in interface.get("Ipv6Prefixes", ())]
    own = [ip_network(one) for one in (*six, *(each["PrivateIpAddress"] for each in four), *prefixes)]
    return lambda target: any(ip_address(target) in one for one in own)


def target_groups(sort: str, vpc_id: str | None, is_it: Callable[[str], bool]) -> Look:
    """Every target group that may have it as a target of this sort, and whether it has.

    Instances are targets within their VPC. An address may be one of a group in any VPC that a way leads to.
    """

    def group(raw: Raw) -> Iterator[Look]:
        foreign = vpc_id is not None and raw.get("VpcId") not in (None, vpc_id)
        if raw["TargetType"] == sort and (sort == "ip" or not foreign):
            yield _targets(raw, is_it, foreign=foreign)

    return listed(
        TARGET_GROUPS,
        "elbv2",
        "describe_target_groups",
        "TargetGroups",
        group,
        LB_PAGE,
        next_page="NextMarker",
        asked_as="Marker",
    )


def _targets(group: Raw, is_it: Callable[[str], bool], *, foreign: bool) -> Look:
    def registered(raw: Raw) -> Iterator[Dependant | Gap]:
        target = raw["Target"]["Id"]
        if is_it(target):
            # arn:...:loadbalancer/app/web/50dc6c495c0c9188
            balancers = sorted(arn.split("/", 1)[1].rpartition("/")[0] for arn in group["LoadBalancerArns"])
            behind = f" for load balancer {', '.join(balancers)}" if balancers else " for no load balancer"
            what = f"its address {target}" if foreign else "it"
            doubt = f", in {group['VpcId']}, where another machine may have the same address" if foreign else ""
            yield Dependant(
                kind="elbv2.target-group",
                id=group["TargetGroupArn"],
                name=group["TargetGroupName"],
                why=f"has {what} as a target on port {raw['Target'].get('Port', 'any')}{behind}{doubt}",
            )
            if foreign:
                # Whether a way leads from there to it nobody can tell from here.
                where = f"{target} is a target of {group['TargetGroupName']} in {group['VpcId']}"
                cause = Cause(reason=AMBIGUOUS, detail=f"{where}: it, or another machine there")
                yield Gap(what=TARGET_GROUPS, cause=cause)

    detail = Detail(
        service="elbv2",
        operation="describe_target_health",
        arguments=arguments({"TargetGroupArn": group["TargetGroupArn"]}),
        path="TargetHealthDescriptions",
        # It was deleted since it was listed.
        absent_codes=("TargetGroupNotFound",),
    )
    return Look(what=TARGET_GROUPS, detail=detail, view=registered)
