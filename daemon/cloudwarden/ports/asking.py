"""Until when a cloud is asked: said around the asking, and heard by the adapter before each call that it makes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ENDS: ContextVar[float] = ContextVar("cloudwarden_asking_ends", default=math.inf)


@contextmanager
def asking_until(instant: float) -> Iterator[None]:
    """Within, in this thread and those that carry its context, no call begins after an instant of `Clock.monotonic`."""
    token = _ENDS.set(instant)
    try:
        yield
    finally:
        _ENDS.reset(token)


def asking_ends() -> float:
    """The instant after which no call begins; infinity where nobody said any."""
    return _ENDS.get()
