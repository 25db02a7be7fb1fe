"""Listings: every page, and what is known when one fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.kind import Kind
from cloudwarden.core.resource import Resource, Scope
from stub_aws import SCOPE, Asked, Reply, StubAws, error, json_error, json_reply, xml
from stub_sessions import sessions_to


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk(Resource):
    """A kind of ours, so that these tests are about reading and not about EC2."""

    kind: ClassVar[str] = "test.disk"
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Box(Resource):
    """A kind whose items lie two lists deep."""

    kind: ClassVar[str] = "test.box"


def disk(item: Mapping[str, Any], scope: Scope) -> Disk:
    """One volume as a Disk."""
    return Disk(id=item["VolumeId"], arn="a", account=scope.account, region=scope.region, size=int(item["Size"]))


def box(item: Mapping[str, Any], scope: Scope) -> Box:
    """One instance as a Box."""
    return Box(id=item["InstanceId"], arn="a", account=scope.account, region=scope.region)


DISKS = Kind(
    resource=Disk,
    service="ec2",
    operation="describe_volumes",
    items=("Volumes",),
    view=disk,
    by_id=lambda volume: {"VolumeIds": [volume]},
    permissions=("ec2:DescribeVolumes",),
    arguments={"Filters": [{"Name": "status", "Values": ["available"]}]},
    page_size=2,
)
BOXES = Kind(
    resource=Box,
    service="ec2",
    operation="describe_instances",
    items=("Reservations", "Instances"),
    view=box,
    by_id=lambda instance: {"InstanceIds": [instance]},
    permissions=("ec2:DescribeInstances",),
)
FUNCTIONS = Kind(
    resource=Box,
    service="lambda",
    operation="list_functions",
    items=("Functions",),
    view=lambda item, scope: Box(
        id=item["FunctionName"], arn=item["FunctionArn"], account=scope.account, region=scope.region
    ),
    by_id=lambda name: {"FunctionName": name},
    one="get_function_configuration",
    permissions=("lambda:ListFunctions", "lambda:GetFunctionConfiguration"),
    page_size=50,
    page_size_name="MaxItems",
    next_page="NextMarker",
    asked_as="Marker",
)


def page(*ids: str, token: str = "", size: str = "<size>8</size>") -> Reply:
    """One page of volumes."""
    items = "".join(f"<item><volumeId>{volume}</volumeId>{size}</item>" for volume in ids)
    following = f"<nextToken>{token}</nextToken>" if token else ""
    return xml("DescribeVolumes", f"<volumeSet>{items}</volumeSet>{following}")


def listed(aws: StubAws) -> tuple[list[str], str | None]:
    """Ids of the disks listed, and the problem's reason."""
    listing = AwsInventory(sessions_to(aws), [DISKS]).list(Disk, SCOPE)
    return [resource.id for resource in listing.resources], None if listing.problem is None else listing.problem.reason


def test_all_pages_are_read(aws: StubAws) -> None:
    """Each page asks with the token of the one before it, page size and arguments kept."""
    aws.on("DescribeVolumes", page("v1", "v2", token="t1"), page("v3"))
    assert listed(aws) == (["v1", "v2", "v3"], None)
    asked = [request.parameters for request in aws.asked if request.operation == "DescribeVolumes"]
    assert [(one.get("NextToken"), one["MaxResults"], one["Filter.1.Name"]) for one in asked] == [
        (None, "2", "status"),
        ("t1", "2", "status"),
    ]


def test_what_another_account_shares_is_left_out_and_the_rest_is_all(aws: StubAws) -> None:
    """Neither listed nor found by its id, and both answers are complete: here it is as if it were not there."""
    ours, theirs = f"<size>8</size><ownerId>{SCOPE.account}</ownerId>", "<size>8</size><ownerId>999999999999</ownerId>"
    aws.on("DescribeVolumes", page("v1", token="t1", size=theirs), page("v2", size=ours), page("v1", size=theirs))
    inventory = AwsInventory(sessions_to(aws), [replace(DISKS, owner="OwnerId")])
    listing, found = inventory.list(Disk, SCOPE), inventory.get(Disk, SCOPE, "v1")
    assert ([one.id for one in listing.resources], listing.complete) == (["v2"], True)
    assert (found.resources, found.complete) == ((), True)


