"""What depends on EC2's resources, read from a simulated AWS, and from a stub where that one lies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from cloudwarden.aws import ec2
from cloudwarden.aws.access.account import AwsAccess
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.session import Sessions
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.testing import address, image, nat_gateway, snapshot, volume
from images import amazon_image
from looking import aws_evidence, radii, told
from stub_aws import StubAws, query_xml, xml
from stub_sessions import Heard, sessions_to, simulated_limits

REGION = "eu-west-1"


SCOPE = Scope(account="123456789012", region=REGION)


@pytest.fixture
def sessions() -> Iterator[Sessions]:
    """The way to an empty simulated AWS."""
    with mock_aws():
        heard = Heard()
        yield Sessions(AwsAccess(regions=(REGION,), attempts=1), heard, simulated_limits(heard))


def client(sessions: Sessions, service: str) -> Any:
    """A client that may change the simulated AWS."""
    return sessions.client(service, SCOPE)


def an_instance(sessions: Sessions, *groups: str) -> ec2.Instance:
    """A new instance in these security groups, as the inventory reads it."""
    maker = client(sessions, "ec2")
    subnet = maker.describe_subnets()["Subnets"][0]["SubnetId"]
    given = {"SecurityGroupIds": list(groups)} if groups else {}
    (made,) = maker.run_instances(ImageId=amazon_image(REGION), SubnetId=subnet, MinCount=1, MaxCount=1, **given)[
        "Instances"
    ]
    found = read(sessions, ec2.Instance, made["InstanceId"])
    assert isinstance(found, ec2.Instance)
    return found


def read(sessions: Sessions, kind: type[Resource], resource_id: str) -> Resource:
    """One resource, as the inventory reads it."""
    (found,) = AwsInventory(sessions, ec2.KINDS).get(kind, SCOPE, resource_id).resources
    return found


def a_target_group(sessions: Sessions, name: str, sort: str, target: str, vpc: str | None) -> str:
    """A target group with one target; its ARN."""
    balancing = client(sessions, "elbv2")
    made = balancing.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType=sort)
    arn = str(made["TargetGroups"][0]["TargetGroupArn"])
    balancing.register_targets(TargetGroupArn=arn, Targets=[{"Id": target, "Port": 8080}])
    return arn


def test_an_instance_s_target_groups_by_id_and_by_address(sessions: Sessions) -> None:
    """Both sorts of target lead to it; a group of other targets does not depend on it."""
    found, other = an_instance(sessions), an_instance(sessions)
    (interface,) = client(sessions, "ec2").describe_instances(InstanceIds=[found.id])["Reservations"][0]["Instances"][
        0
    ]["NetworkInterfaces"]
    by_id = a_target_group(sessions, "web", "instance", found.id, found.vpc_id)
    by_address = a_target_group(sessions, "web-ip", "ip", interface["PrivateIpAddress"], found.vpc_id)
    a_target_group(sessions, "others", "instance", other.id, found.vpc_id)
    (radius,) = radii(aws_evidence(sessions), found)
    assert radius.known
    groups = {who: why for who, why in told(radius).items() if who.startswith("elbv2")}
    assert groups == {
        f"elbv2.target-group {by_id}": "has it as a target on port 8080 for no load balancer",
        f"elbv2.target-group {by_address}": "has it as a target on port 8080 for no load balancer",
    }


def test_an_instance_s_load_balancer_address_and_volume(sessions: Sessions) -> None:
    """A classic load balancer, an Elastic IP address, and what becomes of its volume."""
    found = an_instance(sessions)
    listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}
    classic = client(sessions, "elb")
    classic.create_load_balancer(LoadBalancerName="old", Listeners=[listener], AvailabilityZones=["eu-west-1a"])
    classic.register_instances_with_load_balancer(LoadBalancerName="old", Instances=[{"InstanceId": found.id}])
    allocated = client(sessions, "ec2").allocate_address(Domain="vpc")["AllocationId"]
    client(sessions, "ec2").associate_address(AllocationId=allocated, InstanceId=found.id)
    (disk,) = client(sessions, "ec2").describe_volumes()["Volumes"]
    (radius,) = radii(aws_evidence(sessions), found)
    assert told(radius) == {
        "elb.load-balancer old": "sends it requests",
        f"ec2.address {allocated}": "leads to it",
        f"ec2.volume {disk['VolumeId']}": f"is attached to it as {disk['Attachments'][0]['Device']}",
    }


def test_an_instance_of_an_auto_scaling_group(sessions: Sessions) -> None:
    """The group that would replace it."""
    scaling, maker = client(sessions, "autoscaling"), client(sessions, "ec2")
    source = amazon_image(REGION)
    scaling.create_launch_configuration(LaunchConfigurationName="lc", ImageId=source, InstanceType="t3.micro")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchConfigurationName="lc",
        MinSize=1,
        MaxSize=1,
        VPCZoneIdentifier=maker.describe_subnets()["Subnets"][0]["SubnetId"],
    )
    (kept,) = scaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["Instances"]
    by_group, by_image = radii(
        aws_evidence(sessions), read(sessions, ec2.Instance, kept["InstanceId"]), image(id=source, region=REGION)
    )
    assert "autoscaling.group web" in told(by_group)
    assert {"autoscaling.launch-configuration lc", f"ec2.instance {kept['InstanceId']}"} <= set(told(by_image))


def test_a_group_s_members_and_the_groups_that_name_it(sessions: Sessions) -> None:
    """The instance behind an interface, an interface of nobody's, and a rule of another group."""
    maker = client(sessions, "ec2")
    vpc = maker.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = maker.create_security_group(GroupName="web", Description="x", VpcId=vpc)["GroupId"]
    found = an_instance(sessions, group)
    lone = maker.create_network_interface(SubnetId=found.subnet_id, Groups=[group], Description="ELB app/web/1")
    other = maker.create_security_group(GroupName="db", Description="x", VpcId=found.vpc_id)["GroupId"]
    pair = [{"GroupId": group}]
    permission = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": pair}
    maker.authorize_security_group_ingress(GroupId=other, IpPermissions=[permission])
    (radius,) = radii(aws_evidence(sessions), read(sessions, ec2.SecurityGroup, group))
    assert set(told(radius)) == {
        f"ec2.instance {found.id}",
        f"ec2.network-interface {lone['NetworkInterface']['NetworkInterfaceId']}",
        f"ec2.security-group {other}",
    }
    assert "ELB app/web/1" in {one.name for one in radius.dependants}


