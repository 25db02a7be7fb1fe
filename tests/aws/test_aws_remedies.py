"""What a person is told to do is what would help."""

from __future__ import annotations

import pytest

from cloudwarden.aws import remedies
from cloudwarden.core.acceptance import LEFT_OUT, DiscoveryProblem
from cloudwarden.core.errors import AccessDenied, CloudError, CredentialsExpired, InvalidRequest, RegionDisabled
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.core.verdict import Cause

ACCOUNT, OWN = "111111111111", "arn:aws:iam::222222222222:role/hub"
OFF = (RegionDisabled("RegionDisabledException"), CredentialsExpired("no", code="InvalidClientTokenId"))


@pytest.mark.parametrize("error", OFF, ids=lambda error: error.reason)
def test_where_the_region_is_not_enabled_the_trust_is_not_to_be_mended(error: CloudError) -> None:
    """Another region is to be named, or this one enabled; the daemon's own credentials may be wrong as well."""
    fix = remedies.for_account(error, ACCOUNT, OWN)
    assert (f"aws.accounts.{ACCOUNT}.regions" in fix, "member-trust.json" in fix) == (True, False)
    assert "aws.regions" in remedies.for_credentials(error)


@pytest.mark.parametrize("error", [AccessDenied("no"), CredentialsExpired("no", code="ExpiredToken")])
def test_a_role_that_may_not_be_assumed_is_to_trust_the_daemon(error: CloudError) -> None:
    """The policy names who asks."""
    fix = remedies.for_account(error, ACCOUNT, OWN)
    assert (OWN in fix, "member-trust.json" in fix) == (True, True)


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (AccessDenied("AssumeRoleWithWebIdentity: AccessDenied: no"), "AWS_ROLE_ARN"),
        (CredentialsExpired("AssumeRoleWithWebIdentity: InvalidIdentityToken: no"), "OIDC provider"),
        (AccessDenied("GetRoleCredentials: ForbiddenException: No access"), "sso_role_name"),
        (AccessDenied("AssumeRole: AccessDenied: no"), "aws.external_id"),
        (CredentialsExpired("GetCallerIdentity: InvalidClientTokenId: no", code="InvalidClientTokenId"), "new cred"),
    ],
)
def test_each_source_of_the_first_credentials_is_mended_where_it_is(error: CloudError, fix: str) -> None:
    """A pod's role is no role that the settings name, and single sign-on assigns its own."""
    assert fix in remedies.for_credentials(error)


@pytest.mark.parametrize(
    ("code", "message", "fix"),
    [
        ("PackedPolicyTooLarge", "Packed policy consumes 104% of allotted space", "aws.session_policy"),
        ("MalformedPolicyDocument", "Syntax errors in policy", "aws.session_policy"),
        (
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            "aws.session_duration",
        ),
    ],
)
def test_how_a_role_is_assumed_is_mended_in_the_settings(code: str, message: str, fix: str) -> None:
    """Trust is not at fault where AWS would give a shorter session, or one with a shorter policy."""
    error = InvalidRequest(f"AssumeRole: {code}: {message}", code=code)
    assert fix in remedies.for_account(error, ACCOUNT, OWN)
    assert fix in remedies.for_credentials(error)


def test_what_an_scp_denies_is_not_mended_by_trust() -> None:
    """AWS says so, and whoever keeps the organization's policies is another person."""
    words = "not authorized to perform: sts:AssumeRole with an explicit deny in a service control policy"
    fix = remedies.for_account(AccessDenied(f"AssumeRole: AccessDenied: {words}"), ACCOUNT, OWN)
    assert ("SCP" in fix, "member-trust.json" in fix) == (True, False)


@pytest.mark.parametrize("reason", [RegionDisabled.reason, CredentialsExpired.reason])
def test_what_one_region_does_not_know_is_to_be_enabled_there(reason: str) -> None:
    """STS knows the credentials; of what is global, no region is at fault."""
    assert "enable eu-south-1" in remedies.for_permission(reason, "x", Scope(account=ACCOUNT, region="eu-south-1"))
    assert "enable" not in remedies.for_permission(
        CredentialsExpired.reason, "x", Scope(account=ACCOUNT, region=GLOBAL)
    )


def test_an_account_that_the_settings_leave_no_region_names_them() -> None:
    """Nothing of AWS is to be mended."""
    cause = Cause(reason="no-region", detail="no")
    fix = remedies.for_discovery(DiscoveryProblem(source=LEFT_OUT, account=ACCOUNT, cause=cause))
    assert f"aws.accounts.{ACCOUNT}.regions" in fix


@pytest.mark.parametrize(
    ("reason", "fix"), [("not-found", "try again"), ("throttled", "later"), ("timeout", "endpoint")]
)
def test_roles_that_cannot_be_read_for_now_are_read_later(reason: str, fix: str) -> None:
    """Nothing of the policies is to be mended."""
    problem = DiscoveryProblem(source="roles", cause=Cause(reason=reason, detail="no"))
    assert fix in remedies.for_discovery(problem)


def test_regions_that_cannot_be_told_for_being_off_say_so() -> None:
    """The region that was asked may be the one that is not enabled."""
    cause = Cause(reason=RegionDisabled.reason, detail="no")
    fix = remedies.for_discovery(DiscoveryProblem(source="regions", account=ACCOUNT, cause=cause))
    assert f"a region that {ACCOUNT} has enabled" in fix
