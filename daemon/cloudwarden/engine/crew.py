"""Crew: threads that work while the one that waits for them says that it lives."""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TypeVar

LOOKS_EVERY_SECONDS = 0.5
"""How often the thread that waits looks whether the daemon is to leave, and says that it lives."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Crew:
    """At most `threads` threads. `alive` is called often, by the thread that waits; it may raise StopAsked.

    One piece of work is waited for like many: the questions of a single scope may take longer than a watchdog waits.
    """

    def __init__(self, threads: int, alive: Callable[[], None], *, looks_every_seconds: float = LOOKS_EVERY_SECONDS):
        self._threads = threads
        self._alive = alive
        self._looks_every_seconds = looks_every_seconds

    def one(self, work: Callable[[], Result]) -> Result:
        """What `work` returns, or raises."""
        return self.each(lambda _: work(), (None,))[0]

    def each(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """`work` on each item, in threads that carry this thread's context; results in the items' order."""
        if not items:
            return []
        results: dict[int, Result] = {}
        # Shared by the threads: a future for each item would wake this one at each, and take its turn from them.
        left = iter(range(len(items)))

        def worker() -> None:
            for index in left:
                results[index] = work(items[index])

        threads = min(self._threads, len(items))
        with ThreadPoolExecutor(max_workers=threads) as pool:
            working = {pool.submit(contextvars.copy_context().run, worker) for _ in range(threads)}
            try:
                while working:
                    ended, working = wait(working, timeout=self._looks_every_seconds, return_when=FIRST_COMPLETED)
                    for one in ended:
                        one.result()
                    self._alive()
            except BaseException:
                deque(left, maxlen=0)  # nothing is left for the others
                raise
        return [results[index] for index in range(len(items))]
