"""One event for many reporters, none of which can stop the others or the engine."""

from __future__ import annotations

import contextlib

import structlog

from cloudwarden.ports import Reporter


class Fanout:
    """Passes each event to every reporter, in order.

    A reporter that raises is logged with its traceback, once for each kind of event: a fault of a reporter shows
    at every event, and thousands of equal lines would bury what the log is for.
    """

    def __init__(self, *reporters: Reporter) -> None:
        self._reporters = reporters
        self._said: set[tuple[int, type]] = set()
        self._log = structlog.stdlib.get_logger(__name__)

    def report(self, event: object) -> None:
        """Tell everyone. Never raises for what a reporter does."""
        for number, reporter in enumerate(self._reporters):
            try:
                reporter.report(event)
            except Exception:  # noqa: BLE001  # watching must never stop the work that is watched
                self._complain(number, reporter, event)

    def _complain(self, number: int, reporter: Reporter, event: object) -> None:
        if (number, type(event)) in self._said:
            return
        self._said.add((number, type(event)))
        with contextlib.suppress(Exception):
            self._log.exception("reporter_failed", reporter=type(reporter).__name__, reported=type(event).__name__)
