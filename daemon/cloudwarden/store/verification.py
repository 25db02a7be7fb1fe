"""Verifying the journal: was anything altered, removed, or put in?"""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import Connection, RowMapping, select

from cloudwarden.store.chain import GENESIS, VerifyResult, canonical, digest
from cloudwarden.store.journal import last_number
from cloudwarden.store.tables import journal
from cloudwarden.store.transaction import SqlStore, SqlTransaction

BATCH = 1000
"""Entries in memory at a time."""


def verify(source: SqlStore | SqlTransaction) -> VerifyResult:
    """Read the whole journal and prove its chain; a store is read without holding up its writers."""
    if isinstance(source, SqlStore):
        with source.reading() as transaction:
            return verify(transaction)
    return _verified(source.connection)


def _verified(connection: Connection) -> VerifyResult:
    sound, previous = 0, GENESIS
    for row in _stored(connection):
        if fault := _fault(row, sound + 1, previous):
            return VerifyResult(ok=False, entries=sound, first_bad_seq=row["seq"], what=fault)
        sound, previous = sound + 1, row["hash"]
    if (last := last_number(connection)) != sound:
        what = f"the journal ends at entry {sound}, and entry {last} was once written"
        return VerifyResult(ok=False, entries=sound, first_bad_seq=sound + 1, what=what)
    return VerifyResult(ok=True, entries=sound)


def _stored(connection: Connection) -> Iterator[RowMapping]:
    after = -(2**63)
    while (
        batch := connection.execute(select(journal).where(journal.c.seq > after).order_by(journal.c.seq).limit(BATCH))
        .mappings()
        .all()
    ):
        yield from batch
        after = batch[-1]["seq"]


def _fault(row: RowMapping, expected: int, previous: str) -> str | None:
    """What is wrong with an entry that should have this number and follow this hash; None when nothing is."""
    if row["seq"] != expected:
        return f"entry {expected} is missing: entry {row['seq']} stands in its place"
    if row["previous"] != previous:
        return f"entry {expected} does not follow entry {expected - 1}: one of them was replaced"
    try:
        details = json.loads(row["details"])
        whole = canonical(details) == row["details"]
        sealed = digest(**{name: value for name, value in row.items() if name != "hash"} | {"details": details})
    except (ValueError, TypeError):
        whole, sealed = False, ""
    return (
        None if whole and sealed == row["hash"] else f"entry {expected} was altered: its hash is not that of its fields"
    )