def test_volumes_and_gateways(sessions: Sessions) -> None:
    """A snapshot of a volume, a route to a gateway."""
    maker = client(sessions, "ec2")
    disk = maker.create_volume(AvailabilityZone="eu-west-1a", Size=8)["VolumeId"]
    taken = maker.create_snapshot(VolumeId=disk)["SnapshotId"]
    subnet = maker.describe_subnets()["Subnets"][0]
    gateway = maker.create_nat_gateway(SubnetId=subnet["SubnetId"], ConnectivityType="private")["NatGateway"]
    table = maker.create_route_table(VpcId=subnet["VpcId"])["RouteTable"]["RouteTableId"]
    maker.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway["NatGatewayId"])
    of_disk, of_gateway = radii(
        aws_evidence(sessions),
        volume(id=disk, region=REGION),
        nat_gateway(id=gateway["NatGatewayId"], region=REGION),
    )
    assert set(told(of_disk)) == {f"ec2.snapshot {taken}"}
    assert set(told(of_gateway)) == {f"ec2.route-table {table}"}


TEMPLATE = xml(
    "DescribeLaunchTemplateVersions",
    "<launchTemplateVersionSet><item><launchTemplateId>lt-1</launchTemplateId><launchTemplateName>web"
    "</launchTemplateName></item></launchTemplateVersionSet>",
)


def test_an_image_s_launch_templates(aws: StubAws) -> None:
    """Asked for by image, in the versions that start something; the simulated EC2 filters no templates."""
    aws.on("DescribeInstances", xml("DescribeInstances", "<reservationSet/>"))
    aws.on("DescribeLaunchTemplateVersions", TEMPLATE)
    aws.on("DescribeLaunchConfigurations", query_xml("DescribeLaunchConfigurations", "<LaunchConfigurations/>"))
    (radius,) = radii(aws_evidence(sessions_to(aws)), image(id="ami-1"))
    assert set(told(radius)) == {"ec2.launch-template lt-1", "ec2.snapshot snap-0123456789abcdef0"}
    (asked,) = [one.parameters for one in aws.asked if one.operation == "DescribeLaunchTemplateVersions"]
    assert [asked["LaunchTemplateVersion.1"], asked["LaunchTemplateVersion.2"]] == ["$Latest", "$Default"]
    assert (asked["Filter.1.Name"], asked["Filter.1.Value.1"]) == ("image-id", "ami-1")


def test_images_made_of_a_snapshot(aws: StubAws) -> None:
    """Own ones, disabled ones too; the simulated EC2 does not know the filter."""
    image = "<item><imageId>ami-1</imageId><name>base</name></item>"
    aws.on("DescribeImages", xml("DescribeImages", f"<imagesSet>{image}</imagesSet>"))
    (radius,) = radii(aws_evidence(sessions_to(aws)), snapshot(id="snap-1"))
    assert told(radius) == {"ec2.image ami-1": "is made of it"}
    (asked,) = [one.parameters for one in aws.asked if one.operation == "DescribeImages"]
    assert (asked["Filter.1.Name"], asked["Filter.1.Value.1"]) == ("block-device-mapping.snapshot-id", "snap-1")
    assert (asked["Owner.1"], asked["IncludeDisabled"]) == ("self", "true")


def test_what_is_reached_by_an_address(aws: StubAws) -> None:
    """The address says so itself: nothing is asked."""
    (radius,) = radii(aws_evidence(sessions_to(aws)), address(id="eipalloc-1"))
    assert str(radius) == "nothing else"
    assert [one.operation for one in aws.asked if one.operation != "GetCallerIdentity"] == []
