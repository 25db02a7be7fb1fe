"""What depends on EC2's resources, as AWS answers it: page by page, or not at all, which is unknown."""

from __future__ import annotations

import pytest

from cloudwarden.core.blast import BlastRadius
from cloudwarden.core.resource import Scope
from cloudwarden.testing import instance, security_group
from looking import aws_evidence, radii, told
from stub_aws import Asked, Reply, StubAws, error, query_error, query_xml, xml
from stub_sessions import sessions_to

REGION = "eu-west-1"


SCOPE = Scope(account="123456789012", region=REGION)


def interfaces(*ids: str, token: str = "") -> Reply:
    """A page of interfaces that belong to no instance."""
    items = "".join(
        f"<item><networkInterfaceId>{one}</networkInterfaceId><description>{one}</description>"
        "<interfaceType>lambda</interfaceType></item>"
        for one in ids
    )
    return xml(
        "DescribeNetworkInterfaces",
        f"<networkInterfaceSet>{items}</networkInterfaceSet>{f'<nextToken>{token}</nextToken>' if token else ''}",
    )


NO_GROUPS = xml("DescribeSecurityGroups", "<securityGroupInfo/>")


def test_every_page_is_read(aws: StubAws) -> None:
    """The second page's member counts as the first's."""
    aws.on("DescribeNetworkInterfaces", interfaces("eni-1", token="2"), interfaces("eni-2"))
    aws.on("DescribeSecurityGroups", NO_GROUPS)
    (radius,) = radii(aws_evidence(sessions_to(aws)), security_group(id="sg-1"))
    assert radius.known
    assert [one.id for one in radius.dependants] == ["eni-1", "eni-2"]


def test_members_and_groups_of_other_accounts_count(aws: StubAws) -> None:
    """The owner of a VPC is shown what others attach there, and a change of its group reaches them."""
    owner = "<ownerId>999999999999</ownerId>"
    member = f"<item><networkInterfaceId>eni-1</networkInterfaceId>{owner}</item>"
    aws.on("DescribeNetworkInterfaces", xml("DescribeNetworkInterfaces", _set("networkInterfaceSet", member)))
    referring = f"<item><groupId>sg-2</groupId><groupName>app</groupName>{owner}</item>"
    aws.on("DescribeSecurityGroups", xml("DescribeSecurityGroups", _set("securityGroupInfo", referring)), NO_GROUPS)
    (radius,) = radii(aws_evidence(sessions_to(aws)), security_group(id="sg-1"))
    assert radius.known
    assert {one.id for one in radius.dependants} == {"eni-1", "sg-2"}


def _set(name: str, items: str) -> str:
    return f"<{name}>{items}</{name}>"


def test_a_page_that_fails_leaves_the_whole_sort_unknown(aws: StubAws) -> None:
    """Half of a list is no list: what was on the first page is not told as if it were all."""
    aws.on("DescribeNetworkInterfaces", interfaces("eni-1", token="2"), error("InternalError", status=500))
    aws.on("DescribeSecurityGroups", NO_GROUPS)
    (radius,) = radii(aws_evidence(sessions_to(aws)), security_group(id="sg-1"))
    assert [(gap.what, gap.cause.reason) for gap in radius.gaps] == [("members", "unavailable")]


def test_a_page_without_its_list_is_unknown(aws: StubAws) -> None:
    """An answer that leaves out what was asked for is no empty list."""
    aws.on("DescribeNetworkInterfaces", xml("DescribeNetworkInterfaces", ""))
    aws.on("DescribeSecurityGroups", NO_GROUPS)
    (radius,) = radii(aws_evidence(sessions_to(aws)), security_group(id="sg-1"))
    assert [(gap.what, gap.cause.reason) for gap in radius.gaps] == [("members", "malformed-answer")]


def test_more_pages_than_anyone_reads_are_unknown(aws: StubAws) -> None:
    """A listing without an end ends as a gap."""
    numbers = iter(range(1000))
    aws.on("DescribeNetworkInterfaces", lambda _: interfaces("eni-1", token=str(next(numbers))))
    aws.on("DescribeSecurityGroups", NO_GROUPS)
    (radius,) = radii(aws_evidence(sessions_to(aws)), security_group(id="sg-1"))
    assert [(gap.what, gap.cause.reason) for gap in radius.gaps] == [("members", "too-many")]
    assert aws.count("DescribeNetworkInterfaces") <= 51


def an_empty_aws(aws: StubAws) -> None:
    """Nothing depends on any instance."""
    aws.on("DescribeTargetGroups", query_xml("DescribeTargetGroups", "<TargetGroups/>"))
    aws.on("DescribeLoadBalancers", query_xml("DescribeLoadBalancers", "<LoadBalancerDescriptions/>"))
    aws.on("DescribeAutoScalingInstances", query_xml("DescribeAutoScalingInstances", "<AutoScalingInstances/>"))
    aws.on("DescribeAddresses", xml("DescribeAddresses", "<addressesSet/>"))
    aws.on("DescribeVolumes", xml("DescribeVolumes", "<volumeSet/>"))
    aws.on("DescribeNetworkInterfaces", interfaces())


