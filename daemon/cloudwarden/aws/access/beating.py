"""Work in threads, while the thread that waits for it says that it lives."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

LOOKS_EVERY_SECONDS = 0.5
"""How often whoever waits says that it lives, and looks whether it is to leave."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    work: Callable[[Item], Result], items: Sequence[Item], *, threads: int, alive: Callable[[], None]
) -> list[Result]:
    """`work` on each item, in threads that carry this thread's context; results in the items' order.

    `alive` is called often, on this thread, one item or many. When it raises, what has not begun never does.
    """
    if not items:
        return []
    with ThreadPoolExecutor(max_workers=min(threads, len(items))) as pool:
        futures = [pool.submit(contextvars.copy_context().run, work, item) for item in items]
        try:
            while wait(futures, timeout=LOOKS_EVERY_SECONDS).not_done:
                alive()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]
