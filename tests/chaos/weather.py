"""The weather of a run: which request meets which fault, by the run's seed and the requests before it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from exchanges import Fault, Request

COMMON = (
    Fault.THROTTLED,
    Fault.FAILS,
    Fault.UNAVAILABLE,
    Fault.DENIED,
    Fault.EXPIRED,
    Fault.SKEWED,
    Fault.NEVER_ARRIVES,
    Fault.ANSWER_IS_LOST,
    Fault.FAILS_AFTERWARDS,
    Fault.TRUNCATED,
    Fault.CUT,
    Fault.EMPTY,
    Fault.LATE,
    Fault.EMPTY_PAGE,
)
SLOW = (Fault.STALLED, Fault.SLOW_LORIS)
"""Each of them costs a read timeout or more, so they are rarer."""

ANY_SNAPSHOT = "snap-"
"""In place of a resource's id, which nobody knows beforehand: the beginning of such ids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mood:
    """How likely a request meets a fault, and a slow one; and what all requests of one operation meet."""

    often: float = 0.0
    slowly: float = 0.0
    operation: str = ""
    fault: Fault | None = None


CALM = Mood()
BREEZY = Mood(often=0.08, slowly=0.01)
STORMY = Mood(often=0.3, slowly=0.03)


class Weather:
    """A function of requests. `once` is what the next request of an operation on one resource meets, whatever else."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._asked: Counter[str] = Counter()
        self.mood = CALM
        self.once: dict[tuple[str, str], Fault] = {}
        self.met: Counter[str] = Counter()
        """Faults that requests met, by `kind operation`."""

    def __call__(self, request: Request) -> Fault | None:
        """What a request meets."""
        fault = self._fault(request)
        if fault is not None:
            self.met[f"{fault} {request.operation}"] += 1
        return fault

    def _fault(self, request: Request) -> Fault | None:
        operation, mood = request.operation, self.mood
        self._asked[operation] += 1
        if len(request.resources) == 1:
            (resource,) = request.resources
            for name in (resource, f"{resource.partition('-')[0]}-"):
                if fault := self.once.pop((operation, name), None):
                    return fault
        if mood.operation and operation.partition(" ")[0] == mood.operation:
            return mood.fault
        chance = random.Random(f"{self._seed}/{operation}/{self._asked[operation]}")  # noqa: S311  # it must come again
        # What changes something is asked seldom, and is where a lost answer matters: it meets more.
        drawn = chance.random() / (2.5 if request.mutates else 1.0)
        if drawn < mood.slowly:
            return chance.choice(SLOW)
        if drawn < mood.slowly + mood.often:
            fault = chance.choice(COMMON)
            return None if fault is Fault.EMPTY_PAGE and not _listing(request) else fault
        return None


def _listing(request: Request) -> bool:
    return request.token is None and (not request.resources or request.operation == "GetMetricData")
