"""Leaves alone what throttles without end, so that everything else is asked in time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from cloudwarden.core.errors import Throttled
from cloudwarden.core.resource import Scope

THROTTLED_CALLS = 5
"""Calls in a row that ended throttled, each with all its repetitions, before a service is left. A throttling that
repetitions overcome answers one of them: the rate has fallen by then to what AWS still allows."""

LEFT_FOR_SECONDS = 60.0
"""How long it is left. Then one call finds out whether it still throttles, while the others go on leaving it."""


@dataclass(kw_only=True)
class Standstill:
    """How many calls ended throttled since the last answer, and until when nothing is asked."""

    calls: int = 0
    until: float | None = None


class Standstills:
    """Counts calls that ended throttled, by scope and service. `clock` gives monotonic seconds.

    A call that is throttled at each of its attempts takes half a minute. A thousand of them would take a sweep's time
    many times over; here they take it about once. What is not asked is Throttled, at once.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._found: dict[tuple[Scope, str], Standstill] = {}
        self._counting = threading.Lock()

    def begin(self, scope: Scope, service: str) -> bool:
        """A call begins; whether it is the one that finds out. Raises Throttled while the service is left alone."""
        if self._left(scope, service) is None:
            return False
        with self._counting:
            if (found := self._left(scope, service)) is None:
                return False
            self._refuse(found, scope, service)
            found.until = self._clock() + LEFT_FOR_SECONDS
            return True

    def refuse(self, scope: Scope, service: str) -> None:
        """A call is about to be sent that does not find out. Raises Throttled while the service is left alone."""
        if (found := self._left(scope, service)) is not None:
            self._refuse(found, scope, service)

    def throttled(self, scope: Scope, service: str) -> None:
        """A call was throttled at every attempt."""
        with self._counting:
            found = self._found.setdefault((scope, service), Standstill())
            found.calls += 1
            if found.calls >= THROTTLED_CALLS:
                found.until = self._clock() + LEFT_FOR_SECONDS

    def answered(self, scope: Scope, service: str) -> None:
        """A call was answered."""
        if (scope, service) in self._found:
            with self._counting:
                self._found.pop((scope, service), None)

    def _left(self, scope: Scope, service: str) -> Standstill | None:
        found = self._found.get((scope, service))
        return None if found is None or found.until is None else found

    def _refuse(self, found: Standstill, scope: Scope, service: str) -> None:
        seconds = (found.until or 0.0) - self._clock()
        if seconds > 0.0:
            raise Throttled(
                f"{service}: left alone, for the last {found.calls} calls in {scope} were throttled at every attempt: "
                f"asked again in {seconds:.0f} s"
            )
