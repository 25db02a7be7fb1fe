"""What was used lately: accounts come and go, and a process stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

UNUSED_SECONDS = 8 * 86_400.0
"""How long what nobody uses is kept: weekly sweeps are the rarest usual ones."""

LOOKS_EVERY_SECONDS = 3_600.0
"""How often what nobody uses is looked for: looking walks over all that is kept."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class _Kept(Generic[V]):
    value: V
    used_at: float


class Lately(Generic[K, V]):
    """A table that forgets what was neither read nor written for `UNUSED_SECONDS`. `clock` gives monotonic seconds.

    It looks for that when something new is kept, for otherwise it does not grow. Any thread may use it; two that make
    the same thing at once may each have their own for a moment, and the last one stays.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[K, _Kept[V]] = {}
        self._looked_at = clock()

    def __len__(self) -> int:
        return len(self._kept)

    def values(self) -> Iterator[V]:
        """Everything that is kept; nothing counts as used by that."""
        return (kept.value for kept in list(self._kept.values()))

    def get(self, key: K) -> V | None:
        """What is kept of a key."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        kept.used_at = self._clock()
        return kept.value

    def keep(self, key: K, value: V) -> V:
        """Keep a value, instead of any before it."""
        now = self._clock()
        if key not in self._kept and now - self._looked_at >= LOOKS_EVERY_SECONDS:
            self._looked_at = now
            self._forget(now)
        self._kept[key] = _Kept(value, now)
        return value

    def drop(self, key: K) -> None:
        """Keep nothing of a key."""
        self._kept.pop(key, None)

    def _forget(self, now: float) -> None:
        for key, kept in list(self._kept.items()):
            if now - kept.used_at > UNUSED_SECONDS:
                self._kept.pop(key, None)
