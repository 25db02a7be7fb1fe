"""What AWS refuses because of who signed, or when: its code alone does not tell.

EC2 has one code for a session that is over and for a wrong clock (RequestExpired), and one for a wrong clock, for keys
that were deleted and for a region that is not enabled (AuthFailure). The other services do not know, in a region that
is not enabled, credentials that are good elsewhere. What tells them apart is how far this machine's clock is from
the Date of the answer, and whether STS still knows the credentials. Whoever hears an answer writes both into its error.

Sources: "Error codes for the Amazon EC2 API", "Error responses" of the Amazon S3 API Reference, "Common Errors" of the
other services' API references, "Managing AWS STS in an AWS Region" of the IAM User Guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SKEW = "ClockSkewSeconds"
"""Where an answer's error keeps how far this machine's clock is ahead of AWS's; negative when it is behind."""

VOUCHED = "CredentialsVouchedFor"
"""Where an answer's error keeps that STS knows the very credentials that it refuses."""

SKEWED_SECONDS = 60
"""AWS allows five minutes; a signature that is refused within one was refused for another reason."""

MEND_CLOCK = "let a time service set it (timedatectl set-ntp true, or chronyc makestep)"

_CLOCK = "the request's time is not AWS's: is this machine's clock right?"
_OVER = "the credentials are over: an assumed role's are renewed by themselves, others must be given anew"
_WRONG = f"the signature is wrong: the secret key is not this access key's, or {_CLOCK}"
_INCOMPLETE = "the request's signature is incomplete"
_STRANGE = (
    "AWS does not know these credentials here: they were deleted or switched off, the account has not enabled the "
    f"region, or {_CLOCK}"
)
_DISABLED = "credentials that STS knows are not known here: the account has not enabled this region"

AUTH_FAILURE = "AuthFailure"
"""EC2 also answers so for what is not yours; its message tells."""

_VALIDATE = "validate the provided access credentials"

_UNKNOWN = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "InvalidToken"})
"""STS and the query services; the JSON services; S3, of a key and of a session."""

_ENDED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"})
"""The query services and S3; the JSON services; S3 again; EC2."""

_WORDS: Mapping[str, str] = {
    "RequestTimeTooSkewed": _CLOCK,
    "RequestInTheFuture": _CLOCK,
    "RequestExpired": _OVER,
    "ExpiredToken": _OVER,
    "ExpiredTokenException": _OVER,
    # AWS's own text for these quotes the signed headers, and with them the session token.
    "SignatureDoesNotMatch": _WRONG,
    "InvalidSignatureException": _WRONG,
    "IncompleteSignature": _INCOMPLETE,
    "IncompleteSignatureException": _INCOMPLETE,
}

_SKEW_SHOWS = frozenset(_WORDS) - {"IncompleteSignature", "IncompleteSignatureException"} | {AUTH_FAILURE}
"""What AWS may say when the clock is wrong."""


def is_unknown(error: Mapping[str, Any]) -> bool:
    """Whether a refusal is about credentials that are not known where they were used."""
    return error.get("Code") in _UNKNOWN or _is_unvalidated(error)


def is_over(error: Mapping[str, Any]) -> bool:
    """Whether a refusal says that the credentials have ended. RequestExpired does so unless the clock is wrong."""
    return error.get("Code") in _ENDED and not (error.get("Code") == "RequestExpired" and is_skewed(error))


def is_skewed(error: Mapping[str, Any]) -> bool:
    """Whether a refusal is one that a wrong clock brings, and the clock is wrong."""
    shows = error.get("Code") in _SKEW_SHOWS and (error.get("Code") != AUTH_FAILURE or _is_unvalidated(error))
    return shows and abs(error.get(SKEW, 0.0)) >= SKEWED_SECONDS


def is_disabled(error: Mapping[str, Any]) -> bool:
    """Whether a refusal says that the account has not enabled the region: STS knows what is not known here."""
    return VOUCHED in error and is_unknown(error) and not is_skewed(error)


def own_words(error: Mapping[str, Any]) -> str | None:
    """What to say instead of AWS's message; None when that is better."""
    if is_skewed(error):
        return f"{skewed(error[SKEW])}: AWS refuses what it signs; {MEND_CLOCK}"
    if is_disabled(error):
        return _DISABLED
    if error.get("Code") == "RequestExpired" and SKEW not in error:
        return f"{_OVER}; or {_CLOCK}"
    return _STRANGE if _is_unvalidated(error) else _WORDS.get(error.get("Code", ""))


def skewed(seconds: float) -> str:
    """In words, that this machine's clock is so many seconds ahead of AWS's; behind when negative."""
    size, side = abs(seconds), "ahead of" if seconds > 0 else "behind"
    value, unit = (round(size / 60), "minute") if size >= 60 else (round(size), "second")
    return f"this machine's clock is {value} {unit}{'' if value == 1 else 's'} {side} AWS"


def _is_unvalidated(error: Mapping[str, Any]) -> bool:
    return error.get("Code") == AUTH_FAILURE and _VALIDATE in (error.get("Message") or "")
