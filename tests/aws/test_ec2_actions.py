"""EC2's actions carried out against moto: what they do, that it is proven, and that it is undone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import boto3
import jmespath
import pytest
from moto import mock_aws

from cloudwarden import ACTION_ID, Plan, Violation
from cloudwarden.aws import ec2
from cloudwarden.aws.kind import Kind
from cloudwarden.core.action import Call, Read, Step
from cloudwarden.core.resource import Resource, Scope
from images import amazon_image

SCOPE = Scope(account="123456789012", region="eu-west-1")
KINDS: Mapping[type[Resource], Kind[Any]] = {kind.resource: kind for kind in ec2.KINDS}
ANYONE = {"CidrIp": "0.0.0.0/0", "Description": "anyone"}


class Hand:
    """Carries steps out one after the other, as simply as can be, and checks each call's proof."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.known = {ACTION_ID: "action-1"}

    def view(self, kind: type[Resource], resource_id: str) -> Any:
        """The resource as it is now."""
        declared = KINDS[kind]
        items: list[Any] = [getattr(self.client, declared.operation)(**declared.by_id(resource_id))]
        for key in declared.items:
            items = [item for holder in items for item in holder[key]]
        return declared.view(items[0], SCOPE)

    def proven(self, call: Call) -> bool:
        """Whether reading shows that the call took effect."""
        return call.proof.shown_by(self._read(call.proof.read))

    def carry_out(self, steps: Sequence[Step]) -> None:
        """Do every step. Each call's effect must show after it, and not before."""
        for step in steps:
            if not isinstance(step, Call):
                assert self._read(step.read) in step.until
                continue
            assert not self.proven(step), f"{step.operation} looked done before it was called"
            answer = getattr(self.client, step.operation)(**self._filled(step.arguments))
            self.known |= {f"${{{name}}}": jmespath.search(path, answer) for name, path in step.keeps.items()}
            assert self.proven(step), f"{step.operation} left no effect that its proof sees"

    def _read(self, read: Read) -> Any:
        try:
            answer = getattr(self.client, read.operation)(**self._filled(read.arguments))
        except self.client.exceptions.ClientError as error:
            assert "NotFound" in error.response["Error"]["Code"]  # noqa: PT017  # anything else would be a wrong request
            return None
        return jmespath.search(read.path, answer)

    def _filled(self, arguments: object) -> Any:
        text = json.dumps(arguments)
        for placeholder, value in self.known.items():
            text = text.replace(placeholder, value)
        return json.loads(text)


@pytest.fixture
def hand() -> Iterator[Hand]:
    """A hand in an empty region."""
    with mock_aws():
        yield Hand(boto3.client("ec2", region_name=SCOPE.region))


def an_instance(hand: Hand) -> ec2.Instance:
    """A new running instance."""
    (made,) = hand.client.run_instances(ImageId=amazon_image(SCOPE.region), MinCount=1, MaxCount=1)["Instances"]
    seen = hand.view(ec2.Instance, made["InstanceId"])
    assert isinstance(seen, ec2.Instance)
    return seen


def a_group(hand: Hand, *permissions: dict[str, Any]) -> ec2.SecurityGroup:
    """A new security group with these permissions."""
    group_id = hand.client.create_security_group(GroupName="web", Description="web servers")["GroupId"]
    if permissions:
        hand.client.authorize_security_group_ingress(GroupId=group_id, IpPermissions=list(permissions))
    seen = hand.view(ec2.SecurityGroup, group_id)
    assert isinstance(seen, ec2.SecurityGroup)
    return seen


def a_volume(hand: Hand, **tags: str) -> ec2.Volume:
    """A new volume that nothing uses."""
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    specifications = [{"ResourceType": "volume", "Tags": listed}] if tags else []
    made = hand.client.create_volume(AvailabilityZone="eu-west-1a", Size=8, TagSpecifications=specifications)
    seen = hand.view(ec2.Volume, made["VolumeId"])
    assert isinstance(seen, ec2.Volume)
    return seen


def test_a_stopped_instance_is_stopped_and_starts_again(hand: Hand) -> None:
    """There and back."""
    instance = an_instance(hand)
    plan = ec2.Stop().plan(instance, Violation(summary="idle"))
    hand.carry_out(plan.steps)
    assert hand.view(ec2.Instance, instance.id).state == "stopped"
    hand.carry_out(plan.inverse)
    assert hand.view(ec2.Instance, instance.id).state == "running"


