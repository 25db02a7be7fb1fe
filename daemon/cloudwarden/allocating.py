"""How the C library hands out memory: one arena for all threads, and large blocks given back when they are freed."""

from __future__ import annotations

import ctypes

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
"""Parameters of mallopt; see "mallopt(3)" of the Linux man-pages."""

LARGE_BYTES = 128 * 1024
"""glibc's own first threshold, which it raises up to 32 MB as it sees large blocks freed: a page of a listing is."""


def settle_allocation() -> None:
    """Call it before threads start. Elsewhere than on glibc it does nothing.

    glibc gives each of the first threads an arena of its own, and keeps in it what a sweep's pages took. Threads of
    ours wait for AWS or hold the interpreter's lock: they gain nothing by it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
