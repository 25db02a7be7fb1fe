"""What to do about an error of AWS, for a person."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.session import Session

from cloudwarden.aws.access.discovery import ORGANIZATION
from cloudwarden.aws.access.roles import PERMISSIONS, ROLES
from cloudwarden.aws.access.sts import not_known_here
from cloudwarden.aws.refusals import MEND_CLOCK
from cloudwarden.core.acceptance import LEFT_OUT, STATEMENTS, DiscoveryProblem
from cloudwarden.core.errors import (
    AccessDenied,
    CloudError,
    CredentialsExpired,
    InvalidRequest,
    NotFound,
    RegionDisabled,
    Throttled,
    Timeout,
    Unavailable,
)
from cloudwarden.core.nearest import nearest
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.core.verdict import Cause

WAY = (
    "check the way to the endpoint: DNS, proxy, security groups, VPC endpoints, aws.endpoint_url; AWS's own state is "
    "on health.aws.amazon.com"
)
_LATER = "AWS asks for fewer requests: try again later, and see who else uses this API in the account"

_SCP = "service control policy"
"""How AWS's own words name what denies, where that is so."""

TRUST = "have the authority of a proxy that looks into TLS trusted: AWS_CA_BUNDLE, or ca_bundle in the profile"
PROXY = "see HTTPS_PROXY and NO_PROXY of this process, and whether the proxy allows the name"

_SOURCES: Mapping[str, str] = {
    "AssumeRoleWithWebIdentity": "let the trust policy of the role (AWS_ROLE_ARN, or the profile's) name the token's "
    "issuer, audience and subject, such as the cluster's OIDC provider and the service account; and have the token's "
    "file renewed",
    "GetRoleCredentials": "have the profile's sso_account_id and sso_role_name assigned to whoever ran `aws sso login`",
}
"""By the operation by which the SDK's chain gets its credentials: what to do when it is refused."""


def for_endpoint(region: str, cause: str) -> str:
    """What to do when an endpoint's name does not resolve, or nothing answers there."""
    regions = Session().get_available_regions("ec2")
    if "resolve" not in cause or region in regions:
        return WAY
    near = nearest(region, regions)
    hint = f": did you mean {near}?" if near else ""
    return f"this version of the SDK knows no region {region!r}{hint} It comes from aws.regions or the profile"


def for_credentials(error: CloudError) -> str:
    """What to do when the daemon's own credentials are of no use."""
    if MEND_CLOCK in str(error):
        return MEND_CLOCK
    for operation, fix in _SOURCES.items():
        if str(error).startswith(f"{operation}:") and isinstance(error, AccessDenied | CredentialsExpired):
            return fix
    if isinstance(error, RegionDisabled):
        return "name a region first (aws.regions) that the daemon's own account has enabled, and STS in it"
    if not_known_here(error):
        return (
            "give the daemon new credentials; where these are good, name a region first (aws.regions) that their "
            "account has enabled, and STS in it"
        )
    if isinstance(error, AccessDenied):
        return (
            "let the role (aws.role_arn, or the profile's) be assumed by the credentials that the daemon has, with "
            "aws.external_id"
        )
    if isinstance(error, CredentialsExpired):
        return "give it credentials: a role of the machine or container, `aws sso login` and aws.profile, or keys"
    return _for_session(error) or for_reason(error.reason)


def _for_session(error: CloudError) -> str:
    """What to do when AWS would let the role be assumed, but not so; empty when it is something else."""
    if error.code in ("PackedPolicyTooLarge", "MalformedPolicyDocument"):
        return "write a shorter, valid aws.session_policy: AWS packs it, and says how much of the room it takes"
    if error.code == "ValidationError" and "DurationSeconds" in str(error):
        return "lower aws.session_duration, or raise the role's maximum session duration"
    return ""


def for_account(error: CloudError, account: str, own: str) -> str:
    """What to do when an account's role cannot be assumed by the daemon, whose own role or user is given."""
    if not_known_here(error):
        return (
            f"the role's trust is not at fault: name a region (aws.accounts.{account}.regions, or aws.regions) that "
            f"{account} has enabled, and STS in it, or enable there one of those that were asked"
        )
    if _SCP in str(error):
        return f"an SCP denies it, and no trust policy helps: have it let {own} assume the role in {account}"
    if isinstance(error, AccessDenied | CredentialsExpired):
        return (
            f"make the role in {account}, let its trust policy name {own} and the external id that the settings hold "
            "(deploy/iam/member-trust.json), and allow sts:AssumeRole on it (deploy/iam/hub.json)"
        )
    return _for_session(error) or for_reason(error.reason)


