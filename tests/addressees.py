"""Where the messages of tests go: the channels that there are, and whom accounts name."""

from __future__ import annotations

from dataclasses import dataclass, field

from cloudwarden.core.directory import Directory
from cloudwarden.core.errors import CloudError

CHANNELS = Directory(channels=frozenset({"team", "ops", "mail"}), owners={"team-x": "team", "*@example.com": "mail"})


@dataclass(kw_only=True)
class KnownContacts:
    """The contacts of accounts, or the error that asking for them meets."""

    contacts: dict[str, str] = field(default_factory=dict)
    fails: CloudError | None = None

    def contact(self, account: str) -> str | None:
        """Whom an account names."""
        if self.fails is not None:
            raise self.fails
        return self.contacts.get(account)
