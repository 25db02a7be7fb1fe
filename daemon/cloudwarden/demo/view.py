"""The demo on a terminal: what the daemon finds, proposes and does, and the lines to copy."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from shutil import get_terminal_size
from textwrap import wrap

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cloudwarden.core.finding import Proposal, ProposalState
from cloudwarden.core.verdict import Outcome
from cloudwarden.demo.place import ENFORCED, Place
from cloudwarden.demo.telling import Teller
from cloudwarden.engine.events import DaemonStarted, PolicyJudged

NEWS_SHOWN = 12
PROPOSALS_SHOWN = 3


class Board:
    """A reporter that remembers what the view shows; heard by the daemon's threads, read by the view's."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._news: deque[str] = deque(maxlen=NEWS_SHOWN)
        self._verdicts: dict[str, Counter[str]] = {}
        self._unknown: dict[str, Counter[str]] = {}
        self._teller = Teller()
        self._address = ""

    def report(self, event: object) -> None:
        """Remember an event."""
        with self._lock:
            if isinstance(event, DaemonStarted):
                self._address = event.address
            if isinstance(event, PolicyJudged):
                self._verdicts[event.policy] = Counter(event.verdicts)
                self._unknown[event.policy] = Counter(event.unknown)
            self._news.extend(f"{self._now():%H:%M:%S}  {line}" for line in self._teller.tell(event))

    @property
    def address(self) -> str:
        """Where the daemon serves; empty until it does."""
        return self._address

    def news(self) -> Sequence[str]:
        """The latest lines, oldest first."""
        with self._lock:
            return tuple(self._news)

    def verdicts(self) -> Table:
        """What each policy said in its latest sweep."""
        made = Table(box=SIMPLE_HEAD, padding=0)
        for column in ("policy", *Outcome, "why unknown"):
            made.add_column(column, overflow="fold")
        with self._lock:
            for policy, counts in sorted(self._verdicts.items()):
                why = ", ".join(f"{reason} ({count})" for reason, count in self._unknown[policy].items())
                made.add_row(policy, *(str(counts[outcome]) for outcome in Outcome), why)
        return made


class View:
    """What the terminal shows, drawn anew several times a second.

    A small terminal cuts the end off, so what is to be copied comes before what merely happened.
    """

    def __init__(self, board: Board, place: Place, waiting: Callable[[], Sequence[Proposal]], estate: str) -> None:
        self._board = board
        self._place = place
        self._waiting = waiting
        self._estate = estate

    def render(self) -> RenderableType:
        """The whole picture."""
        return Group(
            Text(f"Cloudwarden demo: {self._estate}. Ctrl-C ends it.", style="bold"),
            *self._proposals(),
            Text("Copy into another terminal", style="bold"),
            *(Text(folded(line, get_terminal_size().columns), style="cyan") for line in self._commands()),
            self._board.verdicts(),
            Text("Latest", style="bold"),
            *(Text(line, no_wrap=True, overflow="ellipsis") for line in self._board.news()),
        )

    def _proposals(self) -> Sequence[Text]:
        pending = [one for one in self._waiting() if one.state is ProposalState.PENDING]
        counts: defaultdict[str, list[Proposal]] = defaultdict(list)
        for proposal in pending:
            counts[proposal.policy].append(proposal)
        # Some of every policy, so that the rarer ones show.
        picked = [group[row] for row in range(PROPOSALS_SHOWN) for group in counts.values() if row < len(group)]
        shown = picked[:PROPOSALS_SHOWN]
        lines = [Text(f"{one.id}  {one.plan.summary}", no_wrap=True, overflow="ellipsis") for one in shown]
        more = f", {len(pending) - len(shown)} more not shown" if len(pending) > len(shown) else ""
        return [Text(f"Waiting for a person's approval ({len(pending)}{more})", style="bold"), *lines]

    def _commands(self) -> Sequence[str]:
        pending = [one for one in self._waiting() if one.state is ProposalState.PENDING]
        return commands(self._place, self._board.address, pending)


def folded(command: str, width: int) -> str:
    """A command in lines of at most `width`, which a shell still takes for one when they are copied."""
    return " \\\n  ".join(wrap(command, width - 4, break_long_words=False, break_on_hyphens=False))


def commands(place: Place, address: str, pending: Sequence[Proposal]) -> Sequence[str]:
    """The lines that a newcomer would try, most wanted first."""
    lines = [place.command("approve", pending[0].id)] if pending else []
    lines += [place.command("trust", ENFORCED), place.command("proposals")]
    if address:
        lines.append(f"curl {address}/metrics")
    return lines
