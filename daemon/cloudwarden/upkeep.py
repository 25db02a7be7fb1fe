"""Upkeep: once a day, what is old leaves the store, one small step a turn; or all at once where a process ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple, fields
from datetime import datetime

from cloudwarden.core.errors import StoreError
from cloudwarden.engine.events import OldRemoved, RetentionFailed
from cloudwarden.ports import Clock, Reporter

EVERY_SECONDS = 86_400.0

AGAIN_SECONDS = 3_600.0
"""How soon a failure is tried again: whoever makes room on a disk sees it work the same day."""


class Upkeep:
    """A step is one short transaction, so that no sweep waits for it. The daemon takes one every turn."""

    def __init__(
        self, *, clock: Clock, reporter: Reporter, batches: Callable[[datetime], Iterator[OldRemoved]]
    ) -> None:
        self._clock = clock
        self._reporter = reporter
        self._batches = batches
        self._due = clock.monotonic()
        self._steps: Iterator[OldRemoved] | None = None
        self._removed = OldRemoved()

    def turn(self) -> None:
        """One step of a day's work; nothing when that is done. Reports a failure, and raises nothing of the store."""
        if self._steps is None:
            if self._clock.monotonic() < self._due:
                return
            self._due = self._clock.monotonic() + EVERY_SECONDS
            self._steps, self._removed = self._batches(self._clock.now()), OldRemoved()
        try:
            self._removed = _sum(self._removed, next(self._steps))
        except StopIteration:
            self._finish()
        except StoreError as error:
            self._due = self._clock.monotonic() + AGAIN_SECONDS
            self._reporter.report(RetentionFailed(detail=str(error)))
            self._finish()

    def work(self, seconds: float) -> None:
        """A day's work at once, as far as it is done in so many seconds; the next process goes on with the rest."""
        until = self._clock.monotonic() + seconds
        self.turn()
        while self._steps is not None and self._clock.monotonic() < until:
            self.turn()
        if self._steps is not None:
            self._finish()

    def _finish(self) -> None:
        self._steps = None
        if any(astuple(self._removed)):
            self._reporter.report(self._removed)


def _sum(one: OldRemoved, other: OldRemoved) -> OldRemoved:
    return OldRemoved(**{each.name: getattr(one, each.name) + getattr(other, each.name) for each in fields(one)})
