"""Ends a rule that does not end by itself, and keeps time for those that do."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from cloudwarden.ports import RuleCutOff

_TICK_SECONDS = 0.05
"""How often the alarm looks at the running rule: far below any sensible limit, far above what a tick costs."""


class SignalCutoff:
    """Cuts a rule off by SIGALRM, which also reaches a rule that sleeps or matches a hopeless pattern.

    Python delivers signals to the main thread alone, so rules are judged there; `watching` raises ValueError
    anywhere else. A rule's time is that of the looks at it: alarms that came while nothing could be interrupted (the
    machine was suspended, the garbage collector ran) are one look.
    """

    def __init__(self, limit_seconds: float) -> None:
        self._allowed = math.ceil(limit_seconds / _TICK_SECONDS)
        self._looks: int | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Have the alarm tick while rules are judged."""
        before = signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, _TICK_SECONDS, _TICK_SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def begin(self) -> None:
        """Start a rule's time."""
        self._looks = 0

    def end(self) -> None:
        """Stop a rule's time."""
        self._looks = None

    def _look(self, signum: int, frame: FrameType | None) -> None:
        del signum, frame
        if self._looks is not None:
            self._looks += 1
            if self._looks > self._allowed:
                raise RuleCutOff


class NoCutoff:
    """The in-memory twin: lets every rule run."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch nothing."""
        yield

    def begin(self) -> None:
        """Start nothing."""

    def end(self) -> None:
        """Stop nothing."""
