"""The journal in SQL: append-only, numbered without gaps, and chained."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, text

from cloudwarden.core.plain import Json
from cloudwarden.ports import JournalEntry
from cloudwarden.store.chain import GENESIS, canonical, digest, instant
from cloudwarden.store.rows import fetch
from cloudwarden.store.tables import journal

_LAST_NUMBER = text("SELECT seq FROM sqlite_sequence WHERE name = 'journal'")
_LAST_HASH = select(journal.c.hash).order_by(journal.c.seq.desc()).limit(1)


def last_number(connection: Connection) -> int:
    """The highest number that an entry was ever given, even if someone deleted it since."""
    return int(connection.execute(_LAST_NUMBER).scalar() or 0)


class SqlJournal:
    """`ports.Journal`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(
        self, *, at: datetime, event: str, details: Mapping[str, Json], run_id: str = "", action_id: str = ""
    ) -> JournalEntry:
        # Not the number after the last entry: were the end cut off, that would close the gap which shows it.
        seq = last_number(self._connection) + 1
        previous = str(self._connection.execute(_LAST_HASH).scalar() or GENESIS)
        written, when = canonical(details), instant(at)
        sealed = digest(
            seq=seq, at=when, event=event, run_id=run_id, action_id=action_id, details=details, previous=previous
        )
        ids = {"run_id": run_id, "action_id": action_id}
        row = {"seq": seq, "at": when, "event": event, **ids, "details": written, "previous": previous, "hash": sealed}
        self._connection.execute(insert(journal), row)
        return JournalEntry(
            seq=seq,
            at=datetime.fromisoformat(when),
            event=event,
            run_id=run_id,
            action_id=action_id,
            details=json.loads(written),
            previous=previous,
            hash=sealed,
        )

    def entries(self, *, after: int = 0, action_id: str | None = None, most: int = 1000) -> Sequence[JournalEntry]:
        query = select(journal).where(journal.c.seq > after).order_by(journal.c.seq).limit(most)
        if action_id is not None:
            query = query.where(journal.c.action_id == action_id)
        return fetch(self._connection, query, entry_of)

    def last(self) -> int:
        return last_number(self._connection)


def entry_of(row: RowMapping | Mapping[str, Any]) -> JournalEntry:
    """The entry that a row tells, of the table or of an exported file."""
    fields = dict(row)
    return JournalEntry(**fields | {"at": datetime.fromisoformat(row["at"]), "details": json.loads(row["details"])})
