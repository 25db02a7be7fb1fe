"""What owners are to be told, and what they were told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from cloudwarden.core.notice import Notice, NoticeState


class Notices(Protocol):
    """The outbox: what owners are to be told, and what they were told."""

    def about(self, finding_ids: Collection[str]) -> Sequence[Notice]:
        """The notices of these findings that still matter, oldest first.

        Those that are pending, and of each kind, state, plan and owner the latest under the grace clock that runs and
        the latest from before it: a finding that stands for a year has a reminder for each of its days.
        """
        ...

    def pending(self) -> Sequence[Notice]:
        """Every notice that is not delivered, given up or withdrawn, those that were tried longest ago first."""
        ...

    def latest(self, most: int, *, policy: str | None = None, state: NoticeState | None = None) -> Sequence[Notice]:
        """The latest notices, of one policy and in one state where those are given, newest first."""
        ...

    def save(self, notices: Iterable[Notice]) -> None: ...
