"""What STS answers when roles of many accounts are assumed; each access key names its account."""

from __future__ import annotations

import re

from stub_aws import ACCOUNT, Asked, Reply, query_xml


def signer(asked: Asked) -> str:
    """The access key that signed a request."""
    return str(re.findall(r"Credential=([^/]+)/", asked.headers["authorization"])[0])


def assumed(asked: Asked, *, key: str = "", expires: str = "2099-01-01T00:00:00Z") -> Reply:
    """Credentials of the role's account, whose access key names it."""
    account = asked.parameters["RoleArn"].split(":")[4]
    return query_xml(
        "AssumeRole",
        f"<Credentials><AccessKeyId>{key or f'ASIA{account}'}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        f"<SessionToken>of-{account}</SessionToken><Expiration>{expires}</Expiration></Credentials>"
        f"<AssumedRoleUser><Arn>arn:aws:sts::{account}:assumed-role/r/s</Arn><AssumedRoleId>x</AssumedRoleId>"
        "</AssumedRoleUser>",
    )


def identified(asked: Asked) -> Reply:
    """The account of whoever signed."""
    account = signer(asked).removeprefix("ASIA") if signer(asked).startswith("ASIA") else ACCOUNT
    return query_xml(
        "GetCallerIdentity", f"<Account>{account}</Account><Arn>arn:aws:sts::{account}:assumed-role/hub/s</Arn>"
    )
