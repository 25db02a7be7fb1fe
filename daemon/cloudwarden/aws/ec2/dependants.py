"""What depends on EC2's resources, and where AWS says so.

Source: AWS "Amazon EC2 API Reference" (the filters of the Describe operations, DescribeLaunchTemplateVersions),
"Elastic Load Balancing API Reference", version 2012-06-01 (DescribeLoadBalancers), and "Amazon EC2 Auto Scaling API
Reference" (DescribeAutoScalingInstances, DescribeLaunchConfigurations).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudwarden.aws.ec2.target_groups import LB_PAGE, TARGET_GROUPS, any_address_of, target_groups
from cloudwarden.aws.looks import View, filtered, listed
from cloudwarden.core.blast import Dependant, Look
from cloudwarden.core.detail import Detail, arguments
from cloudwarden.core.plain import Json

Raw = Mapping[str, Any]
Found = Iterator[Dependant | Look]

INSTANCE_PERMISSIONS = (
    "autoscaling:DescribeAutoScalingInstances",
    "ec2:DescribeAddresses",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVolumes",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
)
GROUP_PERMISSIONS = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups")
VOLUME_PERMISSIONS = ("ec2:DescribeSnapshots",)
IMAGE_PERMISSIONS = (
    "autoscaling:DescribeLaunchConfigurations",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplateVersions",
)
SNAPSHOT_PERMISSIONS = ("ec2:DescribeImages",)
NAT_GATEWAY_PERMISSIONS = ("ec2:DescribeRouteTables",)

_PAGE = {"MaxResults": 1000}


def of_instance(instance_id: str, vpc_id: str | None) -> Found:
    """Load balancers of every sort, its Auto Scaling group, its addresses and its volumes."""

    def volume(raw: Raw) -> Found:
        (tie,) = (one for one in raw["Attachments"] if one.get("InstanceId") == instance_id)
        fates = {True: ", and deleted when it is terminated", False: ", and kept when it is terminated"}
        yield Dependant(
            kind="ec2.volume",
            id=raw["VolumeId"],
            name=_tagged_name(raw),
            why=f"is attached to it as {tie.get('Device', 'a disk')}{fates.get(tie.get('DeleteOnTermination'), '')}",
        )

    def balancer(raw: Raw) -> Found:
        if any(one["InstanceId"] == instance_id for one in raw["Instances"]):
            name = raw["LoadBalancerName"]
            yield Dependant(kind="elb.load-balancer", id=name, why="sends it requests")

    def interface(raw: Raw) -> Found:
        yield target_groups("ip", vpc_id, any_address_of(raw))

    itself: dict[str, Json] = {"InstanceIds": [instance_id]}
    yield target_groups("instance", vpc_id, lambda target: target == instance_id)
    of_it = {"attachment.instance-id": instance_id}
    yield _ec2(TARGET_GROUPS, "describe_network_interfaces", "NetworkInterfaces", interface, of_it)
    yield listed(
        "classic load balancers",
        "elb",
        "describe_load_balancers",
        "LoadBalancerDescriptions",
        balancer,
        LB_PAGE,
        next_page="NextMarker",
        asked_as="Marker",
    )
    yield listed(
        "Auto Scaling groups",
        "autoscaling",
        "describe_auto_scaling_instances",
        "AutoScalingInstances",
        _scaling_group,
        itself,
    )
    # DescribeAddresses has no pages.
    addresses = Detail(
        service="ec2",
        operation="describe_addresses",
        arguments=arguments({"Filters": filtered({"instance-id": instance_id})}),
        path="Addresses",
    )
    yield Look(what="addresses", detail=addresses, view=_address)
    yield _ec2("volumes", "describe_volumes", "Volumes", volume, of_it)


def of_group(group_id: str) -> Found:
    """Whoever is a member of a security group, and the groups whose rules name it, other accounts' too.

    Only who owns a VPC can share its groups, and is shown the interfaces that others attach there, with their groups.
    """

    def referring(how: str) -> View:
        def view(raw: Raw) -> Found:
            if raw["GroupId"] != group_id:
                yield Dependant(kind="ec2.security-group", id=raw["GroupId"], name=raw["GroupName"], why=how)

        return view

    yield _ec2("members", "describe_network_interfaces", "NetworkInterfaces", _member, {"group-id": group_id})
    for what, how, named in (
        ("groups that let it in", "lets its members in", "ip-permission.group-id"),
        ("groups that lead to it", "lets traffic out to its members", "egress.ip-permission.group-id"),
    ):
        yield _ec2(what, "describe_security_groups", "SecurityGroups", referring(how), {named: group_id})


def of_volume(volume_id: str, holders: Mapping[str, str]) -> Found:
    """The instances that hold it, by id to the device's name, and the snapshots made of it."""
    for holder, device in sorted(holders.items()):
        kind = "ec2.instance" if holder.startswith("i-") else "aws.service"
        yield Dependant(kind=kind, id=holder, why=f"has it attached{f' as {device}' if device else ''}")

    def snapshot(raw: Raw) -> Found:
        yield Dependant(
            kind="ec2.snapshot", id=raw["SnapshotId"], name=_tagged_name(raw), why="was made of it, and stays"
        )

    yield listed(
        "snapshots",
        "ec2",
        "describe_snapshots",
        "Snapshots",
        snapshot,
        {"OwnerIds": ["self"], "Filters": filtered({"volume-id": volume_id}), **_PAGE},
    )


