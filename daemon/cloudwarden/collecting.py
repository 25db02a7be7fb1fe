"""When Python's cyclic garbage collector looks: seldom during a sweep, and once after it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (50_000, 20, 1_000)
"""Allocations before the young are looked at; how often that before the older ones; and so on. Python's own 700, 10
and 10 suit a program that keeps little: a sweep holds every resource until it ends, and each look walks over all."""


@contextmanager
def unhurried() -> Iterator[None]:
    """While entered, the collector looks seldom; on leaving it looks at everything, so that nothing adds up.

    For one thread at a time. What refers to nothing in a circle is freed at once, as always.
    """
    _keep_loaded()
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.collect()


class SweepBySweep:
    """For a process that is given a sweep in pieces: between two sweeps, the collector looks at everything."""

    def __init__(self) -> None:
        self._run_id = ""

    def begin(self, run_id: str) -> None:
        """A piece of this sweep comes; a look at every piece would cost as much as the pieces."""
        if run_id != self._run_id:
            self._run_id = run_id
            gc.collect()
            _keep_loaded()


def _keep_loaded() -> None:
    """Have the collector pass over what is there before the first sweep: mostly code, which stays.

    It is most of what there is between two sweeps, and each look would walk over it.
    """
    if gc.get_freeze_count() == 0:
        gc.collect()
        gc.freeze()
