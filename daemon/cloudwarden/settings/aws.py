"""The settings of how AWS is reached."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from cloudwarden.core.resource import GLOBAL
from cloudwarden.settings.written import Duration, Table, Words

_ACCOUNT = re.compile(r"\d{12}")
_ROLE = re.compile(r"arn:[a-z-]+:iam::(\d{12}|\{account\}):role/\S+")
_ROLE_NAME = re.compile(r"[\w+=,.@/-]+")
_UNIT = re.compile(r"r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("write a URL that begins with http:// or https://")
    return value


def _role_arn(value: str) -> str:
    if not _ROLE.fullmatch(value) or "{account}" in value:
        raise ValueError('write the ARN of a role, such as "arn:aws:iam::123456789012:role/cloudwarden-member"')
    return value


def _member_role(value: str) -> str:
    if value.startswith("arn:"):
        if not _ROLE.fullmatch(value) or "{account}" not in value:
            raise ValueError('write {account} in place of the account, as in "arn:aws:iam::{account}:role/audit"')
    elif not _ROLE_NAME.fullmatch(value):
        raise ValueError('write the name of a role, with its path if it has one, such as "cloudwarden-member"')
    return value


def _units(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _UNIT.fullmatch(value):
            raise ValueError(f'{value!r} is no root or organizational unit; write such as "ou-ab12-11111111"')
    return values


def _units_or_accounts(values: tuple[str, ...]) -> tuple[str, ...]:
    _units(tuple(value for value in values if not _ACCOUNT.fullmatch(value)))
    return values


def _accounts(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _ACCOUNT.fullmatch(value):
            raise ValueError(f"{value!r} is no account id; write its 12 digits")
    return values


def _session_name(value: str) -> str:
    if not _SESSION_NAME.fullmatch(value):
        raise ValueError("write 2 to 64 letters, digits and any of _+=,.@-")
    return value


def _json_object(value: str) -> str:
    try:
        policy = json.loads(value)
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}; write an IAM policy document") from None
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise ValueError("write an IAM policy document: an object with a Statement")
    if len(value) > 2048:
        raise ValueError(f"is {len(value)} characters long; AWS takes 2048: write a shorter policy")
    return value


def _regions(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if value == GLOBAL or value.endswith(f"-{GLOBAL}"):
            raise ValueError(
                f"{value!r} is no region: what is global is looked after with its account; write regions, such as "
                '"eu-west-1", or "enabled"'
            )
    return values


Regions = Annotated[Words, AfterValidator(_regions)]
RoleArn = Annotated[str, AfterValidator(_role_arn)]


class AccountSettings(Table):
    """One account that is looked after, by its id."""

    name: str = Field(default="", description="text, default none: what people call the account, for lists.")
    role_arn: RoleArn | None = Field(
        default=None,
        description="ARN of a role, default none: the role that aws.roles found, else what aws.member_role makes of "
        "the account's id, and none at all in the daemon's own account.",
    )
    external_id: SecretStr | None = Field(
        default=None,
        description="text, secret, default none: aws.member_external_id, unless this account's role asks for another.",
    )
    regions: Regions = Field(
        default=(),
        description="names of regions, default none, which means those of aws.regions: for an account that is "
        'elsewhere. "enabled" means all that the account has enabled.',
    )
    contact: str | None = Field(
        default=None,
        description="name of an owner or a channel, default none, which means the mail address of the account's "
        "operations contact in AWS: whom policies tell that notify the account's contact.",
    )


class OrganizationSettings(Table):
    """Which accounts of the organization are looked after."""

    discover: bool = Field(
        default=False,
        description="true or false, default False: asking AWS Organizations for accounts takes rights that only the "
        "management and delegated administrator accounts have.",
    )
    include: Annotated[Words, AfterValidator(_units)] = Field(
        default=(),
        description="ids of roots and organizational units, default none, which means the whole organization: whatever "
        "is below them is included.",
    )
    exclude: Annotated[Words, AfterValidator(_units_or_accounts)] = Field(
        default=(),
        description="ids of organizational units and accounts, default none: what is left out, however it is included, "
        "and accounts also when their roles are discovered.",
    )
    role_arn: RoleArn | None = Field(
        default=None,
        description="ARN of a role, default none: a role in the management or a delegated administrator's account, "
        "where the daemon's own is neither.",
    )
    external_id: SecretStr | None = Field(
        default=None, description="text, secret, default none: what that role's trust policy asks for."
    )


class RolesSettings(Table):
    """Which accounts of the roles that the daemon's own role may assume are looked after."""

    discover: bool = Field(
        default=False,
        description="true or false, default False: reading the IAM policies of the daemon's own role for the roles "
        "that it may assume, with each account written out, takes rights to do so, and none on AWS Organizations.",
    )
    exclude: Annotated[Words, AfterValidator(_accounts)] = Field(
        default=(),
        description="ids of accounts, default none: what is left out, also when it is discovered in the organization.",
    )