def of_image(image_id: str, snapshot_ids: tuple[str, ...]) -> Found:
    """What runs from an image or would start from it, and the snapshots that hold its data.

    Launch templates are looked at in their latest and default versions.
    """
    for one in snapshot_ids:
        yield Dependant(kind="ec2.snapshot", id=one, why="holds its data, and stays")

    def template(raw: Raw) -> Found:
        yield Dependant(
            kind="ec2.launch-template",
            id=raw["LaunchTemplateId"],
            name=raw["LaunchTemplateName"],
            why="starts instances from it",
        )

    def configuration(raw: Raw) -> Found:
        if raw["ImageId"] == image_id:
            name = raw["LaunchConfigurationName"]
            yield Dependant(kind="autoscaling.launch-configuration", id=name, why="starts instances from it")

    yield _ec2("instances", "describe_instances", "Reservations[].Instances[]", _running, {"image-id": image_id})
    yield listed(
        "launch templates",
        "ec2",
        "describe_launch_template_versions",
        "LaunchTemplateVersions",
        template,
        {"Versions": ["$Latest", "$Default"], "Filters": filtered({"image-id": image_id}), "MaxResults": 200},
    )
    yield listed(
        "launch configurations",
        "autoscaling",
        "describe_launch_configurations",
        "LaunchConfigurations",
        configuration,
        {"MaxRecords": 100},
    )


def of_snapshot(snapshot_id: str) -> Found:
    """The account's own images that are made of a snapshot."""

    def image(raw: Raw) -> Found:
        yield Dependant(kind="ec2.image", id=raw["ImageId"], name=raw.get("Name"), why="is made of it")

    yield listed(
        "images",
        "ec2",
        "describe_images",
        "Images",
        image,
        {
            "Owners": ["self"],
            "IncludeDisabled": True,
            "Filters": filtered({"block-device-mapping.snapshot-id": snapshot_id}),
            **_PAGE,
        },
    )


def of_nat_gateway(gateway_id: str) -> Found:
    """The route tables that lead to a NAT gateway."""

    def table(raw: Raw) -> Found:
        yield Dependant(kind="ec2.route-table", id=raw["RouteTableId"], name=_tagged_name(raw), why="routes to it")

    leading = {"route.nat-gateway-id": gateway_id}
    yield _ec2("route tables", "describe_route_tables", "RouteTables", table, leading, page=100)


def _ec2(what: str, operation: str, path: str, view: View, filters: Mapping[str, str], *, page: int = 1000) -> Look:
    return listed(what, "ec2", operation, path, view, {"Filters": filtered(filters), "MaxResults": page})


def _scaling_group(raw: Raw) -> Found:
    yield Dependant(
        kind="autoscaling.group", id=raw["AutoScalingGroupName"], why="keeps it, and replaces it when it is unhealthy"
    )


def _address(raw: Raw) -> Found:
    yield Dependant(kind="ec2.address", id=raw["AllocationId"], name=raw["PublicIp"], why="leads to it")


def _member(raw: Raw) -> Found:
    """The instance behind an interface; else the interface, whose description says which service it is of."""
    attached, interface = raw.get("Attachment", {}), raw["NetworkInterfaceId"]
    if "InstanceId" in attached:
        yield Dependant(kind="ec2.instance", id=attached["InstanceId"], why=f"is a member by {interface}")
    else:
        sort = raw.get("InterfaceType", "interface")
        yield Dependant(
            kind="ec2.network-interface", id=interface, name=raw.get("Description"), why=f"is a member ({sort})"
        )


def _running(raw: Raw) -> Found:
    if raw["State"]["Name"] != "terminated":
        yield Dependant(
            kind="ec2.instance", id=raw["InstanceId"], name=_tagged_name(raw), why="was started from it, and stays"
        )


def _tagged_name(raw: Raw) -> str | None:
    return next((tag["Value"] for tag in raw.get("Tags", ()) if tag["Key"] == "Name"), None)
