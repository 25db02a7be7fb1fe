"""Contacts of accounts: whom an account names for its operations."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from cloudwarden.aws.pages import ask
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import CloudError, MalformedAnswer, NotFound
from cloudwarden.core.resource import GLOBAL, Scope

KEPT_SECONDS = 86_400.0
"""How long a contact is used: accounts change theirs once in years."""

AGAIN_SECONDS = 300.0
"""How soon an account that did not answer is asked again."""


class AwsContacts:
    """The settings' contact of an account, else the mail address of its operations contact in AWS.

    See "GetAlternateContact", AWS Account Management API Reference: each account is asked with its own role.
    """

    def __init__(
        self, sessions: Sessions, stated: Mapping[str, str], *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._sessions = sessions
        self._stated = stated
        self._timer = timer
        self._kept: dict[str, tuple[str | CloudError | None, float]] = {}
        self._lock = threading.Lock()

    def contact(self, account: str) -> str | None:
        """Whom the account names; None when it names nobody. Raises CloudError."""
        if account in self._stated:
            return self._stated[account]
        with self._lock:
            known = self._kept.get(account)
            if known is None or self._timer() >= known[1]:
                found = self._asked(account)
                lasting = AGAIN_SECONDS if isinstance(found, CloudError) else KEPT_SECONDS
                known = self._kept[account] = (found, self._timer() + lasting)
        if isinstance(known[0], CloudError):
            raise known[0]
        return known[0]

    def _asked(self, account: str) -> str | CloudError | None:
        try:
            client = self._sessions.client("account", Scope(account=account, region=GLOBAL))
            answer = ask(client, "get_alternate_contact", {"AlternateContactType": "OPERATIONS"})
        except NotFound:
            return None
        except CloudError as error:
            return error
        address = answer.get("AlternateContact", {}).get("EmailAddress")
        if not isinstance(address, str) or not address:
            return MalformedAnswer("GetAlternateContact: the answer holds no EmailAddress")
        return address
