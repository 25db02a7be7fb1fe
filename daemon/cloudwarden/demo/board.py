"""What the demo's view has heard: verdicts, modes and news."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cloudwarden.core.policy import Mode
from cloudwarden.demo.telling import Teller
from cloudwarden.engine.events import (
    ActionHeld,
    DaemonStarted,
    FindingChanged,
    PoliciesLoaded,
    PolicyJudged,
    ProposalMade,
)

NEWS_KEPT = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdicts:
    """What a policy said in its latest sweep. `unread` says that a listing missed something."""

    counts: Mapping[str, int] = field(default_factory=Counter)
    unknown: Mapping[str, int] = field(default_factory=Counter)
    unread: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _News:
    """A line, and how many of the same kind came right after it; they share a `kind` that is not None."""

    line: str
    kind: tuple[object, ...] | None
    more: int = 0

    def __str__(self) -> str:
        return f"{self.line} (and {self.more} more)" if self.more else self.line


class Board:
    """A reporter that remembers what the view shows; heard by the daemon's threads, read by the view's."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._news: deque[_News] = deque(maxlen=NEWS_KEPT)
        self._verdicts: dict[str, Verdicts] = {}
        self._observing: frozenset[str] = frozenset()
        self._teller = Teller()
        self._address = ""

    def report(self, event: object) -> None:
        """Remember an event."""
        with self._lock:
            if isinstance(event, DaemonStarted):
                self._address = event.address
            elif isinstance(event, PolicyJudged):
                self._verdicts[event.policy] = Verdicts(
                    counts=Counter(event.verdicts), unknown=Counter(event.unknown), unread=event.population is None
                )
            elif isinstance(event, PoliciesLoaded):
                self._observing = frozenset(name for name, mode in event.policies if mode == str(Mode.OBSERVE))
            for line in self._teller.tell(event):
                self._add(_News(line=f"{self._now():%H:%M:%S}  {line}", kind=_kind_of(event)))

    @property
    def address(self) -> str:
        """Where the daemon serves; empty until it does."""
        return self._address

    @property
    def observing(self) -> frozenset[str]:
        """The policies that only observe."""
        return self._observing

    def news(self) -> Sequence[str]:
        """The latest lines, oldest first; of many alike in a row, the first and how many more."""
        with self._lock:
            return tuple(map(str, self._news))

    def verdicts(self) -> Sequence[tuple[str, Verdicts]]:
        """What each policy said in its latest sweep, by name."""
        with self._lock:
            return sorted(self._verdicts.items(), key=lambda one: one[0])

    def _add(self, news: _News) -> None:
        last = self._news[-1] if self._news else None
        if last is not None and news.kind is not None and news.kind == last.kind:
            self._news[-1] = replace(last, more=last.more + 1)
        else:
            self._news.append(news)


def _kind_of(event: object) -> tuple[object, ...] | None:
    """What makes two pieces of news alike; None when each is told by itself."""
    match event:
        case FindingChanged(finding=finding):
            return ("finding", finding.policy, finding.state)
        case ProposalMade(proposal=proposal):
            return ("proposal", proposal.policy)
        case ActionHeld(policy=policy, guard=guard):
            return ("held", policy, guard)
        case _:
            return None