def for_discovery(problem: DiscoveryProblem) -> str:
    """What to do when accounts or regions cannot be told, or an account is left without a region."""
    if problem.source == LEFT_OUT:
        return (
            f"see aws.regions, aws.regions_include, aws.regions_exclude and aws.accounts.{problem.account}.regions; or "
            "have the settings leave the account out"
        )
    if problem.source == ORGANIZATION:
        return _for_organization(problem.cause)
    if problem.source == STATEMENTS:
        return (
            "allow sts:AssumeRole on roles whose account is written out, as in deploy/iam/roles.json, and let no other "
            "statement of the daemon's role be about it"
        )
    if problem.source == ROLES:
        return _for_roles(problem)
    if problem.cause.reason == AccessDenied.reason:
        return (
            f"see the account's own line; its role needs ec2:DescribeRegions in {problem.account}, and no SCP above it "
            "may deny that"
        )
    if problem.cause.reason in (RegionDisabled.reason, CredentialsExpired.reason) and problem.account:
        return f"see the account's own line; where that is fine, name first a region that {problem.account} has enabled"
    return for_reason(problem.cause.reason)


def _for_organization(cause: Cause) -> str:
    """What to do when the organization does not tell its accounts."""
    if cause.reason == AccessDenied.reason and cause.detail.startswith("AssumeRole"):
        return (
            "let the trust policy of aws.organization.role_arn name the daemon and aws.organization.external_id, and "
            "allow sts:AssumeRole on it (deploy/iam/hub.json)"
        )
    if cause.reason == AccessDenied.reason:
        return (
            "allow organizations:List* (deploy/iam/hub.json) and ask from the management or a delegated "
            "administrator's account: aws.organization.role_arn"
        )
    if cause.reason == NotFound.reason:
        return "correct aws.organization.include or exclude, which names what is no root or unit of this organization"
    if cause.reason == InvalidRequest.reason:
        return "ask as a role in an account of the organization (aws.organization.role_arn), or name aws.accounts"
    return for_reason(cause.reason)


def _for_roles(problem: DiscoveryProblem) -> str:
    """What to do when the daemon's own role does not tell which roles it may assume, or which one in an account."""
    if problem.account:
        return (
            f"let the policies of the daemon's role list one role of {problem.account}, or aws.member_role's; or write "
            f"aws.accounts.{problem.account}.role_arn, or leave it out with aws.roles.exclude"
        )
    if problem.cause.reason == AccessDenied.reason:
        return f"allow the daemon's role {', '.join(PERMISSIONS)} on itself and its policies (deploy/iam/roles.json)"
    if problem.cause.reason == InvalidRequest.reason:
        return "run the daemon as a role, or name one that it assumes first (aws.role_arn); or name aws.accounts"
    if problem.cause.reason == NotFound.reason:
        return "a policy went while it was read: try again"
    return for_reason(problem.cause.reason)


def for_permission(reason: str, permission: str, scope: Scope, *, detail: str = "", acting: bool = False) -> str:
    """What to do when a permission is missing in a scope, or could not be tried there, by what the error says."""
    if MEND_CLOCK in detail:
        return MEND_CLOCK
    if reason == AccessDenied.reason:
        file = "act.json" if acting else "read.json"
        return f"allow {permission} to the role in {scope.account} (deploy/iam/{file}), and see the SCPs above it"
    enable = f"enable {scope.region} in account {scope.account}, or name it in aws.regions_exclude"
    if reason == RegionDisabled.reason:
        return enable
    if reason == CredentialsExpired.reason and scope.region != GLOBAL:
        # STS knows the account's credentials, or nothing would be tried: most services say so of a disabled region.
        return f"{enable}; where it is enabled, see the clock's line"
    return for_reason(reason)


def for_reason(reason: str) -> str:
    """What to do about an error whatever was asked; empty when only its detail helps."""
    if reason in (Timeout.reason, Unavailable.reason):
        return WAY
    if reason == Throttled.reason:
        return _LATER
    if reason == CredentialsExpired.reason:
        return "see the clock's line; else give the daemon new credentials"
    return ""
