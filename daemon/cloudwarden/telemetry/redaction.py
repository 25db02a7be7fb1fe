"""Masks what must not be read in a log: secrets by the name they go by, and by their looks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import SecretBytes, SecretStr
from structlog.typing import EventDict, WrappedLogger

MASK = "***"

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)|secret|token|credential|authorization|cookie|signature"
    r"|(api|access|private|signing)[_-]?key|external[_-]?id",
    re.IGNORECASE,
)

_DEEPEST = 8
"""Nesting beyond which a value is not looked into, and so not shown: no log of ours comes near."""

_LOOKS: tuple[tuple[re.Pattern[str], str], ...] = (
    # https://user:password@host, and a database's address.
    (re.compile(r"(?<=://)([^\s:/?#@]{0,100}):[^\s\"'<>]{1,500}@"), rf"\1:{MASK}@"),
    # Authorization: Bearer abc; also what botocore prints of a signed request.
    (re.compile(r"\b(Bearer|Basic|AWS4-HMAC-SHA256)\s+[^\"'}\n]{4,}", re.IGNORECASE), rf"\1 {MASK}"),
    # password=abc, "SecretAccessKey": "abc", X-Amz-Signature=abc; but after a code such as ExpiredToken comes text.
    (
        re.compile(
            r"""((?:pass(?:word|wd|phrase)|secret(?:[_-]?access)?[_-]?key|secret"""
            r"""|(?<!Expired)(?<!Invalid)(?<!Authentication)token|(?<!Incomplete)signature"""
            r"""|(?:api|private|signing)[_-]?key|external[_-]?id|x-amz-credential)["']?\s{0,4}[:=]\s{0,4}["']?)"""
            r"""[^\s"',;&}\])]{2,}""",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    # Access key ids, of people and of sessions.
    (re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{12,}\b"), rf"\1{MASK}"),
    # A session token: hundreds of characters of base64.
    (re.compile(r"[A-Za-z0-9/+]{100,}={0,2}"), MASK),
    # A secret access key: forty characters of base64 with capitals, small letters and digits, unlike a digest. What
    # follows an account's id is the rest of an ARN.
    (
        re.compile(
            r"(?<![A-Za-z0-9/+=_.-])(?<!\d{12}:)(?=[A-Za-z0-9/+]{0,39}[A-Z])(?=[A-Za-z0-9/+]{0,39}[a-z])"
            r"(?=[A-Za-z0-9/+]{0,39}[0-9])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_.-])"
        ),
        MASK,
    ),
)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The structlog processor; it comes last before rendering, when exceptions are text already."""
    return {name: _clean(name, value, 0) for name, value in event.items()}


def masked(text: str) -> str:
    """The text without what looks like a secret."""
    for pattern, replacement in _LOOKS:
        text = pattern.sub(replacement, text)
    return text


def _clean(name: str, value: object, depth: int) -> object:
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, SecretStr | SecretBytes) or _SECRET_NAME.search(name) or depth > _DEEPEST:
        return MASK
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {masked(str(key)): _clean(str(key), inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(name, inner, depth + 1) for inner in value]
    return masked(str(value))
