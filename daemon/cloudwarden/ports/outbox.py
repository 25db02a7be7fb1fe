"""What owners are to be told, and what they were told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from cloudwarden.core.notice import Notice


class Notices(Protocol):
    """The outbox: what owners are to be told, and what they were told."""

    def about(self, finding_ids: Collection[str]) -> Sequence[Notice]:
        """Every notice of these findings, oldest first."""
        ...

    def pending(self) -> Sequence[Notice]:
        """Every notice that is not delivered, given up or withdrawn, those that were tried longest ago first."""
        ...

    def latest(self, most: int) -> Sequence[Notice]:
        """The latest notices, newest first."""
        ...

    def save(self, notices: Iterable[Notice]) -> None: ...
