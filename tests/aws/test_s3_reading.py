"""How buckets and what belongs to them are read from S3."""

from __future__ import annotations

import pytest

from cloudwarden import Violation
from cloudwarden.aws import s3
from cloudwarden.aws.actuator import AwsActuator
from cloudwarden.aws.details import DetailEvidence
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.s3 import bucket as kept
from cloudwarden.aws.s3 import public_access as access
from cloudwarden.aws.s3 import settings
from cloudwarden.core.action import Call
from cloudwarden.core.detail import Detail, UnreadTags
from cloudwarden.core.errors import AccessDenied, TagsUnread
from cloudwarden.core.evidence import Unreadable
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.testing import ALL_BLOCKED, NOON, bucket
from stub_aws import ACCOUNT, Asked, Reply, StubAws, rest_error, rest_xml
from stub_sessions import sessions_to

EVERYWHERE = Scope(account=ACCOUNT, region=GLOBAL)
BUCKET = bucket(bucket_region="us-west-2")
BLOCK = "".join(f"<{name}>true</{name}>" for name in ALL_BLOCKED)


def listed(*names: str, token: str = "", region: str = "<BucketRegion>us-west-2</BucketRegion>") -> Reply:
    """One page of ListBuckets."""
    created = "<CreationDate>2026-01-05T10:00:00.000Z</CreationDate>"
    items = "".join(f"<Bucket><Name>{name}</Name>{created}{region}</Bucket>" for name in names)
    following = f"<ContinuationToken>{token}</ContinuationToken>" if token else ""
    return rest_xml(f"<ListAllMyBucketsResult><Buckets>{items}</Buckets>{following}</ListAllMyBucketsResult>")


def buckets(aws: StubAws) -> AwsInventory:
    """What reads buckets from the stub."""
    return AwsInventory(sessions_to(aws), s3.KINDS)


def answer(aws: StubAws, *details: Detail) -> list[object]:
    """What details are answered with, in their order."""
    answers = DetailEvidence(sessions_to(aws)).answer(EVERYWHERE, details, NOON)
    return [answers[detail] for detail in details]


def region_signed(asked: Asked) -> str:
    """The region that a request was signed for."""
    return asked.headers["authorization"].split("/")[2]


def test_all_pages_of_buckets_are_read_with_their_regions(aws: StubAws) -> None:
    """S3 calls its token and its page size by other names than EC2."""
    aws.on("GET", listed("a", token="t1"), listed("b"))
    listing = buckets(aws).list(s3.Bucket, EVERYWHERE)
    assert [(one.id, one.region) for one in listing.resources] == [("a", "global"), ("b", "global")]
    assert listing.complete
    assert [one.bucket_region for one in listing.resources if isinstance(one, s3.Bucket)] == ["us-west-2"] * 2
    asked = [one.parameters for one in aws.asked if one.operation == "GET"]
    assert [(one.get("continuation-token"), one["max-buckets"]) for one in asked] == [(None, "1000"), ("t1", "1000")]


def test_one_bucket_is_read_by_its_whole_name(aws: StubAws) -> None:
    """S3 lists by the beginnings of names: `logs` is not `logs-old`, and may be gone while that is there."""
    aws.on("GET", listed("logs", "logs-old"))
    assert [one.id for one in buckets(aws).get(s3.Bucket, EVERYWHERE, "logs").resources] == ["logs"]
    assert aws.asked[-1].parameters["prefix"] == "logs"
    aws.on("GET", listed("logs-old"))
    gone = buckets(aws).get(s3.Bucket, EVERYWHERE, "logs")
    assert (gone.resources, gone.complete) == ((), True)


def test_a_bucket_whose_region_is_not_told_is_read_all_the_same(aws: StubAws) -> None:
    """Its details are then asked for where the account's others are."""
    aws.on("GET", listed("a", region=""))
    (seen,) = buckets(aws).list(s3.Bucket, EVERYWHERE).resources
    assert isinstance(seen, s3.Bucket)
    assert (seen.bucket_region, seen.arn) == (None, "arn:aws:s3:::a")


def test_tags_of_a_listing_are_unread_and_say_so(aws: StubAws) -> None:
    """Looking at them where nobody can ask is an error, not an empty answer."""
    aws.on("GET", listed("logs"))
    (seen,) = buckets(aws).list(s3.Bucket, EVERYWHERE).resources
    for tags in (seen.tags, bucket(tags=None, bucket_region="us-west-2").tags):
        assert isinstance(tags, UnreadTags)
        assert tags.detail.region == "us-west-2"
        with pytest.raises(TagsUnread, match="get_bucket_tagging"):
            tags.get("owner")


def test_a_detail_is_asked_where_the_bucket_is_and_of_its_owner(aws: StubAws) -> None:
    """No redirect is needed, and a bucket of the same name that is somebody else's is denied."""
    aws.on("GET acl", rest_xml("<AccessControlPolicy><AccessControlList/></AccessControlPolicy>"))
    assert answer(aws, access.acl(BUCKET)) == [[]]
    asked = aws.asked[-1]
    assert (region_signed(asked), asked.headers["x-amz-expected-bucket-owner"]) == ("us-west-2", ACCOUNT)
    assert asked.parameters["path"] == BUCKET.id