def test_an_instance_that_nothing_depends_on(aws: StubAws) -> None:
    """Known, and nothing else."""
    an_empty_aws(aws)
    (radius,) = radii(aws_evidence(sessions_to(aws)), instance(id="i-1"))
    assert (str(radius), radius.known) == ("nothing else", True)


@pytest.mark.parametrize(
    ("operation", "what", "refusal"),
    [
        ("DescribeTargetGroups", "target groups", query_error("AccessDenied", status=403)),
        ("DescribeLoadBalancers", "classic load balancers", query_error("AccessDenied", status=403)),
        ("DescribeAutoScalingInstances", "Auto Scaling groups", query_error("AccessDenied", status=403)),
        ("DescribeAddresses", "addresses", error("UnauthorizedOperation", status=403)),
        ("DescribeVolumes", "volumes", error("UnauthorizedOperation", status=403)),
        ("DescribeNetworkInterfaces", "target groups", error("UnauthorizedOperation", status=403)),
    ],
)
def test_what_is_denied_is_unknown(aws: StubAws, operation: str, what: str, refusal: Reply) -> None:
    """Denied is never "nothing depends on it"; everything else is still known."""
    an_empty_aws(aws)
    aws.on(operation, refusal)
    (radius,) = radii(aws_evidence(sessions_to(aws)), instance(id="i-1"))
    assert str(radius) == "unknown"
    assert [(gap.what, gap.cause.reason) for gap in radius.gaps] == [(what, "access-denied")]


def group(name: str) -> str:
    """A target group as it is listed."""
    return (
        f"<member><TargetGroupArn>arn:{name}</TargetGroupArn><TargetGroupName>{name}</TargetGroupName>"
        "<TargetType>instance</TargetType><LoadBalancerArns><member>arn:aws:elasticloadbalancing:eu-central-1:1:"
        "loadbalancer/app/shop/50dc6c495c0c9188</member></LoadBalancerArns></member>"
    )


def health(asked: Asked) -> Reply:
    """Of the group `gone` nothing is left; every other has one target."""
    if asked.parameters["TargetGroupArn"] == "arn:gone":
        return query_error("TargetGroupNotFound")
    target = "<member><Target><Id>i-1</Id><Port>80</Port></Target></member>"
    inner = f"<TargetHealthDescriptions>{target}</TargetHealthDescriptions>"
    return query_xml("DescribeTargetHealth", inner)


def test_target_groups_on_all_pages_whose_marker_has_two_names(aws: StubAws) -> None:
    """An answer's NextMarker is a request's Marker; a group that went in between has no targets."""
    an_empty_aws(aws)
    listed = query_xml(
        "DescribeTargetGroups", f"<TargetGroups>{group('one')}{group('gone')}</TargetGroups><NextMarker>m</NextMarker>"
    )
    rest = query_xml("DescribeTargetGroups", f"<TargetGroups>{group('two')}</TargetGroups>")
    aws.on("DescribeTargetGroups", lambda asked: rest if asked.parameters.get("Marker") == "m" else listed)
    aws.on("DescribeTargetHealth", health)
    (radius,) = radii(aws_evidence(sessions_to(aws)), instance(id="i-1"))
    assert radius.known
    why = "has it as a target on port 80 for load balancer app/shop"
    assert told(radius) == {"elbv2.target-group arn:one": why, "elbv2.target-group arn:two": why}


def test_resources_of_one_sweep_share_what_they_ask_alike(aws: StubAws) -> None:
    """Ten instances list the target groups once."""
    an_empty_aws(aws)
    found = radii(aws_evidence(sessions_to(aws)), *(instance(id=f"i-{number}") for number in range(10)))
    assert all(radius.known for radius in found)
    assert (aws.count("DescribeTargetGroups"), aws.count("DescribeVolumes")) == (1, 10)


def test_an_answer_that_is_not_as_documented_is_unknown(aws: StubAws) -> None:
    """A volume that does not say what it is attached to is no reason to forget it."""
    an_empty_aws(aws)
    aws.on("DescribeVolumes", xml("DescribeVolumes", "<volumeSet><item><volumeId>vol-1</volumeId></item></volumeSet>"))
    (radius,) = radii(aws_evidence(sessions_to(aws)), instance(id="i-1"))
    assert [(gap.what, gap.cause.reason) for gap in radius.gaps] == [("volumes", "malformed-answer")]


