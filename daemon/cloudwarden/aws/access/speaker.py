"""Who makes a request: the scope that it is about, and whose credentials sign it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.credentials import ReadOnlyCredentials

from cloudwarden.aws.refusals import VOUCHED, is_over, is_skewed, is_unknown
from cloudwarden.core.resource import Scope

SPEAKER = "cloudwarden-speaker"
"""Where a request's context keeps who makes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Speaker:
    """Who makes a request: the scope that it is about, and the credentials to sign with, which may raise CloudError.

    `refused` is told when AWS says that these credentials are over. `vouched` says whether STS, in another region than
    this scope's, knows them all the same.
    """

    scope: Scope
    credentials: Callable[[], ReadOnlyCredentials]
    refused: Callable[[], None] = lambda: None
    vouched: Callable[[], bool] = lambda: False

    def heed(self, parsed: Mapping[str, Any]) -> None:
        """Notice in an answer that the credentials are over, or that a region which is not enabled refuses good ones.

        What EC2 refuses because of a wrong clock says nothing of them.
        """
        error = parsed.get("Error", {})
        if is_over(error):
            self.refused()
        elif is_unknown(error) and not is_skewed(error):
            if self.vouched():
                error[VOUCHED] = True
            else:
                self.refused()
