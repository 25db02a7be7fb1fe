"""Credentials that are over, keys that were changed, a wrong clock, and a region that is not enabled: told apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudwarden.aws.access.account import Account
from cloudwarden.aws.pages import ask
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import CloudError, CredentialsExpired, RegionDisabled
from cloudwarden.core.resource import GLOBAL
from many_accounts import assumed, identified, signer
from stub_aws import ACCOUNT, SCOPE, Reply, StubAws, error, json_error, query_error, rest_error, xml
from stub_sessions import Stopwatch, sessions_to

MEMBER = "210000000001"
HERE = replace(SCOPE, account=MEMBER)
ELSEWHERE = replace(HERE, region="eu-south-1")
EMPTY = xml("DescribeVolumes", "<volumeSet/>")

EXPIRED = error("RequestExpired", "Request has expired.", status=400)
UNVALIDATED = error("AuthFailure", "AWS was not able to validate the provided access credentials", status=401)
INVALID = "The security token included in the request is invalid."


class Patient:
    """Sessions of one member account, a minute after its role was assumed, and what comes of its refusals."""

    def __init__(self, aws: StubAws, *, ahead: timedelta = timedelta(0)) -> None:
        self.aws = aws
        self.timer = Stopwatch()
        aws.on("AssumeRole", assumed)
        aws.on("GetCallerIdentity", identified)
        self.sessions: Sessions = sessions_to(
            aws, timer=self.timer, now=lambda: datetime.now(UTC) + ahead, accounts=(Account(id=MEMBER),)
        )
        self.sessions.identity(MEMBER).credentials()
        self.timer.seconds = 60.0
        self.asked = aws.count("GetCallerIdentity")

    def meets(self, service: str, operation: str, **call: Any) -> CloudError:
        """The error of a call in a scope; then the next call gets its credentials."""
        scope = call.pop("scope", HERE)
        with pytest.raises(CloudError) as caught:
            ask(self.sessions.client(service, scope), operation, call)
        self.timer.seconds += 2.0
        self.sessions.identity(MEMBER).credentials()
        return caught.value

    @property
    def renewed(self) -> bool:
        """Whether the role was assumed again."""
        return self.aws.count("AssumeRole") > 1


def test_a_session_that_ec2_calls_expired_is_renewed(aws: StubAws) -> None:
    """EC2 has no other code for it, and a right clock is not to blame."""
    patient = Patient(aws)
    aws.on("DescribeVolumes", EXPIRED)
    met = patient.meets("ec2", "describe_volumes")
    assert type(met) is CredentialsExpired
    assert "RequestExpired: the credentials are over" in str(met)
    assert "clock" not in str(met)
    assert patient.renewed


@pytest.mark.parametrize("reply", [EXPIRED, UNVALIDATED], ids=["RequestExpired", "AuthFailure"])
@pytest.mark.parametrize("scope", [HERE, ELSEWHERE], ids=["here", "elsewhere"])
def test_a_wrong_clock_is_said_and_takes_no_credentials(aws: StubAws, reply: Reply, scope: object) -> None:
    """EC2 says of it that the request expired, or that it could not validate the credentials."""
    patient = Patient(aws, ahead=timedelta(minutes=-12))
    aws.on("DescribeVolumes", reply)
    met = patient.meets("ec2", "describe_volumes", scope=scope)
    assert type(met) is CredentialsExpired
    assert "this machine's clock is 12 minutes behind AWS" in str(met)
    assert not patient.renewed
    assert aws.count("GetCallerIdentity") == patient.asked


@pytest.mark.parametrize(
    ("service", "operation", "name", "reply"),
    [
        ("ec2", "describe_volumes", "DescribeVolumes", UNVALIDATED),
        ("rds", "describe_db_instances", "DescribeDBInstances", query_error("InvalidClientTokenId", INVALID, 403)),
        ("cloudwatch", "list_metrics", "ListMetrics", json_error("UnrecognizedClientException", INVALID, 403)),
        ("s3", "list_buckets", "GET", rest_error("InvalidAccessKeyId", "... does not exist in our records.", 403)),
        ("s3", "list_buckets", "GET", rest_error("InvalidToken", "The provided token is malformed", 400)),
    ],
    ids=["ec2", "rds", "cloudwatch", "s3-key", "s3-session"],
)
class TestUnknown:
    """Each service's way to say that it does not know the credentials."""

    def test_elsewhere_is_a_region_that_is_not_enabled(
        self, aws: StubAws, service: str, operation: str, name: str, reply: Reply
    ) -> None:
        """STS knows the credentials all the same, so nothing is thrown away."""
        patient = Patient(aws)
        aws.on(name, reply)
        met = patient.meets(service, operation, scope=ELSEWHERE)
        assert type(met) is RegionDisabled
        assert "has not enabled this region" in str(met)
        assert not patient.renewed

    def test_elsewhere_while_sts_does_not_know_them_either_has_them_renewed(
        self, aws: StubAws, service: str, operation: str, name: str, reply: Reply
    ) -> None:
        """They were deleted since STS vouched for them."""
        patient = Patient(aws)
        aws.on(name, reply)
        aws.on("GetCallerIdentity", query_error("InvalidClientTokenId", INVALID, 403), identified)
        assert type(patient.meets(service, operation, scope=ELSEWHERE)) is CredentialsExpired
        assert patient.renewed

    def test_at_home_has_them_renewed(
        self, aws: StubAws, service: str, operation: str, name: str, reply: Reply
    ) -> None:
        """Where STS itself is asked, the region is enabled."""
        patient = Patient(aws)
        aws.on(name, reply)
        assert type(patient.meets(service, operation)) is CredentialsExpired
        assert patient.renewed