def test_nothing_is_a_complete_answer(aws: StubAws) -> None:
    """An empty list, said by AWS, is complete."""
    aws.on("DescribeVolumes", page())
    assert listed(aws) == ([], None)


def test_an_empty_page_is_not_the_last(aws: StubAws) -> None:
    """With filters EC2 may give pages that hold nothing, with a token."""
    aws.on("DescribeVolumes", page(token="t1"), page("v1"))
    assert listed(aws) == (["v1"], None)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (error("InternalError", status=500), "unavailable"),
        (error("RequestLimitExceeded", status=503), "throttled"),
        (error("UnauthorizedOperation", status=403), "access-denied"),
        (error("RequestExpired"), "credentials-expired"),
        (Reply(reset=True), "unavailable"),
        (Reply(body=page("v3", "v4").body, cut=True), "unavailable"),
        (Reply(body=page("v3", "v4").body[:80]), "malformed-answer"),
        (Reply(body=b"<html>gateway</html>", status=502), "unavailable"),
        (Reply(body=b""), "malformed-answer"),
        (xml("DescribeVolumes", ""), "malformed-answer"),
    ],
    ids=["500", "throttled", "denied", "skew", "reset", "cut", "truncated", "gateway", "empty", "no-list"],
)
def test_a_failed_page_leaves_a_partial_listing(aws: StubAws, broken: Reply, reason: str) -> None:
    """What the pages before it held is known; that it is all is not."""
    aws.on("DescribeVolumes", page("v1", "v2", token="t1"), broken)
    assert listed(aws) == (["v1", "v2"], reason)


def test_a_first_page_that_fails_is_no_empty_listing(aws: StubAws) -> None:
    """The detail tells a person what AWS said."""
    aws.on("DescribeVolumes", error("UnauthorizedOperation", "You are not authorized"))
    listing = AwsInventory(sessions_to(aws), [DISKS]).list(Disk, SCOPE)
    assert not listing.complete
    assert listing.problem is not None
    assert listing.problem.detail == "DescribeVolumes: UnauthorizedOperation: You are not authorized"


def test_a_page_that_is_throttled_is_asked_again(aws: StubAws) -> None:
    """Within the attempts, a throttled page costs nothing but time."""
    aws.on("DescribeVolumes", page("v1", token="t1"), error("RequestLimitExceeded", status=503), page("v2"))
    listing = AwsInventory(sessions_to(aws, attempts=2), [DISKS]).list(Disk, SCOPE)
    assert ([resource.id for resource in listing.resources], listing.complete) == (["v1", "v2"], True)


def test_a_token_that_comes_again_ends_the_listing(aws: StubAws) -> None:
    """A service that pages in circles does not hold the daemon."""
    aws.on("DescribeVolumes", page("v1", token="t1"), page("v2", token="t2"), page("v3", token="t1"))
    assert listed(aws) == (["v1", "v2", "v3"], "malformed-answer")


def test_a_malformed_item_is_left_out_and_said(aws: StubAws) -> None:
    """One volume without a size costs the listing its completeness, and nothing else."""
    aws.on("DescribeVolumes", page("v1", token="t1"), page("v2", size="", token="t2"), page("v3"))
    assert listed(aws) == (["v1", "v3"], "malformed-answer")


def test_an_item_on_two_pages_is_one_resource(aws: StubAws) -> None:
    """A listing that shifts between pages does not count a resource twice."""
    aws.on("DescribeVolumes", page("v1", "v2", token="t1"), page("v2", "v3"))
    assert listed(aws) == (["v1", "v2", "v3"], None)


def test_nested_lists_are_flattened(aws: StubAws) -> None:
    """Instances lie in reservations; a reservation without instances spoils no other."""
    one = "<item><instancesSet><item><instanceId>i-1</instanceId></item></instancesSet></item>"
    aws.on("DescribeInstances", xml("DescribeInstances", f"<reservationSet><item/>{one}</reservationSet>"))
    listing = AwsInventory(sessions_to(aws), [BOXES]).list(Box, SCOPE)
    assert [resource.id for resource in listing.resources] == ["i-1"]
    assert not listing.complete


