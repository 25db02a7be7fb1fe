"""The doctor on credentials, the clock and the organization: whose fault it is that nothing could be told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudwarden.aws.access.account import OrganizationAccess, RolesAccess
from cloudwarden.aws.refusals import MEND_CLOCK
from cloudwarden.core.checkup import Area, Health
from examining import DATA, WEB, examined, healthy
from iam_policies import DENIED, attaching, listing
from stub_aws import ACCOUNT, StubAws, error, json_error, json_reply, query_error, query_xml
from stub_sessions import sessions_to


def test_useless_credentials_end_the_examination(aws: StubAws) -> None:
    """Nothing else could be told; a clock that is why is told too."""
    healthy(aws, WEB)
    sessions = sessions_to(aws, now=lambda: datetime.now(UTC) - timedelta(minutes=12))
    aws.on("GetCallerIdentity", query_error("RequestExpired", status=400))
    checks = examined(sessions)
    assert [(one.area, one.health) for one in checks] == [
        (Area.ENDPOINT, Health.OK),
        (Area.CREDENTIALS, Health.FAILED),
        (Area.CLOCK, Health.FAILED),
    ]
    assert "12 minutes behind" in checks[2].detail
    assert checks[1].fix == checks[2].fix == MEND_CLOCK


@pytest.mark.parametrize(
    ("settings", "answers", "said", "fix"),
    [
        ({}, {"ListAccounts": "AccessDeniedException"}, "ListAccounts", "organizations:List*"),
        ({}, {"ListAccounts": "AWSOrganizationsNotInUseException"}, "ListAccounts", "aws.accounts"),
        (
            {"include": ("ou-a", "ou-b")},
            {"ListOrganizationalUnitsForParent": None, "ListAccountsForParent": "ParentNotFoundException"},
            "(ou-a)",
            "aws.organization.include",
        ),
        ({"role_arn": f"arn:aws:iam::{DATA}:role/x"}, {}, "AssumeRole", "aws.organization.external_id"),
    ],
    ids=["denied", "no organization", "no such unit", "no role"],
)
def test_an_organization_that_is_not_told_is_not_blamed_on_the_daemon_s_credentials(
    aws: StubAws, settings: dict[str, Any], answers: dict[str, str | None], said: str, fix: str
) -> None:
    """On the first day, when no account is remembered, as on any other."""
    healthy(aws)
    aws.on("AssumeRole", query_error("AccessDenied", "not authorized to perform: sts:AssumeRole", status=403))
    for operation, code in answers.items():
        aws.on(operation, json_error(code) if code else json_reply({"OrganizationalUnits": []}))
    checks = examined(sessions_to(aws, organization=OrganizationAccess(**settings)))
    (failed,) = (one for one in checks if one.health is Health.FAILED)
    assert (failed.area, failed.subject) == (Area.DISCOVERY, "organization")
    assert said in failed.detail
    assert fix in failed.fix
    assert Area.CLOCK in {one.area for one in checks}


@pytest.mark.parametrize(
    ("denied", "listed", "source", "fix"),
    [
        ("GetPolicyVersion", (f"arn:aws:iam::{WEB}:role/x",), "roles", "iam:GetPolicyVersion"),
        ("", (f"arn:aws:iam::{WEB}:role/x", f"arn:aws:iam::{WEB}:role/y"), "roles", f"aws.accounts.{WEB}.role_arn"),
        ("", (f"arn:aws:iam::{DATA}:role/x", "*"), "statements", "deploy/iam/roles.json"),
    ],
    ids=["denied", "two roles", "a wildcard"],
)
def test_roles_that_are_not_told_are_mended_in_iam(
    aws: StubAws, denied: str, listed: tuple[str, ...], source: str, fix: str
) -> None:
    """With what is lacking, or with the account whose role nobody knows."""
    healthy(aws)
    attaching(aws, attached={"arn:aws:iam::1:policy/p": listing(*listed)})
    if denied:
        aws.on(denied, DENIED)
    checks = examined(sessions_to(aws, roles=RolesAccess()))
    (failed,) = (one for one in checks if one.health is Health.FAILED and one.subject != "accounts and regions")
    assert (failed.area, failed.subject) == (Area.DISCOVERY, source)
    assert fix in failed.fix
    assert [one.where for one in checks if one.area is Area.ACCOUNT] == ([DATA] if source == "statements" else [])


def test_who_is_no_role_is_told_to_be_one(aws: StubAws) -> None:
    """A user's keys may name a hub."""
    sessions = sessions_to(aws, roles=RolesAccess())
    arn = f"arn:aws:iam::{ACCOUNT}:user/ada"
    aws.on("GetCallerIdentity", query_xml("GetCallerIdentity", f"<Account>{ACCOUNT}</Account><Arn>{arn}</Arn>"))
    (failed,) = (one for one in examined(sessions) if one.health is Health.FAILED)
    assert (failed.subject, arn in failed.detail, "aws.role_arn" in failed.fix) == ("roles", True, True)


def test_credentials_that_are_over_at_once_are_the_clock_s_fault(aws: StubAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container whose clock is hours ahead never signs anything: only the knocking tells it what time it is."""
    healthy(aws)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.url}/credentials")
    ended = {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "Token": "t", "Expiration": "2026-01-01T00:00:00Z"}
    aws.on("GET", json_reply(ended))
    checks = examined(sessions_to(aws, now=lambda: datetime.now(UTC) + timedelta(hours=7)))
    failed = {one.area: one for one in checks if one.health is Health.FAILED}
    assert set(failed) == {Area.CREDENTIALS, Area.CLOCK}
    assert {one.fix for one in failed.values()} == {MEND_CLOCK}
    assert "over as soon as they are given" in failed[Area.CREDENTIALS].detail
    assert "420 minutes ahead" in failed[Area.CLOCK].detail


@pytest.mark.parametrize(
    ("behind", "health"), [(2, Health.OK), (45, Health.WARNING), (200, Health.WARNING), (280, Health.FAILED)]
)
def test_a_clock_is_told_before_aws_refuses_it(aws: StubAws, behind: int, health: Health) -> None:
    """Five minutes off, nothing would be answered any more."""
    healthy(aws)
    sessions = sessions_to(aws, now=lambda: datetime.now(UTC) - timedelta(seconds=behind))
    (clock,) = (one for one in examined(sessions, otherwise=()) if one.area is Area.CLOCK)
    assert (clock.health, clock.fix) == (health, "" if health is Health.OK else MEND_CLOCK)


def test_a_profile_that_does_not_exist_ends_the_examination(aws: StubAws) -> None:
    """With its name, as other credentials that are of no use."""
    (failed, clock) = examined(sessions_to(aws, profile="nobodys"))
    assert (failed.area, failed.health, clock.area) == (Area.CREDENTIALS, Health.FAILED, Area.CLOCK)
    assert "nobodys" in failed.detail


def test_where_the_clock_is_wrong_no_region_is_to_be_enabled(aws: StubAws) -> None:
    """STS took the signature just in time, and EC2 does not."""
    healthy(aws, WEB)
    sessions = sessions_to(aws, now=lambda: datetime.now(UTC) - timedelta(minutes=12))
    aws.on("DescribeInstances", error("RequestExpired", "Request has expired.", status=400))
    (failed,) = (one for one in examined(sessions) if one.subject == "ec2:DescribeInstances")
    assert (failed.health, failed.fix) == (Health.FAILED, MEND_CLOCK)
