"""Verifying the journal: was anything altered, removed, or put in?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, RowMapping, select

from cloudwarden.store.chain import GENESIS, VerifyResult, fault
from cloudwarden.store.journal import last_number
from cloudwarden.store.segments import EXPORTED, Segment, segments, unsound
from cloudwarden.store.tables import journal
from cloudwarden.store.transaction import SqlStore, SqlTransaction

BATCH = 1000
"""Entries in memory at a time."""


def verify(source: SqlStore | SqlTransaction, directory: Path | None = None) -> VerifyResult:
    """Read the whole journal and prove its chain; a store is read without holding up its writers.

    Exported segments are read in `directory`; without it, or where a file is not there, the chain is proven from
    their end on.
    """
    if isinstance(source, SqlStore):
        with source.reading() as transaction:
            return verify(transaction, directory)
    exported = segments(source.connection)
    result = _files(exported, directory)
    return _rest(source.connection, exported[-1] if exported else None, result) if result.ok else result


def _files(exported: Sequence[Segment], directory: Path | None) -> VerifyResult:
    if directory is None:
        return VerifyResult(ok=True, entries=0, absent=tuple(segment.file for segment in exported))
    result, previous = VerifyResult(ok=True, entries=0), GENESIS
    for segment in exported:
        try:
            wrong = unsound(segment, directory, previous)
        except FileNotFoundError:
            result = replace(result, absent=(*result.absent, segment.file))
        else:
            if wrong:
                return replace(result, ok=False, first_bad_seq=segment.first_seq, what=wrong)
            result = replace(result, entries=result.entries + segment.last_seq - segment.first_seq + 1)
        previous = segment.last_hash
    return result


def _rest(connection: Connection, newest: Segment | None, result: VerifyResult) -> VerifyResult:
    """What is still in the database follows the newest segment, and says that it was exported."""
    at, previous = (newest.last_seq, newest.last_hash) if newest else (0, GENESIS)
    begins, vouched = at, newest is None
    for row in _stored(connection):
        entries = result.entries + at - begins
        if wrong := fault(dict(row), at + 1, previous):
            return replace(result, ok=False, entries=entries, first_bad_seq=row["seq"], what=wrong)
        at, previous = at + 1, row["hash"]
        vouched = vouched or (newest is not None and _vouches(row, newest))
    result = replace(result, entries=result.entries + at - begins)
    if (last := last_number(connection)) != at:
        what = f"the journal ends at entry {at}, and entry {last} was once written"
        return replace(result, ok=False, first_bad_seq=at + 1, what=what)
    if not vouched:
        what = f"no entry says that the entries up to {begins} were exported"
        return replace(result, ok=False, first_bad_seq=begins + 1, what=what)
    return result


def _vouches(row: RowMapping, segment: Segment) -> bool:
    if row["event"] != EXPORTED:
        return False
    details = json.loads(row["details"])
    return all(details.get(name) == getattr(segment, name) for name in ("last_seq", "last_hash", "file_sha256"))


def _stored(connection: Connection) -> Iterator[RowMapping]:
    after = -(2**63)
    while (
        batch := connection.execute(select(journal).where(journal.c.seq > after).order_by(journal.c.seq).limit(BATCH))
        .mappings()
        .all()
    ):
        yield from batch
        after = batch[-1]["seq"]
