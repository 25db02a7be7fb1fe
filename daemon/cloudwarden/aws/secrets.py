"""Secrets kept elsewhere: a setting may name one in Secrets Manager or Parameter Store, read when it is needed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

from cloudwarden.aws.pages import ask
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import MalformedAnswer

SECRETS_MANAGER = "secretsmanager:"
PARAMETER_STORE = "ssm:"

KEPT_SECONDS = 300.0
"""How long a secret is used before it is read anew: whoever rotates one waits no longer for it."""


class AwsSecrets:
    """Lays secrets open, as late as can be, with the daemon's own identity; safe for many threads."""

    def __init__(self, sessions: Sessions, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._sessions = sessions
        self._timer = timer
        self._kept: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def reveal(self, written: str) -> str:
        """What a setting stands for: itself, unless it is a reference. Raises CloudError.

        `secretsmanager:ARN-or-name`, with `#key` for one value of a secret that is JSON; `ssm:/path`.
        """
        if not written.startswith((SECRETS_MANAGER, PARAMETER_STORE)):
            return written
        with self._lock:
            known = self._kept.get(written)
            if known is None or self._timer() >= known[1] + KEPT_SECONDS:
                known = self._kept[written] = (self._read(written), self._timer())
            return known[0]

    def _read(self, reference: str) -> str:
        if reference.startswith(PARAMETER_STORE):
            name = reference.removeprefix(PARAMETER_STORE)
            client = self._sessions.own("ssm", _region(name))
            answer = ask(client, "get_parameter", {"Name": name, "WithDecryption": True})
            return str(answer["Parameter"]["Value"])
        name, _, key = reference.removeprefix(SECRETS_MANAGER).partition("#")
        client = self._sessions.own("secretsmanager", _region(name))
        answer = ask(client, "get_secret_value", {"SecretId": name})
        secret = answer.get("SecretString")
        if not isinstance(secret, str):
            raise MalformedAnswer(f"secret {name} is binary: keep text in it")
        return _value(secret, name, key) if key else secret


def _value(secret: str, name: str, key: str) -> str:
    try:
        value = json.loads(secret)[key]
    except (ValueError, LookupError, TypeError):
        value = None
    if not isinstance(value, str):
        # Raised outside, so that the parser's error, which quotes the secret, is not chained.
        raise MalformedAnswer(f"secret {name} is no JSON object with a text at {key!r}")
    return value


def _region(name: str) -> str | None:
    """The region that an ARN names; None for a plain name, which is looked for at home."""
    parts = name.split(":")
    return parts[3] if parts[0] == "arn" and len(parts) > 3 else None
