"""Upkeep: once a day, what is old leaves the store, one small step a turn; or all at once where a process ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple, fields
from datetime import datetime, timedelta

from cloudwarden.core.errors import StoreError
from cloudwarden.engine.events import OldRemoved, RetentionFailed
from cloudwarden.ports import Clock, Reporter

EVERY_SECONDS = 86_400.0

AGAIN_SECONDS = 3_600.0
"""How soon a failure is tried again: whoever makes room on a disk sees it work the same day."""


MOST_AHEAD = timedelta(hours=1)
"""A clock that is further ahead of AWS's makes old what is not; a machine may start in another year."""


class Upkeep:
    """A step is one short transaction, so that no sweep waits for it. The daemon takes one every turn.

    `ahead` is how far this machine's clock is ahead of AWS's, None before AWS told: nothing is removed before it is
    known to be right.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        ahead: Callable[[], timedelta | None],
        reporter: Reporter,
        batches: Callable[[datetime], Iterator[OldRemoved]],
    ) -> None:
        self._clock = clock
        self._ahead = ahead
        self._reporter = reporter
        self._batches = batches
        self._due = clock.monotonic()
        self._steps: Iterator[OldRemoved] | None = None
        self._removed = OldRemoved()

    def turn(self) -> None:
        """One step of a day's work; nothing when that is done. Reports a failure, and raises nothing of the store."""
        self._steps = self._steps or self._begin()
        if self._steps is None:
            return
        try:
            self._removed = _sum(self._removed, next(self._steps))
        except StopIteration:
            self._finish()
        except StoreError as error:
            self._fail(str(error))
            self._finish()

    def work(self, seconds: float) -> None:
        """A day's work at once, as far as it is done in so many seconds; the next process goes on with the rest."""
        until = self._clock.monotonic() + seconds
        self.turn()
        while self._steps is not None and self._clock.monotonic() < until:
            self.turn()
        if self._steps is not None:
            self._finish()

    def _begin(self) -> Iterator[OldRemoved] | None:
        """A day's steps; None when it is not time, or nobody knows what time it is."""
        if self._clock.monotonic() < self._due or (ahead := self._ahead()) is None:
            return None
        if ahead > MOST_AHEAD:
            self._fail(f"this machine's clock is {ahead} ahead of AWS's: nothing is removed before it is right")
            return None
        self._due = self._clock.monotonic() + EVERY_SECONDS
        self._removed = OldRemoved()
        return self._batches(self._clock.now())

    def _fail(self, why: str) -> None:
        self._due = self._clock.monotonic() + AGAIN_SECONDS
        self._reporter.report(RetentionFailed(detail=why))

    def _finish(self) -> None:
        self._steps = None
        if any(astuple(self._removed)):
            self._reporter.report(self._removed)


def _sum(one: OldRemoved, other: OldRemoved) -> OldRemoved:
    return OldRemoved(**{each.name: getattr(one, each.name) + getattr(other, each.name) for each in fields(one)})
