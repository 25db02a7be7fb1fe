"""What must not be read in a log is not in it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from cloudwarden.telemetry.redaction import masked

KEY_ID = "AKIA" + "IOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
SESSION_TOKEN = "IQoJb3JpZ2luX2VjE" + "A1b2/C3+" * 40 + "=="


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "secret",
    [KEY_ID, SECRET_KEY, SESSION_TOKEN],
)
def test_what_looks_like_a_credential_is_masked(log_of: Callable[..., Any], form: str, secret: str) -> None:
    """Wherever it stands: in the message, in a field, deep in one, in a traceback."""
    log = log_of(form)
    logger = structlog.stdlib.get_logger("cloudwarden")
    message = f"got {secret}"
    logger.warning(message, detail=f"({secret})", deep={"list": [{"at": secret}]})
    logging.getLogger("botocore").warning("sent %s", secret)
    try:
        raise ValueError(secret)
    except ValueError:
        logger.exception("failed")
    assert secret not in log.getvalue()
    assert len(log.getvalue().splitlines()) >= 3


@pytest.mark.parametrize("name", ["password", "external_id", "SecretAccessKey", "session_token", "Authorization"])
def test_a_field_named_like_a_secret_is_masked(log_of: Callable[..., Any], name: str) -> None:
    """Its value need not look like one; the name may be of a field or deeper."""
    log = log_of()
    structlog.stdlib.get_logger("cloudwarden").info("seen", **{name: "plain"}, answer={name: "plain"})
    assert (log.lines[0][name], log.lines[0]["answer"]) == ("***", {name: "***"})


def test_a_secret_string_is_never_printed(log_of: Callable[..., Any]) -> None:
    """Under whatever name."""
    log = log_of()
    structlog.stdlib.get_logger("cloudwarden").info("seen", value=SecretStr("plain"), text=str(SecretStr("plain")))
    assert "plain" not in log.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://warden:hunter2@db/warden", "postgresql://warden:***@db/warden"),
        ("postgresql://warden:a/b?c@db/warden", "postgresql://warden:***@db/warden"),
        ("redis://:hun:ter@2@cache/0", "redis://:***@cache/0"),
        ("GET /?X-Amz-Signature=abc123&X-Amz-Date=1", "GET /?X-Amz-Signature=***&X-Amz-Date=1"),
        ("{'SecretAccessKey': 'abc'}", "{'SecretAccessKey': '***'}"),
        ("Authorization: Bearer abcdef", "Authorization: Bearer ***"),
        ("password=hunter2 retry", "password=*** retry"),
    ],
)
def test_a_secret_inside_a_text_is_masked_alone(text: str, shown: str) -> None:
    """What stands around it stays readable."""
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0",
        hashlib.sha1(b"commit", usedforsecurity=False).hexdigest(),
        "http://127.0.0.1:9464/metrics",
        "arn:aws:iam::111122223333:role/CloudwardenReaderInTheOrganization1",
        "policies/stop_idle_instances.py:12: params: Idle is not what the rule takes",
        "3f1c2b9e-7a53-4f0e-9d57-0c5e2f0a1b2c",
        "GetCallerIdentity: ExpiredToken: the credentials are over",
        "GetBucketAcl: InvalidToken: The provided token is malformed",
        "ListAccounts: IncompleteSignature: the request's signature is incomplete",
        "DescribeVolumes: MissingAuthenticationToken: Request is missing Authentication Token",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    """ARNs, digests, addresses and request ids are what a log is read for."""
    assert masked(text) == text


def test_a_long_text_is_masked_quickly() -> None:
    """No pattern backtracks over a text that a stranger may have made long."""
    assert masked("a/B1 " * 40_000 + "password" * 5_000).startswith("a/B1")
