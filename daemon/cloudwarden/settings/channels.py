"""The settings of the channels by which people are told."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from cloudwarden.settings.written import Table

REFERENCES = ("secretsmanager:", "ssm:")


def _url_or_reference(value: SecretStr) -> SecretStr:
    written = value.get_secret_value()
    if "://" not in written and not written.startswith(REFERENCES):
        raise ValueError(
            "write a URL of apprise, such as slack://... or mailtos://..., or where it is kept: "
            "secretsmanager:ARN#key or ssm:/path"
        )
    return value


class ChannelSettings(Table):
    """One way to people."""

    url: Annotated[SecretStr, AfterValidator(_url_or_reference)] = Field(
        description="URL as apprise writes it, secret, no default: which service, and its tokens. Or where it is kept: "
        "secretsmanager:ARN, with #key for one value of a secret that is JSON, or ssm:/path; it is read when it is "
        "needed, and again after five minutes.",
    )
