"""Errands: work that may never end, done in a thread of its own and waited for so long at most."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

from cloudwarden.core.errors import Timeout

T = TypeVar("T")


class Errand(Generic[T]):
    """One piece of work that is done again and again, by one thread at a time.

    What goes on after its time is waited for no more, nor begun beside: who asks meanwhile is told so at once, in the
    words of `late`. Not for use by two threads at once.
    """

    def __init__(self, work: Callable[[], T], *, seconds: float, late: str) -> None:
        self._work = work
        self._seconds = seconds
        self._late = late
        self._latest: Future[T] | None = None

    def done(self) -> T:
        """What the work returns, or raises. Raises Timeout."""
        latest, patience = self._latest, 0.0
        if latest is None or latest.done():
            latest, patience = self._begun(), self._seconds
            self._latest = latest
        wait([latest], timeout=patience)
        if not latest.done():
            raise Timeout(self._late)
        return latest.result()

    def _begun(self) -> Future[T]:
        future: Future[T] = Future()

        def work() -> None:
            try:
                result = self._work()
            except BaseException as error:  # noqa: BLE001  # it is raised again by who waits
                future.set_exception(error)
            else:
                future.set_result(result)

        # It carries this thread's context: until when AWS may be asked, and the run that logs name.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(work,), name="errand", daemon=True).start()
        return future