def test_unknown_credentials_are_a_problem_of_the_listing(aws: StubAws) -> None:
    """Even when no client can be had, listing does not raise."""
    aws.on("GetCallerIdentity", error("InternalError", status=500))
    assert listed(aws) == ([], "unavailable")


def test_get_reads_one_without_a_page_size(aws: StubAws) -> None:
    """EC2 answers InvalidParameterCombination to MaxResults beside ids."""

    def as_ec2(asked: Asked) -> Reply:
        both = "MaxResults" in asked.parameters
        return error("InvalidParameterCombination") if both else page(asked.parameters["VolumeId.1"])

    aws.on("DescribeVolumes", as_ec2)
    listing = AwsInventory(sessions_to(aws), [DISKS]).get(Disk, SCOPE, "v7")
    assert ([resource.id for resource in listing.resources], listing.complete) == (["v7"], True)


@pytest.mark.parametrize("gone", [error("InvalidVolume.NotFound"), page()], ids=["not-found", "empty"])
def test_get_of_what_is_gone_is_complete_and_empty(aws: StubAws, gone: Reply) -> None:
    """AWS says itself that it does not exist."""
    aws.on("DescribeVolumes", gone)
    listing = AwsInventory(sessions_to(aws), [DISKS]).get(Disk, SCOPE, "v7")
    assert (listing.resources, listing.complete) == ((), True)


@pytest.mark.parametrize(
    "broken", [error("InternalError", status=500), Reply(body=b"Not Found", status=404), page("v7", size="")],
    ids=["500", "bare-404", "malformed"],
)  # fmt: skip
def test_get_that_fails_proves_nothing(aws: StubAws, broken: Reply) -> None:
    """A resource that could not be read is not gone."""
    aws.on("DescribeVolumes", broken)
    listing = AwsInventory(sessions_to(aws), [DISKS]).get(Disk, SCOPE, "v7")
    assert (listing.resources, listing.complete) == ((), False)


def function(name: str) -> Mapping[str, str]:
    """A function as Lambda describes it, in a list and by itself."""
    return {"FunctionName": name, "FunctionArn": f"arn:{name}"}


def test_a_token_may_have_another_name_in_requests(aws: StubAws) -> None:
    """Lambda gives NextMarker, and takes Marker."""
    aws.on(
        "GET",
        json_reply({"Functions": [function("a")], "NextMarker": "m1"}),
        json_reply({"Functions": [function("b")]}),
    )
    listing = AwsInventory(sessions_to(aws), [FUNCTIONS]).list(Box, SCOPE)
    assert ([one.id for one in listing.resources], listing.problem) == (["a", "b"], None)
    asked = [one.parameters for one in aws.asked if one.operation == "GET"]
    assert [(one.get("Marker"), one["MaxItems"]) for one in asked] == [(None, "50"), ("m1", "50")]


def test_one_is_read_by_a_call_of_its_own(aws: StubAws) -> None:
    """Whose answer is the item, as in the listing."""
    aws.on("GET", json_reply(function("a")))
    listing = AwsInventory(sessions_to(aws), [FUNCTIONS]).get(Box, SCOPE, "a")
    assert ([one.arn for one in listing.resources], listing.complete) == (["arn:a"], True)
    assert aws.asked[-1].parameters["path"] == "2015-03-31/functions/a/configuration"


@pytest.mark.parametrize(
    ("answer", "complete"),
    [
        (json_error("ResourceNotFoundException", status=404), True),
        (json_error("AccessDeniedException", status=403), False),
        (json_reply({}), False),
        (json_reply(function("b")), False),
    ],
    ids=["not-found", "denied", "empty", "another"],
)
def test_one_that_is_read_by_itself_is_gone_only_when_aws_says_so(
    aws: StubAws, answer: Reply, *, complete: bool
) -> None:
    """There is no empty list: an answer that tells of nothing, or of something else, proves nothing."""
    aws.on("GET", answer)
    listing = AwsInventory(sessions_to(aws), [FUNCTIONS]).get(Box, SCOPE, "a")
    assert (listing.resources, listing.complete) == ((), complete)
