"""Which accounts and regions there are to look after, and how each is reached."""

from __future__ import annotations

from dataclasses import dataclass, field

from cloudwarden.core.acceptance import DiscoveryProblem

UNKNOWN_ACCOUNT = "unknown"
"""Labels the requests by which the account is found out."""

ENABLED = "enabled"
"""Written instead of a list of regions: all that the account has enabled."""

LONGEST_CHAINED_SECONDS = 3600
"""A role that was assumed by another role lasts an hour at most; see "Role chaining" of the IAM User Guide."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """One account. Without a role it is reached by the template, or, when it is the daemon's own, as it is.

    A role is the one that the settings name, or else the one that was found among those the daemon may assume.

    `named` says that the settings name it, so that nobody has to accept it. Empty `regions` are those of AwsAccess.
    `remembered` says that an earlier process found it, and that this one could not ask whether it is still to be found.
    """

    id: str
    name: str = ""
    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)
    regions: tuple[str, ...] = ()
    named: bool = True
    remembered: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedAccounts:
    """The accounts that a source tells of, and what it tells of others."""

    accounts: tuple[Account, ...]
    problems: tuple[DiscoveryProblem, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class OrganizationAccess:
    """Which accounts of the organization are looked after.

    `include` names roots and organizational units, all of the organization when empty; `exclude` these or accounts.
    It is asked as `role_arn`, in the management or a delegated administrator's account; without one, as the daemon.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class RolesAccess:
    """That the roles which the daemon's own may assume say which accounts are looked after, but for those excluded."""

    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AwsAccess:
    """How AWS is reached. Empty `regions` is the profile's or environment's own region.

    With `role_arn`, the daemon is that role: its account is looked after when no other is named, and it is from
    that role that the members' roles are assumed. `member_role` is a role's name, or an ARN with `{account}` in it.
    `attempts` counts the first one. `threads` ask at once which regions accounts have enabled, and a client has
    `max_connections` that it may keep. `session_seconds` is cut to an hour where roles are chained.
    """

    regions: tuple[str, ...] = ()
    regions_include: tuple[str, ...] = ()
    regions_exclude: tuple[str, ...] = ()
    profile: str | None = None
    endpoint_url: str | None = None
    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)
    accounts: tuple[Account, ...] = ()
    organization: OrganizationAccess | None = None
    roles: RolesAccess | None = None
    member_role: str = "cloudwarden-member"
    member_external_id: str | None = field(default=None, repr=False)
    session_name: str = "cloudwarden"
    session_policy: str | None = None
    session_seconds: int = LONGEST_CHAINED_SECONDS
    discovery_seconds: float = 3600.0
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 20.0
    attempts: int = 4
    threads: int = 16
    max_connections: int = 16
    max_clients: int = 256

    @property
    def excluded(self) -> frozenset[str]:
        """The ids of accounts that are not looked after, whoever tells of them, unless they are named."""
        asked = (self.organization, self.roles)
        return frozenset(id_ for one in asked if one is not None for id_ in one.exclude)


def account_of(role_arn: str) -> str | None:
    """The account in a role's ARN, such as `arn:aws:iam::123456789012:role/name`."""
    parts = role_arn.split(":")
    return parts[4] if len(parts) > 5 else None


def role_of(access: AwsAccess, account: Account, partition: str) -> str:
    """The ARN of the role by which an account is reached: its own, or the template's."""
    if account.role_arn is not None:
        return account.role_arn
    written = access.member_role.replace("{account}", account.id)
    return written if written.startswith("arn:") else f"arn:{partition}:iam::{account.id}:role/{written}"
