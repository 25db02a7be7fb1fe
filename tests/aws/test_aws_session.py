"""Clients, credentials, and the report of every request."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from cloudwarden.aws.access.account import AwsAccess
from cloudwarden.aws.access.builder import new_session
from cloudwarden.aws.moment import moment
from cloudwarden.aws.pages import ask
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import AccessDenied, CloudError, CredentialsExpired, SettingsError, Throttled, Unavailable
from cloudwarden.core.resource import Scope
from stub_aws import ACCOUNT, SCOPE, Reply, StubAws, error, query_error, query_xml, xml
from stub_sessions import Heard, Stopwatch, sessions_to

EMPTY = xml("DescribeVolumes", "<volumeSet/>")
ROLE = "arn:aws:iam::210987654321:role/warden"


def assumed(expires: timedelta) -> Reply:
    """What STS answers to AssumeRole."""
    expiration = (datetime.now(UTC) + expires).isoformat()
    return query_xml(
        "AssumeRole",
        f"<Credentials><AccessKeyId>ASIAROLEROLEROLEROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        f"<SessionToken>role-token</SessionToken><Expiration>{expiration}</Expiration></Credentials>"
        f"<AssumedRoleUser><Arn>{ROLE}/cloudwarden</Arn><AssumedRoleId>x</AssumedRoleId></AssumedRoleUser>",
    )


def as_role(
    aws: StubAws,
    heard: Heard | None = None,
    expires: timedelta = timedelta(hours=1),
    timer: Callable[[], float] = time.perf_counter,
) -> Sessions:
    """Sessions that assume a role in another account."""
    aws.on("AssumeRole", assumed(expires))
    aws.on("GetCallerIdentity", query_xml("GetCallerIdentity", "<Account>210987654321</Account>"))
    return sessions_to(aws, heard, timer=timer, role_arn=ROLE, external_id="hush")


def test_scopes_are_the_account_in_each_region(aws: StubAws) -> None:
    """STS names the account, once; a region written twice is one."""
    sessions = sessions_to(aws, regions=("eu-central-1", "us-east-1", "eu-central-1"))
    assert [str(scope) for scope in sessions.scopes()] == [f"{ACCOUNT}/eu-central-1", f"{ACCOUNT}/us-east-1"]
    sessions.scopes()
    assert aws.count("GetCallerIdentity") == 1


def test_scopes_default_to_the_environments_region(aws: StubAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without configured regions, the one that boto3 would use."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    assert sessions_to(aws, regions=()).scopes() == (Scope(account=ACCOUNT, region="ap-south-1"),)


def test_no_region_is_a_settings_error(aws: StubAws) -> None:
    """The message says which setting to write."""
    with pytest.raises(SettingsError, match=r"aws\.regions"):
        sessions_to(aws, regions=()).scopes()


def test_sts_failure_is_ours_and_soon_forgotten(aws: StubAws) -> None:
    """An outage at start does not outlive itself, and is not waited for by everyone who asks meanwhile."""
    good = aws.scripts["GetCallerIdentity"][0]
    aws.on("GetCallerIdentity", query_error("ServiceUnavailable", status=503), good)
    timer = Stopwatch()
    sessions = sessions_to(aws, timer=timer)
    for _ in range(3):
        with pytest.raises(Unavailable):
            sessions.scopes()
    assert aws.count("GetCallerIdentity") == 1
    timer.seconds = 31
    assert sessions.scopes() == (SCOPE,)


def test_missing_credentials_are_named(aws: StubAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials anywhere is CredentialsExpired, not a crash."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CredentialsExpired, match="credentials"):
        sessions_to(aws).scopes()


def test_unknown_profile_is_named(aws: StubAws) -> None:
    """A profile that is in no file is CredentialsExpired, with its name."""
    with pytest.raises(CredentialsExpired, match="nobody"):
        sessions_to(aws, profile="nobody").scopes()


def test_one_client_per_service_and_region(aws: StubAws) -> None:
    """Whoever asks, and however often, the same client serves; another service has its own."""
    sessions = sessions_to(aws)
    client = sessions.client("ec2", SCOPE)
    assert sessions.client("ec2", SCOPE).shared is client.shared
    assert sessions.client("ec2", SCOPE, once=True).shared is client.shared
    assert sessions.client("sts", SCOPE).shared is not client.shared


def test_another_accounts_scope_has_no_client(aws: StubAws) -> None:
    """What these credentials do not see in another account would look as if it were gone."""
    with pytest.raises(AccessDenied, match="999999999999"):
        sessions_to(aws).client("ec2", Scope(account="999999999999", region=SCOPE.region))


def test_every_request_is_reported_with_its_outcome(aws: StubAws, heard: Heard) -> None:
    """A request that was repeated is two requests."""
    aws.on("DescribeVolumes", error("RequestLimitExceeded", status=503), EMPTY)
    ask(sessions_to(aws, heard, attempts=2).client("ec2", SCOPE), "describe_volumes", {})
    assert [(call.service, call.outcome, call.scope) for call in heard.calls("DescribeVolumes")] == [
        ("ec2", "throttled", SCOPE),
        ("ec2", "ok", SCOPE),
    ]


def test_a_request_without_answer_is_reported_once(aws: StubAws, heard: Heard) -> None:
    """A broken connection is one failed request."""
    aws.on("DescribeVolumes", Reply(reset=True))
    with pytest.raises(Unavailable):
        ask(sessions_to(aws, heard).client("ec2", SCOPE), "describe_volumes", {})
    assert [call.outcome for call in heard.calls("DescribeVolumes")] == ["unavailable"]


def test_an_unreadable_answer_is_reported(aws: StubAws, heard: Heard) -> None:
    """An answer that no parser understands is a failed request."""
    aws.on("DescribeVolumes", Reply(body=b"<html>down for maintenance"))
    with pytest.raises(CloudError):
        ask(sessions_to(aws, heard).client("ec2", SCOPE), "describe_volumes", {})
    assert [call.outcome for call in heard.calls("DescribeVolumes")] == ["malformed-answer"]


def test_throttling_outlasts_the_attempts(aws: StubAws) -> None:
    """`attempts` counts the first one."""
    aws.on("DescribeVolumes", error("RequestLimitExceeded", status=503))
    with pytest.raises(Throttled):
        ask(sessions_to(aws, attempts=2).client("ec2", SCOPE), "describe_volumes", {})
    assert aws.count("DescribeVolumes") == 2


def test_requests_name_the_product(aws: StubAws) -> None:
    """AWS's logs show who asked."""
    sessions_to(aws).scopes()
    assert "cloudwarden/" in aws.asked[0].headers["user-agent"]


