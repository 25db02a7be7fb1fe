"""What reaches people."""

from __future__ import annotations

from typing import Protocol

from cloudwarden.core.message import Message


class Notifier(Protocol):
    """Sends messages by channels."""

    def send(self, channel: str, message: Message, address: str | None = None) -> None:
        """Have the channel accept the message. Raises NotDelivered, which never says a channel's address.

        `address` is the recipient's, for channels that carry mail; others send to whom their own settings name.
        """
        ...


class Channels(Notifier, Protocol):
    """A notifier that knows which of its channels cannot work."""

    def problem(self, channel: str) -> str | None:
        """Why a channel cannot be used, as far as that is known without sending anything; None when it can."""
        ...


class Contacts(Protocol):
    """Knows whom to tell of an account."""

    def contact(self, account: str) -> str | None:
        """Whom the account names for operations; None when it names nobody. Raises CloudError."""
        ...
