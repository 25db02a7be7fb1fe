"""The kinds of EC2 that are a declaration and no more, read from a simulated EC2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws

from cloudwarden.app import KINDS
from cloudwarden.aws import ec2
from cloudwarden.aws.access.account import AwsAccess
from cloudwarden.aws.ec2 import address, image, nat_gateway, network_interface, snapshot
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.session import Sessions
from cloudwarden.core.resource import Resource, Scope
from images import amazon_image
from stub_sessions import Heard, simulated_limits

SCOPE = Scope(account="123456789012", region="eu-west-1")
TAGS = [{"Key": "owner", "Value": "team-a"}]
MADE = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


@pytest.fixture
def sessions() -> Iterator[Sessions]:
    """The way to an empty simulated AWS."""
    with mock_aws():
        heard = Heard()
        yield Sessions(AwsAccess(regions=(SCOPE.region,), attempts=1), heard, simulated_limits(heard))


def tagged(kind: str) -> list[dict[str, Any]]:
    """What gives a new thing its tags."""
    return [{"ResourceType": kind, "Tags": TAGS}]


def a_snapshot(client: Any) -> str:
    """A snapshot of a new volume."""
    volume = client.create_volume(AvailabilityZone="eu-west-1a", Size=8)["VolumeId"]
    return str(client.create_snapshot(VolumeId=volume, TagSpecifications=tagged("snapshot"))["SnapshotId"])


def an_image(client: Any) -> str:
    """An image of a new instance."""
    (made,) = client.run_instances(ImageId=amazon_image(SCOPE.region), MinCount=1, MaxCount=1)["Instances"]
    return str(
        client.create_image(InstanceId=made["InstanceId"], Name="base", TagSpecifications=tagged("image"))["ImageId"]
    )


def an_address(client: Any) -> str:
    """An address that leads nowhere."""
    return str(client.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip"))["AllocationId"])


def a_subnet(client: Any) -> str:
    """A subnet of the default VPC."""
    return str(client.describe_subnets()["Subnets"][0]["SubnetId"])


def an_interface(client: Any) -> str:
    """A network interface that nothing uses."""
    made = client.create_network_interface(SubnetId=a_subnet(client), TagSpecifications=tagged("network-interface"))
    return str(made["NetworkInterface"]["NetworkInterfaceId"])


def a_gateway(client: Any) -> str:
    """A NAT gateway with an address."""
    made = client.create_nat_gateway(
        SubnetId=a_subnet(client), AllocationId=an_address(client), TagSpecifications=tagged("natgateway")
    )
    return str(made["NatGateway"]["NatGatewayId"])


def a_vpc(client: Any) -> str:
    """A VPC beside the default one."""
    return str(client.create_vpc(CidrBlock="10.7.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]["VpcId"])


@pytest.mark.parametrize(
    ("kind", "make", "noun"),
    [
        (ec2.Snapshot, a_snapshot, ":snapshot/"),
        (ec2.Image, an_image, ":image/"),
        (ec2.Address, an_address, "123456789012:elastic-ip/"),
        (ec2.NetworkInterface, an_interface, "123456789012:network-interface/"),
        (ec2.NatGateway, a_gateway, "123456789012:natgateway/"),
        (ec2.Vpc, a_vpc, "123456789012:vpc/"),
    ],
)
def test_each_kind_is_listed_and_read_by_its_id(
    sessions: Sessions, kind: type[Resource], make: Callable[[Any], str], noun: str
) -> None:
    """With its tags and its ARN; both ways give the same, and nothing of it once it is not there."""
    made = make(sessions.client("ec2", SCOPE))
    inventory = AwsInventory(sessions, KINDS)
    listing = inventory.list(kind, SCOPE)
    assert listing.problem is None
    (seen,) = [one for one in listing.resources if one.id == made]
    assert (seen.tags["owner"], seen.arn) == ("team-a", f"arn:aws:ec2:eu-west-1:{noun}{made}")
    assert inventory.get(kind, SCOPE, made).resources == (seen,)
    missing = inventory.get(kind, SCOPE, made[:-1] + ("0" if made[-1] != "0" else "1"))
    assert (missing.resources, missing.complete) == ((), True)


def test_only_what_the_account_owns_is_asked_for() -> None:
    """Else EC2 lists the snapshots and images of the whole world."""
    assert snapshot.KIND.arguments["OwnerIds"] == snapshot.KIND.by_id("snap-1")["OwnerIds"] == ["self"]
    assert image.KIND.arguments["Owners"] == image.KIND.by_id("ami-1")["Owners"] == ["self"]


def test_an_image_s_instants_and_disks_are_read() -> None:
    """EC2 gives the instants of an image as text, and lists disks that have no snapshot."""
    raw = {
        "ImageId": "ami-1",
        "OwnerId": SCOPE.account,
        "Name": "base-7",
        "CreationDate": "2026-01-05T10:00:00.000Z",
        "DeprecationTime": "2028-01-05T10:00:00.000Z",
        "State": "available",
        "Public": True,
        "Architecture": "arm64",
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
            {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": "snap-2"}},
        ],
    }
    seen = image.KIND.view(raw, SCOPE)
    assert (seen.created, seen.name, seen.public, seen.snapshot_ids) == (MADE, "base-7", True, ("snap-2",))
    assert seen.deprecated == MADE.replace(year=2028)


def test_an_address_says_what_it_leads_to_and_who_manages_it() -> None:
    """An empty instance id, as EC2 may give it, is none."""
    raw = {"AllocationId": "eipalloc-1", "PublicIp": "198.51.100.7", "InstanceId": ""}
    free = address.KIND.view(raw, SCOPE)
    used = address.KIND.view({**raw, "AssociationId": "eipassoc-1", "ServiceManaged": "alb"}, SCOPE)
    assert (free.associated, free.instance_id, free.name) == (False, None, "198.51.100.7")
    assert (used.associated, used.managed_by) == (True, "alb")


def test_an_interface_is_read_with_its_address_and_its_holder() -> None:
    """Each may be missing."""
    raw = {
        "NetworkInterfaceId": "eni-1",
        "OwnerId": SCOPE.account,
        "Status": "in-use",
        "InterfaceType": "interface",
        "RequesterManaged": False,
        "VpcId": "vpc-1",
        "SubnetId": "subnet-1",
        "Groups": [{"GroupId": "sg-2"}, {"GroupId": "sg-1"}],
        "Association": {"PublicIp": "198.51.100.7"},
        "Attachment": {"InstanceId": "i-1"},
        "TagSet": TAGS,
    }
    seen = network_interface.KIND.view(raw, SCOPE)
    assert (seen.public_ip, seen.instance_id, seen.security_group_ids) == ("198.51.100.7", "i-1", ("sg-1", "sg-2"))
    bare = network_interface.KIND.view({**raw, "Association": {}, "Attachment": {}}, SCOPE)
    assert (bare.public_ip, bare.instance_id) == (None, None)


def test_a_gateway_on_its_way_out_is_not_listed() -> None:
    """A deleted one is gone, though EC2 shows it for an hour."""
    asked = [nat_gateway.KIND.arguments, nat_gateway.KIND.by_id("nat-1")]
    states = {state for arguments in asked for each in arguments["Filter"] for state in each["Values"]}
    assert states.isdisjoint({"deleting", "deleted"})