def test_a_role_is_assumed_with_its_external_id(aws: StubAws) -> None:
    """Everything is asked with the role's credentials, and the role is assumed once."""
    sessions = as_role(aws)
    aws.on("DescribeVolumes", EMPTY)
    (scope,) = sessions.scopes()
    ask(sessions.client("ec2", scope), "describe_volumes", {})
    request = next(request for request in aws.asked if request.operation == "AssumeRole")
    assert (request.parameters["RoleArn"], request.parameters["ExternalId"]) == (ROLE, "hush")
    assert aws.count("AssumeRole") == 1
    assert aws.asked[-1].headers["x-amz-security-token"] == "role-token"


def test_a_roles_credentials_are_renewed_before_they_expire(aws: StubAws) -> None:
    """Credentials in their last minutes are fetched again for the next request; not before every one, if that fails."""
    timer = Stopwatch()
    sessions = as_role(aws, expires=timedelta(minutes=5), timer=timer)
    aws.on("DescribeVolumes", EMPTY)
    client = sessions.client("ec2", sessions.scopes()[0])
    ask(client, "describe_volumes", {})
    assert aws.count("AssumeRole") == 1
    timer.seconds = 31
    ask(client, "describe_volumes", {})
    assert aws.count("AssumeRole") == 2


def test_a_refused_role_is_access_denied_and_reported(aws: StubAws, heard: Heard) -> None:
    """The refusal is the role's, in the role's account, and no secret is in its text."""
    sessions = as_role(aws, heard)
    aws.on("AssumeRole", query_error("AccessDenied", "not authorized to perform: sts:AssumeRole", status=403))
    with pytest.raises(AccessDenied, match="AssumeRole") as caught:
        sessions.scopes()
    assert "hush" not in str(caught.value)
    (call,) = heard.calls("AssumeRole")
    assert (call.outcome, call.scope.account) == ("access-denied", "210987654321")


def test_sts_is_asked_in_its_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon in Oregon does not depend on Virginia, whatever the environment says."""
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    client = new_session(None).create_client("sts", region_name="us-west-2")
    assert client.meta.endpoint_url == "https://sts.us-west-2.amazonaws.com"


def test_a_global_service_is_asked_in_the_first_region(aws: StubAws) -> None:
    """The scope `global` is no region of AWS."""
    client = sessions_to(aws).client("sts", Scope(account=ACCOUNT, region="global"))
    assert client.meta.region_name == SCOPE.region


def test_settings_do_not_print_the_external_id() -> None:
    """A secret does not leave through a repr."""
    assert "hush" not in repr(AwsAccess(external_id="hush"))


@pytest.mark.parametrize(
    "written", [1772452800, 1772452800.0, "1772452800", "2026-03-02T12:00:00Z", "2026-03-02T12:00:00.000Z",
                "2026-03-02T13:00:00+01:00", "2026-03-02T12:00:00", "Mon, 02 Mar 2026 12:00:00 GMT"],
)  # fmt: skip
def test_moments_are_aware_and_in_utc(written: str | float) -> None:
    """Whatever form a service writes a timestamp in."""
    parsed = moment(written)
    assert (parsed, parsed.tzinfo) == (datetime(2026, 3, 2, 12, tzinfo=UTC), UTC)
