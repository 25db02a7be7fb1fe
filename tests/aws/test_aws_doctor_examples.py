"""The doctor tries what is read of one resource on an example, and knocks at each endpoint once."""

from __future__ import annotations

import pytest

from cloudwarden import NoParams, Policy, every
from cloudwarden.aws import s3
from cloudwarden.aws.access.account import Account
from cloudwarden.core.checkup import Area, Health
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.library.exposure import public_bucket
from cloudwarden.library.tagging import RequiredTags, required_tags
from examining import WEB, Function, examined, healthy, of
from stub_aws import Reply, StubAws, json_error, json_reply, rest_error, rest_xml
from stub_sessions import sessions_to


def test_a_silent_service_says_to_look_at_the_network(aws: StubAws) -> None:
    """An unreachable endpoint is no missing permission."""
    sessions = healthy(aws, WEB)
    aws.on("DescribeInstances", Reply(reset=True))
    (failed,) = (one for one in examined(sessions) if one.health is Health.FAILED)
    assert "endpoint" in failed.fix


BUCKETS = rest_xml(
    "<ListAllMyBucketsResult><Buckets><Bucket><Name>logs</Name><CreationDate>2026-01-01T00:00:00Z</CreationDate>"
    "<BucketRegion>eu-central-1</BucketRegion></Bucket></Buckets></ListAllMyBucketsResult>"
)
OPEN: AnyPolicy = Policy(
    name="block-public-buckets",
    rule=public_bucket,
    params=NoParams(),
    schedule=every(hours=1),
    action=s3.BlockPublicAccess(),
)


def test_what_a_rule_reads_of_one_resource_is_read_of_an_example(aws: StubAws) -> None:
    """Each by its IAM action, once for an account; what says that nothing is configured was allowed."""
    sessions = healthy(aws, WEB)
    aws.on("GET", BUCKETS)
    none = rest_error("NoSuchPublicAccessBlockConfiguration")
    aws.on("GET /v20180820/configuration/publicAccessBlock", none)
    aws.on("GET publicAccessBlock", none)
    aws.on("GET policyStatus", rest_error("NoSuchBucketPolicy"))
    aws.on("GET acl", rest_error("AccessDenied", status=403))
    aws.on("GET tagging", rest_error("NoSuchTagSet"))
    aws.on("GET policy", rest_error("NoSuchBucketPolicy"))
    aws.on("GET website", rest_error("NoSuchWebsiteConfiguration"))
    aws.on("GET replication", rest_error("ReplicationConfigurationNotFoundError"))
    checks = [one for one in examined(sessions, OPEN) if one.where == f"{WEB}/global"]
    assert {one.subject: one.health for one in checks} == {
        "s3:ListAllMyBuckets": Health.OK,
        "s3:GetBucketTagging": Health.OK,
        "s3:GetAccountPublicAccessBlock": Health.OK,
        "s3:GetBucketPublicAccessBlock": Health.OK,
        "s3:GetBucketPolicyStatus": Health.OK,
        "s3:GetBucketAcl": Health.FAILED,
        "s3:GetBucketPolicy": Health.OK,
        "s3:GetBucketWebsite": Health.OK,
        "s3:GetReplicationConfiguration": Health.OK,
        "s3:PutBucketPublicAccessBlock": Health.UNTESTED,
    }


def test_the_endpoint_of_s3_control_is_knocked_at(aws: StubAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is another one than that of S3; where it does not answer, what is behind it is not tried."""
    healthy(aws, WEB)
    aws.on("GET", BUCKETS)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3_CONTROL", "http://127.0.0.1:9")
    checks = examined(sessions_to(aws, endpoint_url=None, accounts=(Account(id=WEB),)), OPEN)
    assert ("127.0.0.1:9", Health.FAILED) in {(one.subject, one.health) for one in checks if one.area is Area.ENDPOINT}
    assert "s3:GetAccountPublicAccessBlock" in of(checks, Health.UNTESTED)


def test_reading_one_by_itself_is_tried_on_an_example(aws: StubAws) -> None:
    """That all may be listed does not say that one may be read, which every action is preceded by."""
    sessions = healthy(aws, WEB)
    denied, list_of_one = json_error("AccessDeniedException", status=403), {"Functions": [{"FunctionName": "f"}]}
    aws.on("GET", lambda asked: denied if "configuration" in asked.parameters["path"] else json_reply(list_of_one))
    owned: AnyPolicy = Policy(
        name="owned", rule=required_tags.on(Function), params=RequiredTags(keys=("owner",)), schedule=every(hours=1)
    )
    checks = {one.subject: one.health for one in examined(sessions, owned) if one.subject.startswith("lambda:")}
    assert checks == {"lambda:ListFunctions": Health.OK, "lambda:GetFunctionConfiguration": Health.FAILED}


def test_an_endpoint_that_cannot_be_reached_is_said_once(aws: StubAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not again for each permission behind it, which nobody tried."""
    healthy(aws, WEB)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:9")
    checks = examined(sessions_to(aws, endpoint_url=None, accounts=(Account(id=WEB),)))
    (failed,) = (one for one in checks if one.health is Health.FAILED)
    assert (failed.area, failed.subject, "refused" in failed.detail) == (Area.ENDPOINT, "127.0.0.1:9", True)
    assert {"ec2:DescribeInstances", "ec2:StopInstances"} <= of(checks, Health.UNTESTED)
    assert aws.count("DescribeInstances") == 0
