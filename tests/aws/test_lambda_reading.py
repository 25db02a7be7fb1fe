"""How functions, their tags and their concurrency are read from Lambda."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from moto import mock_aws

from cloudwarden.aws import lambda_
from cloudwarden.aws.access.account import AwsAccess
from cloudwarden.aws.details import DetailEvidence
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.lambda_ import function as functions
from cloudwarden.aws.session import Sessions
from cloudwarden.core.detail import Detail, UnreadTags
from cloudwarden.core.evidence import Unreadable
from cloudwarden.core.saving import Uncharged
from cloudwarden.testing import NOON, function
from looking import aws_evidence, radii
from stub_aws import SCOPE, Reply, StubAws, json_error, json_reply
from stub_sessions import Heard, sessions_to, simulated_limits


def described(name: str, **changes: Any) -> dict[str, Any]:
    """A function as ListFunctions and GetFunctionConfiguration give it, without what no rule reads."""
    return {
        "FunctionName": name,
        "FunctionArn": f"arn:aws:lambda:eu-central-1:123456789012:function:{name}",
        "PackageType": "Zip",
        "Runtime": "python3.13",
        "MemorySize": 128,
        **changes,
    }


def page(*names: str, marker: str | None = None) -> Reply:
    """One page of ListFunctions; the last one's marker is null, or left out."""
    return json_reply({"Functions": [described(name) for name in names], "NextMarker": marker})


def inventory(aws: StubAws) -> AwsInventory:
    """What reads functions from the stub."""
    return AwsInventory(sessions_to(aws), lambda_.KINDS)


def answered(sessions: Sessions, asked: Detail) -> object:
    """What a detail is answered with."""
    return DetailEvidence(sessions).answer(SCOPE, [asked], NOON)[asked]


def asked_tags(seen: lambda_.Function) -> Detail:
    """The question for a function's tags."""
    assert isinstance(seen.tags, UnreadTags)
    return seen.tags.detail


def made(sessions: Sessions, name: str) -> None:
    """A function in a simulated AWS, with a tag."""
    trusted = json.dumps({"Version": "2012-10-17", "Statement": []})
    client: Any = sessions.client("iam", SCOPE)
    role = client.create_role(RoleName="runs", AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("f.py", "")
    client = sessions.client("lambda", SCOPE)
    client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="f.f",
        Code={"ZipFile": packed.getvalue()},
        Tags={"owner": "shop"},
    )


def test_a_function_is_listed_and_read_by_its_name_with_its_tags() -> None:
    """Both ways give the same; its tags are an answer of their own."""
    with mock_aws(config={"lambda": {"use_docker": False}}):
        heard = Heard()
        sessions = Sessions(AwsAccess(regions=(SCOPE.region,), attempts=1), heard, simulated_limits(heard))
        made(sessions, "mails")
        reads = AwsInventory(sessions, lambda_.KINDS)
        listing = reads.list(lambda_.Function, SCOPE)
        (seen,) = listing.resources
        assert isinstance(seen, lambda_.Function)
        assert (listing.complete, seen.id, seen.runtime, seen.memory_mib) == (True, "mails", "python3.13", 128)
        assert reads.get(lambda_.Function, SCOPE, "mails").resources == (seen,)
        assert answered(sessions, asked_tags(seen)) == {"owner": "shop"}
        assert answered(sessions, lambda_.concurrency(seen)) is None


def test_the_second_page_is_asked_for_by_marker(aws: StubAws) -> None:
    """What answers call NextMarker."""
    aws.on("GET", page("a", marker="m1"), page("b"))
    listing = inventory(aws).list(lambda_.Function, SCOPE)
    assert ([one.id for one in listing.resources], listing.complete) == (["a", "b"], True)
    asked = [one.parameters for one in aws.asked if one.operation == "GET"]
    assert [(one.get("Marker"), one["MaxItems"]) for one in asked] == [(None, "50"), ("m1", "50")]


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("TooManyRequestsException", 429, "throttled"),
        ("ServiceException", 500, "unavailable"),
        ("AccessDeniedException", 403, "access-denied"),
    ],
)
def test_a_page_that_fails_leaves_the_listing_incomplete(aws: StubAws, code: str, status: int, reason: str) -> None:
    """With what was read until then, and the cause."""
    aws.on("GET", page("a", marker="m1"), json_error(code, status=status))
    listing = inventory(aws).list(lambda_.Function, SCOPE)
    assert ([one.id for one in listing.resources], listing.complete) == (["a"], False)
    assert listing.problem is not None
    assert listing.problem.reason == reason


@pytest.mark.parametrize(
    ("answer", "complete"),
    [
        (json_error("ResourceNotFoundException", status=404), True),
        (json_error("UnknownOperationException", status=404), False),
        (json_error("TooManyRequestsException", status=429), False),
    ],
    ids=["not-found", "a bare 404", "throttled"],
)
def test_one_is_gone_only_when_lambda_says_so(aws: StubAws, answer: Reply, *, complete: bool) -> None:
    """By the service's own error."""
    aws.on("GET", answer)
    listing = inventory(aws).get(lambda_.Function, SCOPE, "mails")
    assert (listing.resources, listing.complete) == ((), complete)


def test_tags_and_concurrency_that_are_denied_are_unreadable(aws: StubAws) -> None:
    """Neither none, nor no limit."""
    aws.on("GET", json_error("AccessDeniedException", status=403))
    seen = function(tags=None)
    for asked in (asked_tags(seen), lambda_.concurrency(seen)):
        answer = answered(sessions_to(aws), asked)
        assert isinstance(answer, Unreadable)
        assert answer.cause.reason == "access-denied"


def test_a_container_image_has_no_runtime_and_anything_else_must_have_one() -> None:
    """A runtime that was not read is not the absence of one."""
    image = described("mails", PackageType="Image")
    del image["Runtime"]
    assert functions.KIND.view(image, SCOPE).runtime is None
    with pytest.raises(KeyError, match="Runtime"):
        functions.KIND.view({**image, "PackageType": "Zip"}, SCOPE)


def test_what_depends_on_a_function_and_what_it_costs_are_unknown(aws: StubAws) -> None:
    """Neither nothing else, nor nothing."""
    (radius,) = radii(aws_evidence(sessions_to(aws)), function())
    assert (str(radius), radius.known) == ("unknown", False)
    assert isinstance(function().charges, Uncharged)
