"""From the settings to how AWS is reached."""

from __future__ import annotations

from pydantic import SecretStr

from cloudwarden.aws.access.account import Account, AwsAccess, OrganizationAccess, RolesAccess
from cloudwarden.aws.details import THREADS
from cloudwarden.settings import AccountSettings, AwsSettings, OrganizationSettings


def access_of(aws: AwsSettings, *, threads: int) -> AwsAccess:
    """How AWS is reached by so many threads, secrets laid open."""
    return AwsAccess(
        regions=aws.regions,
        regions_include=aws.regions_include,
        regions_exclude=aws.regions_exclude,
        profile=aws.profile,
        endpoint_url=aws.endpoint_url,
        role_arn=aws.role_arn,
        external_id=_open(aws.external_id),
        accounts=tuple(_account(id_, account) for id_, account in sorted(aws.accounts.items())),
        organization=_organization(aws.organization),
        roles=RolesAccess(exclude=aws.roles.exclude) if aws.roles.discover else None,
        member_role=aws.member_role,
        member_external_id=_open(aws.member_external_id),
        session_name=aws.session_name,
        session_policy=aws.session_policy,
        session_seconds=int(aws.session_duration.total_seconds()),
        discovery_seconds=aws.discovery_every.total_seconds(),
        connect_timeout_seconds=aws.connect_timeout_seconds,
        read_timeout_seconds=aws.read_timeout_seconds,
        attempts=aws.attempts,
        threads=threads,
        # A scope's details are asked in threads of their own: a connection that finds no place is made anew each time.
        max_connections=threads * THREADS,
        max_clients=aws.max_clients,
    )


def _account(id_: str, account: AccountSettings) -> Account:
    return Account(
        id=id_,
        name=account.name,
        role_arn=account.role_arn,
        external_id=_open(account.external_id),
        regions=account.regions,
    )


def _organization(organization: OrganizationSettings) -> OrganizationAccess | None:
    if not organization.discover:
        return None
    return OrganizationAccess(
        include=organization.include,
        exclude=organization.exclude,
        role_arn=organization.role_arn,
        external_id=_open(organization.external_id),
    )


def _open(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
