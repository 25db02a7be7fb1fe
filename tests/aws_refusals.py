"""How AWS refuses: the answers of EC2, of the query services (STS) and of the JSON ones (CloudWatch), as documented.

Sources: "Error codes for the Amazon EC2 API", "Common Errors" of the AWS STS and Amazon CloudWatch API references.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

SKEW = timedelta(minutes=20)
"""How far AWS's clock is ahead in an answer that speaks of a wrong clock."""

_XML = "text/xml;charset=UTF-8"
_EC2 = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message>'
    "</Error></Errors><RequestID>11111111-2222-3333-4444-555555555555</RequestID></Response>"
)
_QUERY = (
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>{side}</Type><Code>{code}</Code>'
    "<Message>{message}</Message></Error><RequestId>11111111-2222-3333-4444-555555555555</RequestId></ErrorResponse>"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What goes back over the wire."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class _Refusal:
    """One kind of refusal: status and code, as each of the three families of services has them."""

    ec2: tuple[int, str]
    query: tuple[int, str]
    json: tuple[int, str]
    message: str
    ec2_message: str = ""


_REFUSALS = {
    "throttled": _Refusal(
        ec2=(503, "RequestLimitExceeded"),
        query=(400, "Throttling"),
        json=(400, "ThrottlingException"),
        message="Rate exceeded",
    ),
    "fails": _Refusal(
        ec2=(500, "InternalError"),
        query=(500, "InternalFailure"),
        json=(500, "InternalServiceFault"),
        message="An internal error has occurred",
    ),
    "unavailable": _Refusal(
        ec2=(503, "Unavailable"),
        query=(503, "ServiceUnavailable"),
        json=(503, "ServiceUnavailable"),
        message="The server is overloaded and can't handle the request.",
    ),
    "denied": _Refusal(
        ec2=(403, "UnauthorizedOperation"),
        query=(403, "AccessDenied"),
        json=(400, "AccessDeniedException"),
        message="You are not authorized to perform this operation. Encoded authorization failure message: "
        + "pTf4k" * 30,
    ),
    "expired": _Refusal(
        ec2=(400, "RequestExpired"),
        query=(403, "ExpiredToken"),
        json=(400, "ExpiredTokenException"),
        message="The security token included in the request is expired",
        ec2_message="Request has expired.",
    ),
    "skewed": _Refusal(
        ec2=(401, "AuthFailure"),
        query=(403, "SignatureDoesNotMatch"),
        json=(400, "InvalidSignatureException"),
        message="Signature expired: the time of the request is now earlier than that of this service",
        ec2_message="AWS was not able to validate the provided access credentials",
    ),
}

REFUSALS = frozenset(_REFUSALS)


def refusal(kind: str, service: str) -> Answer:
    """The answer by which a service refuses; none of them did anything."""
    refused = _REFUSALS[kind]
    skew = SKEW if kind == "skewed" else timedelta(0)
    date = ("Date", format_datetime(datetime.now(UTC) + skew, usegmt=True))
    if service == "ec2":
        status, code = refused.ec2
        body = _EC2.format(code=code, message=refused.ec2_message or refused.message)
        return Answer(status=status, headers=(date, ("Content-Type", _XML)), body=body.encode())
    if service == "json":
        status, code = refused.json
        text = json.dumps({"__type": f"com.amazonaws.cloudwatch#{code}", "message": refused.message})
        return Answer(status=status, headers=(date, ("Content-Type", "application/x-amz-json-1.0")), body=text.encode())
    status, code = refused.query
    side = "Receiver" if status >= 500 else "Sender"
    body = _QUERY.format(side=side, code=code, message=refused.message)
    return Answer(status=status, headers=(date, ("Content-Type", _XML)), body=body.encode())
