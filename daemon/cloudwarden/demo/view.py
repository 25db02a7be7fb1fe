"""The demo on a terminal: what the daemon finds, proposes, holds and does, and the lines to copy."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from cloudwarden.core.finding import Finding, Proposal, State
from cloudwarden.core.verdict import Outcome
from cloudwarden.demo.board import Board
from cloudwarden.demo.place import ENFORCED, Place

TWO_COLUMNS_FROM = 150
"""Terminal columns from which on two stand side by side; what is to be copied still has rows of its own."""

EXPLAINS_FROM = 30
"""Terminal rows from which on there is room for the line that explains: with its credentials it is a long one."""

GAP = 3
LEAST_LINES = 3
"""Of a section with its title: on the smallest terminal each says something."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the store knows: proposals that wait for a person, and standing findings."""

    pending: Sequence[Proposal]
    findings: Sequence[Finding]


class View:
    """What the terminal shows, drawn anew several times a second, for whatever size the terminal has."""

    def __init__(self, board: Board, place: Place, known: Callable[[], Known], estate: str) -> None:
        self._board = board
        self._place = place
        self._known = known
        self._estate = estate

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text("\n").join(self.lines(options.max_width, console.size.height))

    def lines(self, width: int, height: int) -> Sequence[Text]:
        """The whole picture: at most one line less than the height, none longer than the width."""
        known = self._known()
        head = [Text(self._head(width), style="bold")]
        copied = self._to_copy(known.pending, width, explaining=height >= EXPLAINS_FROM)
        left = height - 1 - len(head) - len(copied)
        waiting = Section(title="Waiting for a person's approval", entries=_proposals(known.pending))
        held = Section(title="Held, and why", entries=held_back(known.findings, self._board))
        if width < TWO_COLUMNS_FROM:
            return [*head, *_narrow(waiting, copied, self._verdicts(), held, self._board.news(), width, left)]
        column = (width - GAP) // 2
        verdicts = self._verdicts()
        one = [*verdicts, *waiting.lines(column, left - len(verdicts))]
        two = held.lines(column, left // 2)
        two += latest(self._board.news(), column, left - len(two))
        return [*head, *copied, *_beside(one, two, column)]

    def _head(self, width: int) -> str:
        begin, end = f"Demo: {self._estate}.", "Ctrl-C ends it."
        told = f"{begin} Policies to edit: {self._place.policies}. {end}"
        return told if len(told) <= width else f"{begin} {end}"[:width]

    def _to_copy(self, pending: Sequence[Proposal], width: int, *, explaining: bool) -> Sequence[Text]:
        lines = [
            Text(line, style="cyan")
            for command in commands(self._place, self._board.address, pending, explaining=explaining)
            for line in folded(command, width).split("\n")
        ]
        return [Text("Copy into another terminal", style="bold"), *lines]

    def _verdicts(self) -> list[Text]:
        rows = self._board.verdicts()
        first = max((len(policy) for policy, _ in rows), default=0) + 2
        lines = [Text("Verdicts".ljust(first) + "".join(f"{outcome:>11}" for outcome in Outcome), style="bold")]
        for policy, said in rows:
            # Half a listing is not a count of anything.
            counts = ("?" if said.unread else said.counts[outcome] for outcome in Outcome)
            lines.append(Text(policy.ljust(first) + "".join(f"{count:>11}" for count in counts)))
        return lines


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Entries under a title, the most wanted first."""

    title: str
    entries: Sequence[str]

    def lines(self, width: int, height: int) -> list[Text]:
        """The title, and as many whole entries as fit; the title says how many do not."""
        shown = _fitting(self.entries, width, max(height, LEAST_LINES) - 1)
        hidden = len(self.entries) - len(shown)
        count = f"{len(self.entries)}, {hidden} more not shown" if hidden else f"{len(shown)}"
        return [Text(f"{self.title} ({count})", style="bold"), *(Text(line) for entry in shown for line in entry)]


def latest(news: Sequence[str], width: int, height: int) -> list[Text]:
    """As much of the latest news as fits, oldest first."""
    shown = reversed(_fitting(news[::-1], width, height - 1))
    return [Text("Latest", style="bold"), *(Text(line) for entry in shown for line in entry)]


def held_back(findings: Iterable[Finding], board: Board) -> Sequence[str]:
    """Why findings are not acted on and verdicts unknown, alike ones together, what a person can mend first."""
    reasons = Counter(why for one in findings if (why := _why_held(one, board.observing)))
    for policy, said in board.verdicts():
        reasons.update({_Why(rank=2, policy=policy, words=f"cannot tell: {why}"): n for why, n in said.unknown.items()})
    return [f"{reasons[why]:>4}  {why.policy}: {why.words}" for why in sorted(reasons)]


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class _Why:
    """Why something is held, ordered by how soon a watcher wants to know."""

    rank: int
    policy: str
    words: str


def _why_held(finding: Finding, observing: frozenset[str]) -> _Why | None:
    rank, words = 0, finding.held
    if finding.policy in observing:
        rank, words = 5, "the policy only observes"
    elif finding.unknown is not None:
        rank, words = 1, f"cannot tell now: {finding.unknown}"
    elif finding.state is State.EXEMPTED:
        rank, words = 3, f"exempted by {finding.held}"
    elif finding.state is State.OPEN and finding.held is None:
        rank, words = 4, "grace: watched before it is due"
    return _Why(rank=rank, policy=finding.policy, words=words) if words else None


def _proposals(pending: Sequence[Proposal]) -> Sequence[str]:
    """Proposals of all policies in turn, so that the rarer ones show."""
    by_policy: defaultdict[str, list[Proposal]] = defaultdict(list)
    for proposal in pending:
        by_policy[proposal.policy].append(proposal)
    rounds = zip_longest(*by_policy.values())
    return [f"{one.id}  {one.plan.summary}" for each in rounds for one in each if one is not None]


def _narrow(
    waiting: Section,
    copied: Sequence[Text],
    verdicts: Sequence[Text],
    held: Section,
    news: Sequence[str],
    width: int,
    left: int,
) -> Iterator[Text]:
    """Everything below each other; what happened latest takes what the rest leaves."""
    left -= len(verdicts)
    first = waiting.lines(width, left // 4)
    second = held.lines(width, (left - len(first)) * 2 // 3)
    yield from (*first, *copied, *verdicts, *second)
    yield from latest(news, width, left - len(first) - len(second))


def _beside(one: Sequence[Text], two: Sequence[Text], column: int) -> Iterator[Text]:
    for left, right in zip_longest(one, two, fillvalue=Text()):
        yield Text.assemble(left, " " * (column - len(left) + GAP), right)


def _fitting(entries: Iterable[str], width: int, height: int) -> Sequence[Sequence[str]]:
    """The lines of each entry, as long as they fit whole; one too long for all the room is cut rather than left out."""
    shown: list[Sequence[str]] = []
    for entry in entries:
        room = height - sum(map(len, shown))
        if room < 1 or (shown and len(_wrapped(entry, width)) > room):
            break
        shown.append(_wrapped(entry, width, room))
    return shown


def _wrapped(entry: str, width: int, most: int | None = None) -> Sequence[str]:
    return wrap(entry, width, subsequent_indent=" " * 6, break_on_hyphens=False, max_lines=most, placeholder=" …")


def folded(command: str, width: int) -> str:
    """A command in lines of at most `width`, which a shell still takes for one when they are copied."""
    return " \\\n  ".join(wrap(command, width - 4, break_long_words=False, break_on_hyphens=False))


def commands(place: Place, address: str, pending: Sequence[Proposal], *, explaining: bool = True) -> Sequence[str]:
    """The lines that a newcomer would try, most wanted first; without the longest one unless `explaining`."""
    lines = [place.command("approve", pending[0].id, "--reason", "looked")] if pending else []
    lines += [place.command("trust", ENFORCED, "--reason", "looked"), place.command("proposals")]
    if pending and explaining:
        lines.append(place.reading("explain", pending[0].policy, pending[0].resource_id))
    if mail := sorted(place.mail.glob("*.txt")):
        lines.append(f"cat {mail[0]}")
    if address:
        lines.append(f"curl {address}/metrics")
    return lines