@pytest.mark.parametrize(
    ("detail", "operation", "code"),
    [
        (access.bucket_block(BUCKET), "GET publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
        (access.policy_status(BUCKET), "GET policyStatus", "NoSuchBucketPolicy"),
        (settings.encryption(BUCKET), "GET encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        (settings.lifecycle(BUCKET), "GET lifecycle", "NoSuchLifecycleConfiguration"),
        (settings.ownership(BUCKET), "GET ownershipControls", "OwnershipControlsNotFoundError"),
        (kept.website(BUCKET), "GET website", "NoSuchWebsiteConfiguration"),
        (settings.cors(BUCKET), "GET cors", "NoSuchCORSConfiguration"),
        (kept.replication(BUCKET), "GET replication", "ReplicationConfigurationNotFoundError"),
    ],
)
def test_not_configured_is_an_answer(aws: StubAws, detail: Detail, operation: str, code: str) -> None:
    """S3 says it by an error of its own for each; that the bucket is gone is another."""
    aws.on(operation, rest_error(code))
    assert answer(aws, detail) == [None]
    aws.on(operation, rest_error("NoSuchBucket"))
    (gone,) = answer(aws, detail)
    assert isinstance(gone, Unreadable)
    assert gone.cause.reason == "not-found"


def test_one_denied_detail_leaves_the_others_as_they_are(aws: StubAws) -> None:
    """Each is a call of its own."""
    aws.on("GET policyStatus", rest_error("AccessDenied", status=403))
    aws.on("GET versioning", rest_xml("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"))
    denied, known = answer(aws, access.policy_status(BUCKET), settings.versioning(BUCKET))
    assert isinstance(denied, Unreadable)
    assert (denied.cause.reason, known) == ("access-denied", "Enabled")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (rest_error("SlowDown", status=503), "throttled"),
        (rest_error("InternalError", status=500), "unavailable"),
        (Reply(body=b"<html>gateway</html>", status=502), "unavailable"),
        (Reply(reset=True), "unavailable"),
        (Reply(body=b"Not Found", status=404), "invalid-request"),
    ],
)
def test_a_detail_that_fails_is_unreadable(aws: StubAws, reply: Reply, reason: str) -> None:
    """Whatever goes wrong is not "not configured"."""
    aws.on("GET publicAccessBlock", reply)
    (unreadable,) = answer(aws, access.bucket_block(BUCKET))
    assert isinstance(unreadable, Unreadable)
    assert unreadable.cause.reason == reason


def test_the_account_s_block_is_read_from_s3_control(aws: StubAws) -> None:
    """At an endpoint of the settings the account is in a header only, since no name can be put before an address."""
    block = f"<PublicAccessBlockConfiguration>{BLOCK}</PublicAccessBlockConfiguration>"
    aws.on("GET /v20180820/configuration/publicAccessBlock", rest_xml(block))
    assert answer(aws, access.account_block(BUCKET)) == [dict.fromkeys(ALL_BLOCKED, True)]
    assert aws.asked[-1].headers["x-amz-account-id"] == ACCOUNT


def blocking() -> Call:
    """The call that blocks public access to a bucket that has no block."""
    plan = s3.BlockPublicAccess().plan(BUCKET, Violation(summary="", offending=(access.NO_BLOCK,)))
    (call,) = plan.calls
    return call


def test_blocking_is_sent_once_to_the_bucket_s_region(aws: StubAws) -> None:
    """With all four settings; there is nothing to ask first."""
    aws.on("PUT publicAccessBlock", Reply())
    actuator = AwsActuator(sessions_to(aws, attempts=4))
    assert actuator.call(EVERYWHERE, blocking(), dry_run=True) == {}
    assert aws.count("PUT publicAccessBlock") == 0
    actuator.call(EVERYWHERE, blocking())
    asked = aws.asked[-1]
    assert aws.count("PUT publicAccessBlock") == 1
    assert (region_signed(asked), asked.headers["x-amz-expected-bucket-owner"]) == ("us-west-2", ACCOUNT)
    assert all(f"<{name}>true</{name}>" in asked.parameters["body"] for name in ALL_BLOCKED)


def test_a_bucket_that_is_a_stranger_s_by_now_is_not_touched(aws: StubAws) -> None:
    """S3 denies it, because the owner is another."""
    aws.on("PUT publicAccessBlock", rest_error("AccessDenied", status=403))
    with pytest.raises(AccessDenied):
        AwsActuator(sessions_to(aws)).call(EVERYWHERE, blocking())


def test_the_proof_of_a_block_is_all_four_settings(aws: StubAws) -> None:
    """Three of them are not the effect, and none at all is not either."""
    call, actuator = blocking(), AwsActuator(sessions_to(aws))
    replies = (f"{BLOCK}", BLOCK.replace("true", "false", 1))
    shown = []
    for block in replies:
        whole = f"<PublicAccessBlockConfiguration>{block}</PublicAccessBlockConfiguration>"
        aws.on("GET publicAccessBlock", rest_xml(whole))
        shown.append(call.proof.shown_by(actuator.read(EVERYWHERE, call.proof.read)))
    aws.on("GET publicAccessBlock", rest_error("NoSuchPublicAccessBlockConfiguration"))
    shown.append(call.proof.shown_by(actuator.read(EVERYWHERE, call.proof.read)))
    assert shown == [True, False, False]
