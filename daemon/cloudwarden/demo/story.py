"""What happens in the demo besides time: throttles, a lost right, a policy file saved too early, and mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from cloudwarden.demo.estate import Estate

BEAT_SECONDS = 2.0
"""Between two moments of the story."""

MISTAKE_EVERY_BEATS = 20
"""How often somebody opens a group: seldom enough to be noticed each time."""

THROTTLED_REQUESTS = 2
"""Fewer than a request's tries: the daemon waits the throttle out, and its metrics tell of it."""


class Draft:
    """A policy file that somebody saves before it is finished, and finishes a little later."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._whole: str | None = None

    def save_half(self) -> None:
        """Save what there is so far, which is not Python yet."""
        self._whole = self._file.read_text(encoding="utf-8")
        self._file.write_text(_half(self._whole), encoding="utf-8")

    def finish(self) -> None:
        """Save the whole of it, unless somebody else saved something since."""
        if self._whole is not None and self._file.read_text(encoding="utf-8") == _half(self._whole):
            self._file.write_text(self._whole, encoding="utf-8")


class Story:
    """What happens at each beat. Everything that goes wrong in the first minute comes right within it."""

    def __init__(self, estate: Estate, draft: Draft, now: Callable[[], datetime]) -> None:
        self._estate = estate
        self._now = now
        self._scenes: Mapping[int, Callable[[], object]] = {
            8: lambda: estate.throttles("describe_security_groups", requests=THROTTLED_REQUESTS),
            12: draft.save_half,
            16: draft.finish,
            # Later than the first proposals, also on a slow machine: they say what depends on their resources.
            20: lambda: estate.denies("describe_volumes"),
            25: lambda: estate.allows("describe_volumes"),
        }

    def tick(self, beat: int) -> None:
        """Let the beat with this number, from 0 on, happen."""
        if scene := self._scenes.get(beat):
            scene()
        mistake, rest = divmod(beat + 1, MISTAKE_EVERY_BEATS)
        if rest == 0:
            self._estate.goes_on(self._now())
            self._estate.opens_by_mistake(mistake - 1)


def _half(text: str) -> str:
    """The file up to its last opening parenthesis: never valid Python."""
    return text[: text.rindex("(") + 1] + "\n"
