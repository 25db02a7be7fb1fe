"""Rest: what a last look held back is looked at ever more seldom, for each look costs calls and metrics."""

from __future__ import annotations

from collections.abc import Iterable

from cloudwarden.core.guards import Hold
from cloudwarden.ports import Clock

LONGEST_SECONDS = 30.0
"""Between two looks at last: the end of an outage is soon noticed, and a day of it costs cents."""

_LOOKED = Hold(guard="re-check", detail="")


class Rest:
    """How long what a last look held back is let alone: not at all after the first, then 2 s, 4 s, and so on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[int, float, Hold]] = {}

    def rests(self, name: str) -> Hold | None:
        """What held it, while it is not looked at again; None when it is to be looked at."""
        _, until, why = self._held.get(name, (0, 0.0, _LOOKED))
        return why if self._clock.monotonic() < until else None

    def held(self, name: str, why: Hold = _LOOKED) -> None:
        """A look let nothing be done."""
        times, _, _ = self._held.get(name, (0, 0.0, _LOOKED))
        seconds = min(LONGEST_SECONDS, 2.0**times) if times else 0.0
        self._held[name] = (min(times + 1, 16), self._clock.monotonic() + seconds, why)

    def keep(self, names: Iterable[str]) -> None:
        """Forget all others: they are due no more."""
        due = set(names)
        self._held = {name: one for name, one in self._held.items() if name in due}
