"""A reporter that keeps what it was told."""

from __future__ import annotations


class Reports:
    """Keeps what was reported."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def report(self, event: object) -> None:
        """Keep one event."""
        self.events.append(event)

    def of(self, kind: type) -> list[object]:
        """The events of one class."""
        return [event for event in self.events if isinstance(event, kind)]