@pytest.mark.parametrize(
    "permission",
    [
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [ANYONE]},
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/1"}]},
        {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "all six"}]},
        {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [ANYONE]},
        {"IpProtocol": "udp", "FromPort": 0, "ToPort": 65535, "IpRanges": [ANYONE]},
    ],
    ids=["tcp", "tcp on IPv6", "all", "all on IPv6", "icmp", "udp range"],
)
def test_one_rule_is_revoked_and_comes_back_as_it_was(hand: Hand, permission: dict[str, Any]) -> None:
    """The rules beside it are never touched."""
    kept = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    before = a_group(hand, permission, kept)
    (doomed,) = [rule for rule in before.ingress if rule.ports != range(443, 444)]
    plan = ec2.RevokeIngress().plan(before, Violation(summary="open", offending=(doomed.key,)))
    hand.carry_out(plan.steps)
    assert [rule.key for rule in hand.view(ec2.SecurityGroup, before.id).ingress] == ["tcp/443-443/0.0.0.0/0"]
    hand.carry_out(plan.inverse)
    assert hand.view(ec2.SecurityGroup, before.id).ingress == before.ingress


def test_of_one_permission_s_sources_only_the_offending_goes(hand: Hand) -> None:
    """EC2 keeps several sources under one protocol and port."""
    sources = [ANYONE, {"CidrIp": "10.0.0.0/8"}]
    group = a_group(hand, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": sources})
    hand.carry_out(ec2.RevokeIngress().plan(group, Violation(summary="", offending=("tcp/22-22/0.0.0.0/0",))).steps)
    assert [rule.source for rule in hand.view(ec2.SecurityGroup, group.id).ingress] == ["10.0.0.0/8"]


def test_a_group_among_the_sources_is_revoked_by_its_id(hand: Hand) -> None:
    """A rule that names the group itself, as default groups do."""
    group = a_group(hand)
    pair = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group.id}]}
    hand.client.authorize_security_group_ingress(GroupId=group.id, IpPermissions=[pair])
    group = hand.view(ec2.SecurityGroup, group.id)
    plan = ec2.RevokeIngress().plan(group, Violation(summary="", offending=(f"-1/all/{group.id}",)))
    hand.carry_out(plan.steps)
    assert hand.view(ec2.SecurityGroup, group.id).ingress == ()


def test_a_deleted_volume_leaves_a_snapshot_with_its_tags(hand: Hand) -> None:
    """And the action's id, by which it is found again."""
    volume = a_volume(hand, owner="team-a")
    hand.carry_out(ec2.SnapshotThenDelete().plan(volume, Violation(summary="unattached")).steps)
    assert hand.client.describe_volumes()["Volumes"] == []
    (snapshot,) = hand.client.describe_snapshots(Filters=[{"Name": "tag:owner", "Values": ["team-a"]}])["Snapshots"]
    assert (snapshot["VolumeId"], snapshot["SnapshotId"]) == (volume.id, hand.known["${snapshot_id}"])
    assert {"Key": "cloudwarden:action-id", "Value": "action-1"} in snapshot["Tags"]


@pytest.mark.parametrize("make", [an_instance, a_group, a_volume])
def test_tags_are_added_to_every_kind_and_taken_away_again(hand: Hand, make: Any) -> None:
    """Old values return; tags that nobody spoke of stay."""
    resource = make(hand) if make is not a_group else make(hand, {"IpProtocol": "-1", "IpRanges": [ANYONE]})
    old = [{"Key": "owner", "Value": "alice"}, {"Key": "other", "Value": "1"}]
    hand.client.create_tags(Resources=[resource.id], Tags=old)
    action: ec2.AddTags[Any] = ec2.AddTags(tags={"owner": "bob", "cost": "a'b`c"}, overwrite=True)
    plan: Plan = action.plan(hand.view(type(resource), resource.id), Violation(summary="tags"))
    hand.carry_out(plan.steps)
    assert dict(hand.view(type(resource), resource.id).tags) == {"owner": "bob", "other": "1", "cost": "a'b`c"}
    hand.carry_out(plan.inverse)
    assert dict(hand.view(type(resource), resource.id).tags) == {"owner": "alice", "other": "1"}
