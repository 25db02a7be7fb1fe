"""What happens in the demo besides time: throttles, a lost right, a policy file saved too early, and mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cloudwarden.aws import ec2
from cloudwarden.demo.estate import Estate
from cloudwarden.engine.events import Listed, PoliciesLoaded

BEAT_SECONDS = 2.0
"""Between two moments of the story."""

MISTAKE_EVERY_BEATS = 20
"""How often somebody opens a group: seldom enough to be noticed each time."""

THROTTLED_AT = 8
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


@dataclass(kw_only=True)
class Trouble:
    """What goes wrong at a beat, and comes right so many beats later, or once the daemon has noticed it.

    A daemon on a slow machine may be at something else for longer than the beats last.
    """

    at: int
    beats: int
    begin: Callable[[], object]
    end: Callable[[], object]
    shows_in: Callable[[object], bool]
    noticed: bool = False
    over: bool = False

    def tick(self, beat: int) -> None:
        """Let it begin, or end, if it is time."""
        if beat == self.at:
            self.begin()
        elif self.noticed and not self.over and beat >= self.at + self.beats:
            self.over = True
            self.end()


class Story:
    """What happens at each beat. Everything that goes wrong in the first minute comes right within it.

    It is a reporter too: it hears what the daemon noticed.
    """

    def __init__(self, estate: Estate, draft: Draft, now: Callable[[], datetime]) -> None:
        self._estate = estate
        self._now = now
        self._troubles = (
            Trouble(at=12, beats=4, begin=draft.save_half, end=draft.finish, shows_in=_refuses_a_file),
            # Later than the first proposals, also on a slow machine: they say what depends on their resources.
            Trouble(
                at=20,
                beats=5,
                begin=lambda: estate.denies("describe_volumes"),
                end=lambda: estate.allows("describe_volumes"),
                shows_in=_misses_volumes,
            ),
        )

    def report(self, event: object) -> None:
        """Hear what the daemon noticed."""
        for trouble in self._troubles:
            trouble.noticed = trouble.noticed or trouble.shows_in(event)

    def tick(self, beat: int) -> None:
        """Let the beat with this number, from 0 on, happen."""
        if beat == THROTTLED_AT:
            self._estate.throttles("describe_security_groups", requests=THROTTLED_REQUESTS)
        for trouble in self._troubles:
            trouble.tick(beat)
        mistake, rest = divmod(beat + 1, MISTAKE_EVERY_BEATS)
        if rest == 0:
            self._estate.goes_on(self._now())
            self._estate.opens_by_mistake(mistake - 1)


def _refuses_a_file(event: object) -> bool:
    return isinstance(event, PoliciesLoaded) and bool(event.problems)


def _misses_volumes(event: object) -> bool:
    return isinstance(event, Listed) and event.kind == ec2.Volume.kind and event.problem is not None


def _half(text: str) -> str:
    """The file up to its last opening parenthesis: never valid Python."""
    return text[: text.rindex("(") + 1] + "\n"
