"""Each query goes to the source that knows it; what none knows is unreadable."""

from __future__ import annotations

import pytest

from cloudwarden import hours, minutes
from cloudwarden.aws.cloudwatch import CloudWatchEvidence
from cloudwarden.aws.details import AwsEvidence, DetailEvidence
from cloudwarden.aws.s3 import settings
from cloudwarden.core.detail import Detail, UnreadTags
from cloudwarden.core.evidence import Query, Unreadable
from cloudwarden.core.metric import MetricQuery, Series
from cloudwarden.testing import NOON, bucket
from stub_aws import SCOPE, Reply, StubAws, error, json_reply, rest_error, rest_xml
from stub_sessions import sessions_to

VERSIONING = settings.versioning(bucket())
UNREAD = bucket(tags=None).tags
assert isinstance(UNREAD, UnreadTags)
TAGGING = UNREAD.detail
CPU = MetricQuery(
    namespace="AWS/EC2",
    metric="CPUUtilization",
    dimensions=(("InstanceId", "i-1"),),
    statistic="Maximum",
    period=minutes(5),
    window=hours(1),
)


def evidence(aws: StubAws) -> AwsEvidence:
    """Both sources together."""
    sessions = sessions_to(aws)
    return AwsEvidence(metrics=CloudWatchEvidence(sessions), details=DetailEvidence(sessions))


def test_metrics_and_details_of_one_question_are_each_answered(aws: StubAws) -> None:
    """In one go, whatever their order."""
    aws.on("GetMetricData", json_reply({"MetricDataResults": [{"Id": "m0", "StatusCode": "Complete"}], "Messages": []}))
    aws.on("GET versioning", rest_xml("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"))
    strange: Query[object] = Query()
    answers = evidence(aws).answer(SCOPE, [VERSIONING, CPU, strange], NOON)
    assert answers[VERSIONING] == "Enabled"
    assert isinstance(answers[CPU], Series)
    assert isinstance(answers[strange], Unreadable)


def test_one_source_s_failure_leaves_the_other(aws: StubAws) -> None:
    """CloudWatch is down, S3 is not."""
    aws.on("GetMetricData", error("InternalError", status=500))
    aws.on("GET versioning", rest_xml("<VersioningConfiguration/>"))
    answers = evidence(aws).answer(SCOPE, [CPU, VERSIONING], NOON)
    assert isinstance(answers[CPU], Unreadable)
    assert answers[VERSIONING] is None


def test_nothing_is_asked_when_nothing_is_to_be_known(aws: StubAws) -> None:
    """Not even who we are."""
    assert evidence(aws).answer(SCOPE, [], NOON) == {}
    assert aws.asked == []


NOTHING_OF_A_BODY = Reply(body=b"x", content_type="application/xml", cut=True)
"""A promise of one byte, of which the first half is none."""


@pytest.mark.parametrize("asked", [VERSIONING, TAGGING], ids=["versioning", "tagging"])
def test_an_answer_that_breaks_off_after_its_headers_says_nothing(aws: StubAws, asked: Detail) -> None:
    """Not that nothing is configured, nor that there are no tags."""
    aws.on(f"GET {asked.operation.removeprefix('get_bucket_')}", NOTHING_OF_A_BODY)
    answer = evidence(aws).answer(SCOPE, [asked], NOON)[asked]
    assert isinstance(answer, Unreadable)
    assert answer.cause.reason == "unavailable"


def test_an_empty_answer_is_none_where_a_code_says_that_there_is_nothing(aws: StubAws) -> None:
    """S3 says NoSuchTagSet for no tags, so an answer without any is not S3's."""
    aws.on("GET tagging", Reply(content_type="application/xml"))
    answer = evidence(aws).answer(SCOPE, [TAGGING], NOON)[TAGGING]
    assert isinstance(answer, Unreadable)
    assert answer.cause.reason == "malformed-answer"
    aws.on("GET tagging", rest_error("NoSuchTagSet", status=404))
    assert evidence(aws).answer(SCOPE, [TAGGING], NOON)[TAGGING] is None


def test_half_of_an_answer_is_none(aws: StubAws) -> None:
    """Whatever the service calls what leads to the rest: a rule would take what is not there for what there is not."""
    asked = Detail(service="ecs", operation="list_clusters", arguments=(), path="clusterArns")
    aws.on("ListClusters", json_reply({"clusterArns": [], "nextToken": "t1"}))
    answer = evidence(aws).answer(SCOPE, [asked], NOON)[asked]
    assert isinstance(answer, Unreadable)
    assert "the answer goes on" in answer.cause.detail


def test_without_credentials_every_detail_is_unreadable(aws: StubAws) -> None:
    """No client, no answer, and no exception either."""
    aws.on("GetCallerIdentity", error("InternalError", status=500))
    answer = evidence(aws).answer(SCOPE, [VERSIONING], NOON)[VERSIONING]
    assert isinstance(answer, Unreadable)
    assert answer.cause.reason == "unavailable"


def test_a_path_that_makes_no_sense_is_unreadable(aws: StubAws) -> None:
    """A kind's mistake is told as one, and not as "not configured"."""
    detail = Detail(service="s3", operation="list_buckets", arguments=(), path="[")
    answer = evidence(aws).answer(SCOPE, [detail], NOON)[detail]
    assert isinstance(answer, Unreadable)
    assert answer.cause.reason == "invalid-request"