class AwsSettings(Table):
    """How AWS is reached."""

    regions: Regions = Field(
        default=(),
        description="names of regions, default none, which means the session's own: nothing is done in a region that "
        'nobody named. "enabled" means all that each account has enabled. Buckets are listed wherever they are, and '
        "those whose own region is not accepted only observed. STS is asked first in the first of them that every "
        "account has enabled. In the environment, joined by commas.",
    )
    regions_include: Words = Field(
        default=(),
        description="patterns of region names, default none, which means every one: such as eu-*, for use with "
        '"enabled".',
    )
    regions_exclude: Words = Field(
        default=(),
        description="patterns of region names, default none: what is left out, however it is included. Nothing more is "
        "done there, not even what was approved or begun, once the daemon was started again.",
    )
    profile: str | None = Field(
        default=None,
        description="name of a profile of the AWS configuration files, default none: the default chain, which ends "
        "with the machine's own role, suits a daemon best.",
    )
    endpoint_url: Annotated[str, AfterValidator(_http_url)] | None = Field(
        default=None,
        description="URL, default none, which means AWS: for an AWS-compatible server or a VPC endpoint.",
    )
    role_arn: RoleArn | None = Field(
        default=None,
        description="ARN of a role to assume, default none: set it when the daemon's own identity only has the right "
        "to assume another. With many accounts it is the hub, from which the members' roles are assumed.",
    )
    external_id: SecretStr | None = Field(
        default=None,
        description="text, secret, default none: what the role's trust policy asks for, so that nobody else's "
        "daemon can be talked into assuming it.",
    )
    accounts: dict[str, AccountSettings] = Field(
        default_factory=dict,
        description="tables by account id, default none, which means the daemon's own account: the accounts that are "
        "looked after, besides those that are discovered.",
    )
    organization: OrganizationSettings = Field(
        default_factory=OrganizationSettings,
        description="table, default as below: which accounts of the organization are looked after.",
    )
    roles: RolesSettings = Field(
        default_factory=RolesSettings,
        description="table, default as below: which accounts of the roles that the daemon may assume are looked after.",
    )
    member_role: Annotated[str, AfterValidator(_member_role)] = Field(
        default="cloudwarden-member",
        description="name of a role, or ARN with {account} in it, default cloudwarden-member: what is assumed in each "
        "account that names no role of its own, and of which aws.roles found none, so that a thousand accounts need "
        "one line.",
    )
    member_external_id: SecretStr | None = Field(
        default=None,
        description="text, secret, default none: what the trust policies of the members' roles ask for.",
    )
    session_name: Annotated[str, AfterValidator(_session_name)] = Field(
        default="cloudwarden",
        description="text, default cloudwarden: names the daemon's sessions in every account's CloudTrail.",
    )
    session_policy: Annotated[str, AfterValidator(_json_object)] | None = Field(
        default=None,
        description="IAM policy as JSON, default none: cuts what the assumed roles may do down to this, whatever they "
        "are allowed; a hub role that only assumes others is not cut.",
    )
    session_duration: Duration = Field(
        default=timedelta(hours=1),
        ge=timedelta(minutes=15),
        le=timedelta(hours=12),
        description="duration, default 1h: how long an assumed role's credentials last before they are renewed; AWS "
        "allows no more than 1h where one role assumes another, so then a longer one is cut to that.",
    )
    discovery_every: Duration = Field(
        default=timedelta(hours=1),
        ge=timedelta(minutes=1),
        description="duration, default 1h: how old the lists of accounts and enabled regions may be; they rarely "
        "change, and every account is asked.",
    )
    accept_first: bool = Field(
        default=False,
        description="true or false, default False: what the very first discovery of an installation finds is only "
        "observed until accepted, as is all that it finds later; true accepts the first lot.",
    )
    max_clients: int = Field(
        default=256,
        ge=8,
        description="clients, default 256: one per service and region, some MB each, shared by all accounts; beyond "
        "this the one that was used least recently is dropped.",
    )
    connect_timeout_seconds: float = Field(
        default=5.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds, default 5.0: a connection inside AWS takes milliseconds; botocore's own 60 would hold a "
        "thread for a minute on a blackholed endpoint.",
    )
    read_timeout_seconds: float = Field(
        default=20.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds, default 20.0: the slowest page of 1,000 resources takes a few; a longer silence means no "
        "answer. An answer that drips has three times as long in all.",
    )
    attempts: int = Field(
        default=4,
        ge=1,
        le=20,
        description="tries per request, the first included, default 4: waits out a throttle of some seconds; a longer "
        "one makes verdicts unknown, which the next sweep mends.",
    )

    @model_validator(mode="after")
    def _accounts_and_their_roles(self) -> Self:
        for id_, account in self.accounts.items():
            if not _ACCOUNT.fullmatch(id_):
                raise ValueError(f"accounts.{id_}: is no account id; write its 12 digits")
            if account.role_arn is not None and f":{id_}:" not in account.role_arn:
                raise ValueError(f"accounts.{id_}.role_arn: is another account's role; write one of account {id_}")
        return self
