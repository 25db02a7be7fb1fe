"""What a person is told to do is what would help."""

from __future__ import annotations

import pytest

from cloudwarden.aws import remedies
from cloudwarden.core.acceptance import LEFT_OUT, DiscoveryProblem
from cloudwarden.core.errors import AccessDenied, CloudError, CredentialsExpired, RegionDisabled
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


def test_regions_that_cannot_be_told_for_being_off_say_so() -> None:
    """The region that was asked may be the one that is not enabled."""
    cause = Cause(reason=RegionDisabled.reason, detail="no")
    fix = remedies.for_discovery(DiscoveryProblem(source="regions", account=ACCOUNT, cause=cause))
    assert f"a region that {ACCOUNT} has enabled" in fix
