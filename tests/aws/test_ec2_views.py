"""What EC2 describes becomes typed resources."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cloudwarden.aws import ec2
from cloudwarden.aws.ec2 import instance, security_group, volume
from cloudwarden.aws.kind import Kind
from cloudwarden.core.resource import Scope

SCOPE = Scope(account="111122223333", region="eu-west-1")
STARTED = datetime(2026, 2, 1, 8, 30, tzinfo=UTC)


def described_instance(**changes: Any) -> dict[str, Any]:
    """An instance as DescribeInstances gives it, without what no rule reads."""
    return {
        "InstanceId": "i-0aa11bb22cc33dd44",
        "ImageId": "ami-0abcdef1234567890",
        "State": {"Code": 16, "Name": "running"},
        "InstanceType": "m7g.large",
        "LaunchTime": STARTED,
        "Placement": {"AvailabilityZone": "eu-west-1b", "Tenancy": "default"},
        "VpcId": "vpc-0a1b2c3d",
        "SubnetId": "subnet-0a1b2c3d",
        "RootDeviceType": "ebs",
        "SecurityGroups": [{"GroupName": "web", "GroupId": "sg-2"}, {"GroupName": "ssh", "GroupId": "sg-1"}],
        "Tags": [{"Key": "Name", "Value": "api-1"}, {"Key": "owner", "Value": "team-a"}],
        **changes,
    }


def described_group(*permissions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A security group as DescribeSecurityGroups gives it."""
    return {
        "GroupId": "sg-0aa11bb22cc33dd44",
        "GroupName": "web",
        "Description": "web servers",
        "OwnerId": "111122223333",
        "VpcId": "vpc-0a1b2c3d",
        "IpPermissions": list(permissions),
        "IpPermissionsEgress": [],
        **changes,
    }


def described_volume(**changes: Any) -> dict[str, Any]:
    """A volume as DescribeVolumes gives it."""
    return {
        "VolumeId": "vol-0aa11bb22cc33dd44",
        "AvailabilityZone": "eu-west-1b",
        "CreateTime": STARTED,
        "Encrypted": True,
        "Size": 100,
        "SnapshotId": "",
        "State": "in-use",
        "VolumeType": "gp3",
        "Attachments": [
            {"AttachTime": STARTED, "Device": "/dev/sdf", "InstanceId": "i-1", "State": "attached", "VolumeId": "vol-0"}
        ],
        **changes,
    }


def test_an_instance_is_read_with_its_name_tags_and_groups() -> None:
    """Every field comes from the description; groups are in the order of their ids."""
    seen = instance.KIND.view(described_instance(), SCOPE)
    assert (seen.id, seen.name, seen.state, seen.instance_type) == (
        "i-0aa11bb22cc33dd44",
        "api-1",
        "running",
        "m7g.large",
    )
    assert seen.launched == STARTED
    assert seen.security_group_ids == ("sg-1", "sg-2")
    assert seen.tags["owner"] == "team-a"
    assert (seen.account, seen.region) == (SCOPE.account, SCOPE.region)


def test_an_on_demand_instance_has_no_lifecycle_and_no_tags_are_no_tags() -> None:
    """EC2 leaves out what is empty."""
    raw = described_instance()
    del raw["Tags"]
    seen = instance.KIND.view(raw, SCOPE)
    assert (seen.lifecycle, dict(seen.tags), seen.name) == (None, {}, None)


def test_a_spot_instance_of_an_auto_scaling_group_says_so() -> None:
    """The rule that stops instances depends on both."""
    tags = [{"Key": "aws:autoscaling:groupName", "Value": "workers"}]
    seen = instance.KIND.view(described_instance(InstanceLifecycle="spot", Tags=tags), SCOPE)
    assert (seen.lifecycle, seen.auto_scaling_group) == ("spot", "workers")


@pytest.mark.parametrize("missing", ["InstanceId", "State", "LaunchTime", "RootDeviceType"])
def test_a_description_without_what_rules_need_is_malformed(missing: str) -> None:
    """It raises KeyError: a guess would be judged as if it had been read."""
    raw = described_instance()
    del raw[missing]
    with pytest.raises(KeyError, match=missing):
        instance.KIND.view(raw, SCOPE)


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("mx-central-1", "aws"),
        ("xx-new-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-east-1", "aws-iso"),
    ],
)
def test_an_arn_names_the_partition_of_the_region(region: str, partition: str) -> None:
    """Also outside the commercial partition."""
    seen = volume.KIND.view(described_volume(), Scope(account="111122223333", region=region))
    assert seen.arn == f"arn:{partition}:ec2:{region}:111122223333:volume/vol-0aa11bb22cc33dd44"


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (security_group.KIND, described_group()),
        (volume.KIND, described_volume(OwnerId="111122223333")),
    ],
)
def test_what_another_account_owns_is_no_resource_of_this_one(kind: Kind[Any], raw: dict[str, Any]) -> None:
    """A shared group is listed in every account that may use it, and only its owner may change it."""
    assert kind.read(raw, SCOPE) == kind.view(raw, SCOPE)
    assert kind.read({**raw, "OwnerId": "999988887777"}, SCOPE) is None


