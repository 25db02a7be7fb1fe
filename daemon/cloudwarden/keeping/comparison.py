"""Comparing a shipped copy of the journal with the store: what was altered, left out, or forgotten here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from cloudwarden.engine.restore import RESTORED
from cloudwarden.keeping.lines import ShippedLine, read
from cloudwarden.keeping.shipper import ROLLBACK_FOUND
from cloudwarden.store import SqlStore, SqlTransaction
from cloudwarden.store.chain import GENESIS
from cloudwarden.store.segments import segments
from cloudwarden.store.tables import journal

PAGE = 1000
"""Entries of the store in memory at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """What comparing showed. `entries` are the same in both; `unshipped` are in the store alone, the newest.

    `left_behind` are in the copy alone, and the journal says why: a restoration, or a rollback that was found.
    `what` is the first thing that is wrong, in words.
    """

    ok: bool
    entries: int
    unshipped: int
    left_behind: int
    what: str = ""


def compare(store: SqlStore, lines: Iterable[tuple[str, str]], *, shipped: int = 0) -> Compared:
    """Compare a copy, whose lines these are, with the store, which marked entries up to `shipped` as being there."""
    with store.reading() as tx:
        comparison = Comparison(tx)
        for where, text in lines:
            comparison.take(where, text)
        return comparison.result(shipped)


class Comparison:
    """One comparison, line after line."""

    def __init__(self, tx: SqlTransaction) -> None:
        self._tx = tx
        exported = segments(tx.connection)
        self._exported = exported[-1].last_seq if exported else 0
        self._anchors = {segment.last_seq: segment.last_hash for segment in exported}
        self._chained: dict[int, str] = {}
        """Of entries that left the database: their hashes as the copy's own chain proves them."""
        self._page: dict[int, str] = {}
        self._last = tx.journal.last()
        self._covered = 0
        self._roots: dict[str, int] = {}
        """Of entries that the store does not have: by hash, the entry at which their branch leaves the store's."""
        self._same = 0
        self._torn: dict[str, str] = {}
        self._wrong: list[str] = []

    def take(self, where: str, text: str) -> None:
        """Compare one line."""
        line = read(text)
        for torn in [one for one in self._torn if text != one and text.startswith(one)]:
            del self._torn[torn]
        if line is None:
            if text:
                self._torn[text] = where
        elif not line.sound:
            self._wrong.append(f"{where}: entry {line.seq} was altered in the copy: its hash is not that of its fields")
        elif self._is_stored(line):
            self._cover(line)
        else:
            self._branch(where, line)

    def result(self, shipped: int) -> Compared:
        """What it all showed."""
        if self._torn:
            self._wrong.append(f"{next(iter(self._torn.values()))}: this is no entry, nor the beginning of one")
        if self._covered < min(shipped, self._last):
            self._wrong.append(
                f"the copy ends at entry {self._covered}, and entries up to {shipped} were shipped: the rest is missing"
            )
        unexplained = sorted({root for root in self._roots.values() if not self._explained(root)})
        if unexplained:
            self._wrong.insert(0, self._forgotten(unexplained[0]))
        return Compared(
            ok=not self._wrong,
            entries=self._same,
            unshipped=max(0, self._last - self._covered),
            left_behind=len(self._roots),
            what=self._wrong[0] if self._wrong else "",
        )

    def _is_stored(self, line: ShippedLine) -> bool:
        if line.seq > self._exported:
            return self._stored(line.seq) == line.hash
        if (anchor := self._anchors.get(line.seq)) is not None and anchor != line.hash:
            return False
        before = self._chained.get(line.seq - 1)
        if self._chained and before is not None and before != line.previous:
            return False
        return self._chained.setdefault(line.seq, line.hash) == line.hash

    def _stored(self, seq: int) -> str | None:
        if seq not in self._page and 0 < seq <= self._last:
            self._page = {one.seq: one.hash for one in self._tx.journal.entries(after=seq - 1, most=PAGE)}
        return self._page.get(seq)

    def _cover(self, line: ShippedLine) -> None:
        if self._covered and line.seq > self._covered + 1:
            missing = f"{self._covered + 1} to {line.seq - 1}"
            self._wrong.append(f"entries {missing} are missing in the copy")
        elif not self._covered and line.seq > self._exported + 1 and line.seq > 1:
            self._wrong.append(f"the copy begins with entry {line.seq}: what was before it is missing")
        self._same += line.seq > self._covered
        self._covered = max(self._covered, line.seq)

    def _branch(self, where: str, line: ShippedLine) -> None:
        if line.previous in self._roots:
            self._roots[line.hash] = self._roots[line.previous]
        elif line.previous == self._before(line.seq):
            self._roots[line.hash] = line.seq
        else:
            self._wrong.append(f"{where}: entry {line.seq} follows no entry that is known: it was put in, or altered")

    def _before(self, seq: int) -> str | None:
        if seq == 1:
            return GENESIS
        return self._chained.get(seq - 1) if seq - 1 <= self._exported else self._stored(seq - 1)

    def _explained(self, root: int) -> bool:
        query = select(journal.c.seq, journal.c.details).where(journal.c.event.in_((RESTORED, ROLLBACK_FOUND)))
        return any(
            json.loads(details)["after"] < root <= seq for seq, details in self._tx.connection.execute(query).all()
        )

    def _forgotten(self, root: int) -> str:
        lost = sum(one == root for one in self._roots.values())
        if root > self._last:
            return (
                f"THE STORE WAS PUT BACK TO AN EARLIER STATE: its journal ends at entry {self._last}, and the copy "
                f"goes on with {lost} more, of which this store knows nothing"
            )
        return (
            f"THE STORE TELLS ANOTHER STORY THAN ITS COPY from entry {root} on: it was put back to an earlier state "
            f"and went on, or entries were rewritten; {lost} entries of the copy are not in it"
        )