def test_a_global_service_is_at_home(aws: StubAws) -> None:
    """Its scope names no region that could be disabled."""
    patient = Patient(aws)
    aws.on("GET", rest_error("InvalidAccessKeyId", status=403))
    assert type(patient.meets("s3", "list_buckets", scope=replace(HERE, region=GLOBAL))) is CredentialsExpired
    assert patient.renewed


def test_sts_is_asked_once_for_many_refusals(aws: StubAws) -> None:
    """A region that is not enabled refuses hundreds of calls in a sweep."""
    patient = Patient(aws)
    aws.on("DescribeVolumes", UNVALIDATED)
    for _ in range(5):
        patient.meets("ec2", "describe_volumes", scope=ELSEWHERE)
    assert aws.count("GetCallerIdentity") == patient.asked + 1
    patient.timer.seconds += 30.0
    patient.meets("ec2", "describe_volumes", scope=ELSEWHERE)
    assert aws.count("GetCallerIdentity") == patient.asked + 2


def test_an_sts_that_cannot_be_asked_takes_nothing_back(aws: StubAws) -> None:
    """It vouched for the credentials when they came."""
    patient = Patient(aws)
    aws.on("DescribeVolumes", UNVALIDATED)
    aws.on("GetCallerIdentity", query_error("ServiceUnavailable", status=503))
    assert type(patient.meets("ec2", "describe_volumes", scope=ELSEWHERE)) is RegionDisabled
    assert not patient.renewed


def test_keys_that_were_changed_are_read_anew(aws: StubAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """EC2 cannot validate the old ones, and the next call is signed with the new."""
    timer = Stopwatch()
    sessions = sessions_to(aws, timer=timer)
    client = sessions.client("ec2", SCOPE)
    aws.on("DescribeVolumes", lambda asked: EMPTY if signer(asked) == "AKIANEW" else UNVALIDATED)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANEW")
    timer.seconds = 60.0
    with pytest.raises(CredentialsExpired, match="deleted or switched off"):
        ask(client, "describe_volumes", {})
    assert ask(client, "describe_volumes", {})["Volumes"] == []


class Meddler(Stopwatch):
    """A timer that somebody looks at while, once, another thread forgets the credentials."""

    meddle: Callable[[], None] | None = None

    def __call__(self) -> float:
        """Seconds since some beginning."""
        meddle, self.meddle = self.meddle, None
        if meddle is not None:
            meddle()
        return self.seconds


def test_a_caller_is_told_though_another_thread_forgets_it(aws: StubAws) -> None:
    """Whoever was given credentials was given whose they are: a healthy account is not called expired."""
    timer = Meddler()
    own = sessions_to(aws, timer=timer).identities.own
    own.caller()
    timer.seconds = 60.0
    own.caller()
    timer.meddle = own.forget
    assert own.caller().account == ACCOUNT