def test_a_volume_that_does_not_say_whose_it_is_is_the_account_s() -> None:
    """EC2 says it of volumes that it manages alone."""
    assert volume.KIND.read(described_volume(), SCOPE) is not None


def test_each_source_of_a_permission_is_a_rule_with_a_key() -> None:
    """IPv4, IPv6, prefix lists and groups; one key for each."""
    permission = {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "anyone"}, {"CidrIp": "10.0.0.0/8"}],
        "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
        "PrefixListIds": [{"PrefixListId": "pl-1"}],
        "UserIdGroupPairs": [{"GroupId": "sg-9", "UserId": "111122223333"}],
    }
    seen = security_group.KIND.view(described_group(permission), SCOPE)
    assert [rule.key for rule in seen.ingress] == [
        "tcp/22-22/0.0.0.0/0",
        "tcp/22-22/10.0.0.0/8",
        "tcp/22-22/::/0",
        "tcp/22-22/pl-1",
        "tcp/22-22/sg-9",
    ]
    assert seen.ingress[0].description == "anyone"
    assert seen.ingress[4].source_account is None


def test_the_order_in_which_aws_lists_rules_makes_no_difference() -> None:
    """Else a plan's hash, and with it an approval, would change by itself."""
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    everything = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    one, other = described_group(ssh, everything), described_group(everything, ssh)
    assert security_group.KIND.view(one, SCOPE) == security_group.KIND.view(other, SCOPE)


@pytest.mark.parametrize(
    ("protocol", "ports", "key", "open_ports"),
    [
        ("-1", (None, None), "-1/all/0.0.0.0/0", range(65536)),
        ("tcp", (80, 81), "tcp/80-81/0.0.0.0/0", range(80, 82)),
        ("udp", (0, 65535), "udp/0-65535/0.0.0.0/0", range(65536)),
        ("icmp", (-1, -1), "icmp/all/0.0.0.0/0", range(0)),
        ("icmp", (3, -1), "icmp/3-all/0.0.0.0/0", range(0)),
        ("50", (None, None), "50/all/0.0.0.0/0", range(65536)),
    ],
)
def test_a_rule_knows_its_key_and_the_ports_it_opens(
    protocol: str, ports: tuple[int | None, int | None], key: str, open_ports: range
) -> None:
    """-1 and protocols whose ports EC2 ignores open all; ICMP opens none."""
    rule = ec2.IngressRule(protocol=protocol, from_port=ports[0], to_port=ports[1], source="0.0.0.0/0")
    assert (rule.key, rule.ports) == (key, open_ports)


def test_a_volume_is_read_with_what_it_is_attached_to() -> None:
    """An empty snapshot id is none."""
    seen = volume.KIND.view(described_volume(), SCOPE)
    assert seen.attachments == (ec2.Attachment(instance_id="i-1", device="/dev/sdf", state="attached"),)
    assert (seen.size_gib, seen.created, seen.snapshot_id, seen.attached) == (100, STARTED, None, True)


@pytest.mark.parametrize("state", ["creating", "in-use", "error"])
def test_only_an_available_volume_counts_as_unattached(state: str) -> None:
    """Without an attachment in sight it may be just coming or going."""
    assert volume.KIND.view(described_volume(State=state, Attachments=[]), SCOPE).attached
    assert not volume.KIND.view(described_volume(State="available", Attachments=[]), SCOPE).attached


def test_a_volume_held_by_a_service_is_attached_to_that() -> None:
    """A managed service's volume names its holder in another field."""
    holder = "arn:aws:ecs:eu-west-1:111122223333:task/x"
    attachment = {"AssociatedResource": holder, "InstanceOwningService": "fargate", "State": "attached"}
    seen = volume.KIND.view(described_volume(Attachments=[attachment]), SCOPE)
    assert seen.attachments[0].instance_id == holder


def test_what_is_on_its_way_out_is_not_listed() -> None:
    """A terminated instance and a deleted volume are gone, whether listed or read by id."""
    asked = [instance.KIND.arguments, instance.KIND.by_id("i-1"), volume.KIND.arguments, volume.KIND.by_id("vol-1")]
    values = {value for arguments in asked for each in arguments["Filters"] for value in each["Values"]}
    assert values.isdisjoint({"terminated", "shutting-down", "deleting", "deleted"})
