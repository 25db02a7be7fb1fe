"""Cores: threads of which only one runs Python at a time are kept together on one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_STAT = Path("/proc/thread-self/stat")
_PROCESSOR = 36
"""Which of the values after a thread's name says on which core it ran last: see the manual page "proc_pid_stat"."""


@contextmanager
def together() -> Iterator[None]:
    """While entered, this thread, and whatever threads it starts, stay on the core that it is on.

    On several cores they wake one another there and wait for it, which takes up to half of a sweep's time. Threads that
    were there before go on as they like. Where that may not be, it is slower.
    """
    before = os.sched_getaffinity(0)
    with suppress(OSError, ValueError, IndexError):
        os.sched_setaffinity(0, {int(_STAT.read_text().rpartition(")")[2].split()[_PROCESSOR])})
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, before)
