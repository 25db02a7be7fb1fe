"""Segments of the journal: old entries leave the database by the thousand, each thousand for a file of its own."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select

from cloudwarden.core.errors import StoreUnusable, StoreUnwritable
from cloudwarden.ports import JournalEntry
from cloudwarden.store.chain import GENESIS, canonical, fault, instant
from cloudwarden.store.copying import settle_names
from cloudwarden.store.journal import entry_of
from cloudwarden.store.rows import fetch
from cloudwarden.store.tables import journal, journal_segments
from cloudwarden.store.transaction import SqlStore

SEGMENT = 1000
"""Entries in a segment. Its transaction takes milliseconds; a quiet daemon fills one in months."""

EXPORTED = "journal_exported"
"""The event of the entry that a segment leaves behind: from then on the chain itself vouches for the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """Entries that were exported: the chain that is left follows `last_hash`. `file` is a name in the directory."""

    first_seq: int
    last_seq: int
    last_hash: str
    file: str
    file_sha256: str
    exported_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """A segment whose entries could not be given, and why."""

    segment: Segment
    why: str


def segments(connection: Connection) -> Sequence[Segment]:
    """All that were ever exported, oldest first."""
    return fetch(connection, select(journal_segments).order_by(journal_segments.c.last_seq), _segment_from)


def exported_entries(
    known: Sequence[Segment], directory: Path | None, *, after: int = 0
) -> Iterator[Sequence[JournalEntry] | Unread]:
    """Of each of these segments, oldest first, the entries above `after`: each file proven before it is believed."""
    previous = GENESIS
    for segment in known:
        if segment.last_seq > after:
            yield _entries(segment, directory, previous, after)
        previous = segment.last_hash


def export_oldest(
    store: SqlStore, directory: Path, *, before: datetime, now: datetime, shipped_to: str | None = None
) -> Segment | None:
    """Write the oldest segment to a file and take it out of the database; None unless all of it is older.

    Entries from the future are as old as those around them: a clock was wrong that was put right since.
    Where entries are shipped to a target, all of it must be there as well.

    Raises StoreUnwritable when the file cannot be written and StoreUnusable when an entry was altered: then
    nothing is deleted.
    """
    with store.reading() as tx:
        known = segments(tx.connection)
        first = known[-1].last_seq + 1 if known else 1
        rows = _rows(tx.connection, first)
        shipped = {shipment.target: shipment.seq for shipment in tx.keeping.shipments()}
    if rows and shipped_to is not None and shipped.get(shipped_to, 0) < rows[-1]["seq"]:
        return None
    told = [str(row["at"]) for row in rows if str(row["at"]) <= instant(now)]
    if len(rows) < SEGMENT or max(told, default=instant(now)) >= instant(before):
        return None
    _refuse_broken(rows, first, known[-1].last_hash if known else GENESIS)
    last = rows[-1]["seq"]
    written = _packed(rows)
    name = _write(directory, f"journal-{first:012}-{last:012}", rows[-1]["hash"], written)
    segment = Segment(
        first_seq=first,
        last_seq=last,
        last_hash=rows[-1]["hash"],
        file=name,
        file_sha256=hashlib.sha256(written).hexdigest(),
        exported_at=now,
    )
    _take_out(store, segment)
    return segment


def unsound(segment: Segment, directory: Path, previous: str) -> str | None:
    """What is wrong with a segment's file, which follows the hash `previous`; None when nothing is.

    Raises FileNotFoundError when it is not there, as files may be kept elsewhere, and StoreUnusable when it cannot
    be read.
    """
    try:
        content = (directory / segment.file).read_bytes()
    except PermissionError as error:
        raise StoreUnusable(f"{directory / segment.file}: give this user read access to the file") from error
    if hashlib.sha256(content).hexdigest() != segment.file_sha256:
        return f"{segment.file} is not the file that was exported"
    for expected, row in enumerate(_unpacked(content), start=segment.first_seq):
        if what := fault(row, expected, previous):
            return f"{segment.file}: {what}"
        previous = row["hash"]
    return None if previous == segment.last_hash else f"{segment.file} does not end where the rest of the chain begins"


def _entries(segment: Segment, directory: Path | None, previous: str, after: int) -> Sequence[JournalEntry] | Unread:
    if directory is None:
        return Unread(segment=segment, why="nobody knows where it is: set `retention.directory`")
    try:
        if wrong := unsound(segment, directory, previous):
            return Unread(segment=segment, why=wrong)
        content = (directory / segment.file).read_bytes()
    except FileNotFoundError:
        return Unread(segment=segment, why=f"it is not in {directory}")
    return [entry_of(row) for row in _unpacked(content) if row["seq"] > after]


def _rows(connection: Connection, first: int) -> Sequence[RowMapping]:
    query = select(journal).where(journal.c.seq >= first).order_by(journal.c.seq).limit(SEGMENT)
    return connection.execute(query).mappings().all()


def _refuse_broken(rows: Sequence[RowMapping], first: int, previous: str) -> None:
    for expected, row in enumerate(rows, start=first):
        if what := fault(dict(row), expected, previous):
            raise StoreUnusable(f"the journal is not whole, so nothing old is exported: {what}")
        previous = row["hash"]


def _packed(rows: Sequence[RowMapping]) -> bytes:
    lines = (canonical({**row, "details": json.loads(row["details"])}) for row in rows)
    # Without a time of its own, so that writing the same segment again gives the same file.
    return gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)


def _unpacked(content: bytes) -> Iterator[Mapping[str, Any]]:
    for line in gzip.decompress(content).splitlines():
        row = json.loads(line)
        yield {**row, "details": canonical(row["details"])}


def _write(directory: Path, stem: str, last_hash: str, content: bytes) -> str:
    """Write a file, durable, whole or not at all, and never over another: its name.

    Where the usual name is that of other entries, which a restoration left behind, the hash of the last one is in it.
    """
    name = f"{stem}.jsonl.gz"
    draft = directory / f"{name}.part"
    try:
        directory.mkdir(mode=0o750, exist_ok=True)
        if _taken(directory / name, content):
            name = f"{stem}-{last_hash[:16]}.jsonl.gz"
            if _taken(directory / name, content):
                raise StoreUnusable(
                    f"{directory / name}: this file is not what was exported under its name, so nothing old is: move "
                    "it away"
                )
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(directory / name)
        settle_names(directory)
    except OSError as error:
        raise StoreUnwritable(
            f"{directory / name}: old entries of the journal cannot be exported ({error.strerror}), so they stay: give "
            "this user write access to the directory, or set `retention.directory` to another"
        ) from error
    return name


def _taken(file: Path, content: bytes) -> bool:
    """Whether a file is there that has other bytes. The same ones were left by a crash before they were recorded."""
    try:
        return file.read_bytes() != content
    except FileNotFoundError:
        return False


def _take_out(store: SqlStore, segment: Segment) -> None:
    row = {name: getattr(segment, name) for name in Segment.__slots__}
    with store.transaction() as tx:
        tx.connection.execute(insert(journal_segments), row)
        tx.journal.append(
            at=segment.exported_at,
            event=EXPORTED,
            details={name: value for name, value in row.items() if name != "exported_at"},
        )
        tx.connection.execute(delete(journal).where(journal.c.seq <= segment.last_seq))


def _segment_from(row: RowMapping) -> Segment:
    return Segment(**row)
