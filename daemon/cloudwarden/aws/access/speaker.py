"""Who makes a request: the scope that it is about, and whose credentials sign it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.credentials import ReadOnlyCredentials

from cloudwarden.core.resource import Scope

SPEAKER = "cloudwarden-speaker"
"""Where a request's context keeps who makes it."""

_OVER = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Speaker:
    """Who makes a request: the scope that it is about, and the credentials to sign with, which may raise CloudError.

    `refused` is told when AWS says that these credentials are over.
    """

    scope: Scope
    credentials: Callable[[], ReadOnlyCredentials]
    refused: Callable[[], None] = lambda: None

    def heed(self, parsed: Mapping[str, Any]) -> None:
        """Notice in an answer that the credentials are over."""
        if parsed.get("Error", {}).get("Code") in _OVER:
            self.refused()
