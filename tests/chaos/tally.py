"""Tally: what was done to daemons in runs, and what came of it, in the words of the track record."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

COUNTED = ("faults", "deaths", "stands", "steps", "interruptions", "crossings", "calls")


@dataclass(kw_only=True)
class Tally:
    """Faults by kind and operation; deaths, stops and crossings by moment; steps of lives; calls by operation.

    `interruptions` are what happened while a daemon stood.
    """

    faults: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    stands: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    interruptions: Counter[str] = field(default_factory=Counter)
    crossings: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    requests: int = 0
    lives: int = 0

    def add(self, other: Tally) -> None:
        """Count another one too."""
        for name in COUNTED:
            getattr(self, name).update(getattr(other, name))
        self.starts += other.starts
        self.requests += other.requests
        self.lives += other.lives

    @property
    def kinds(self) -> Counter[str]:
        """Faults by kind alone."""
        kinds: Counter[str] = Counter()
        for what, count in self.faults.items():
            kinds[what.partition(" ")[0]] += count
        return kinds

    def __str__(self) -> str:
        moments = len(self.deaths.keys() - {"any moment"})
        return (
            f"{self.requests} requests, {self.faults.total()} faults, {self.starts} starts, "
            f"{self.deaths.total()} deaths (at {moments} moments), {self.stands.total()} stops, "
            f"{self.crossings.total()} crossings, {self.calls.total()} calls"
        )

    def row(self, command: str, ending: str, minutes: float) -> str:
        """The track record's line, in Markdown, with its head and the faults by kind."""
        moments = len(self.deaths.keys() - {"any moment"})
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.kinds.most_common())
        columns = {
            "command": f"`{command}`",
            "held": ending,
            "minutes": f"{minutes:.0f}",
            "lives": self.lives,
            "requests": self.requests,
            "faults": self.faults.total(),
            "deaths by SIGKILL": f"{self.deaths.total()}, at {moments} moments",
            "crossings": self.crossings.total(),
            "stops": self.stands.total(),
            "calls that change": self.calls.total(),
        }
        head, rule, line = (" | ".join(map(str, one)) for one in (columns, ["---"] * len(columns), columns.values()))
        return f"| {head} |\n| {rule} |\n| {line} |\n\nFaults by kind: {kinds or 'none'}."

    def to_json(self, **more: object) -> str:
        """All of it."""
        return json.dumps({**more, "kinds": self.kinds, **vars(self)}, indent=1, sort_keys=True)
