"""The in-memory twin of the channels: keeps what was sent, and fails on demand."""

from __future__ import annotations

from dataclasses import dataclass, field

from cloudwarden.core.errors import NotDelivered
from cloudwarden.core.message import Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """One message that a channel accepted."""

    channel: str
    address: str | None
    message: Message


@dataclass(kw_only=True)
class MemoryNotifier:
    """Channels by name; `down` says of some why they accept nothing now."""

    channels: frozenset[str]
    down: dict[str, str] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    def send(self, channel: str, message: Message, address: str | None = None) -> None:
        """Keep the message. Raises NotDelivered."""
        if channel not in self.channels:
            raise NotDelivered(f"there is no channel {channel!r}")
        if channel in self.down:
            raise NotDelivered(f"channel {channel}: {self.down[channel]}")
        self.sent.append(Sent(channel=channel, address=address, message=message))