@pytest.mark.parametrize(("deleted", "fate"), [("true", "deleted"), ("false", "kept")])
def test_what_becomes_of_a_volume_is_told(aws: StubAws, deleted: str, fate: str) -> None:
    """When its instance is terminated; the simulated EC2 does not say."""
    an_empty_aws(aws)
    tie = f"<instanceId>i-1</instanceId><device>/dev/sdf</device><deleteOnTermination>{deleted}</deleteOnTermination>"
    disk = f"<item><volumeId>vol-1</volumeId><attachmentSet><item>{tie}</item></attachmentSet></item>"
    aws.on("DescribeVolumes", xml("DescribeVolumes", f"<volumeSet>{disk}</volumeSet>"))
    (radius,) = radii(aws_evidence(sessions_to(aws)), instance(id="i-1"))
    assert told(radius) == {"ec2.volume vol-1": f"is attached to it as /dev/sdf, and {fate} when it is terminated"}


def group_of(name: str, vpc: str) -> str:
    """A target group of addresses, in a VPC."""
    return group(name).replace(">instance<", ">ip<").replace("</member>", f"<VpcId>{vpc}</VpcId></member>")


def reached(aws: StubAws, interface: str, target: str, *groups: str) -> BlastRadius:
    """What depends on an instance in vpc-b with this interface, where each of the groups has the target."""
    an_empty_aws(aws)
    aws.on("DescribeTargetGroups", query_xml("DescribeTargetGroups", f"<TargetGroups>{''.join(groups)}</TargetGroups>"))
    one = f"<member><Target><Id>{target}</Id><Port>80</Port></Target></member>"
    inner = f"<TargetHealthDescriptions>{one}</TargetHealthDescriptions>"
    aws.on("DescribeTargetHealth", query_xml("DescribeTargetHealth", inner))
    item = f"<item><networkInterfaceId>eni-1</networkInterfaceId>{interface}</item>"
    listed = f"<networkInterfaceSet>{item}</networkInterfaceSet>"
    aws.on("DescribeNetworkInterfaces", xml("DescribeNetworkInterfaces", listed))
    (radius,) = radii(aws_evidence(sessions_to(aws)), instance(id="i-1", vpc_id="vpc-b"))
    return radius


FOUR = (
    "<privateIpAddressesSet><item><privateIpAddress>10.1.0.7</privateIpAddress></item></privateIpAddressesSet>"
    "<ipv4PrefixSet><item><ipv4Prefix>10.1.0.16/28</ipv4Prefix></item></ipv4PrefixSet>"
)
SIX = (
    "<ipv6AddressesSet><item><ipv6Address>2600:1f14::7</ipv6Address></item></ipv6AddressesSet>"
    "<ipv6PrefixSet><item><ipv6Prefix>2600:1f14:0:1::/80</ipv6Prefix></item></ipv6PrefixSet>"
)


@pytest.mark.parametrize(
    ("interface", "target", "found"),
    [
        (FOUR + SIX, "10.1.0.7", True),
        (FOUR + SIX, "2600:1f14::7", True),
        (SIX, "2600:1f14:0:0:0:0:0:7", True),
        (FOUR, "10.1.0.18", True),
        (SIX, "2600:1f14:0:1::9", True),
        (FOUR + SIX, "10.1.0.8", False),
        (FOUR + SIX, "2600:1f14::8", False),
    ],
)
def test_each_address_of_an_interface_may_be_a_target(
    aws: StubAws, interface: str, target: str, *, found: bool
) -> None:
    """Of either family, however it is written, and of the prefixes that containers have addresses of."""
    radius = reached(aws, interface, target, group_of("own", "vpc-b"))
    assert (bool(radius.dependants), radius.known) == (found, True)


def test_an_interface_without_addresses_is_not_as_documented(aws: StubAws) -> None:
    """What nobody can look for is unknown."""
    assert not reached(aws, "", "10.1.0.7").known


def test_a_target_of_another_vpc_is_told_and_in_doubt(aws: StubAws) -> None:
    """A peered VPC's load balancer may send it requests, or another machine of equal address: people decide."""
    radius = reached(aws, FOUR, "10.1.0.7", group_of("peered", "vpc-a"))
    (why,) = told(radius).values()
    assert "its address 10.1.0.7 as a target on port 80 for load balancer app/shop, in vpc-a" in why
    assert [(gap.what, gap.cause.reason) for gap in radius.gaps] == [("target groups", "ambiguous")]


def test_an_instance_is_a_target_in_its_own_vpc_only(aws: StubAws) -> None:
    """Of others nothing is asked."""
    elsewhere = group_of("other", "vpc-a").replace(">ip<", ">instance<")
    assert reached(aws, FOUR, "i-1", elsewhere) == BlastRadius()
    assert aws.count("DescribeTargetHealth") == 0
