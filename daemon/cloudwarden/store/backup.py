"""Backups: made while the daemon runs, examined before anybody trusts one, and put in the database's place."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, inspect, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from cloudwarden.core.errors import NoDatabase, StoreError, StoreUnusable, StoreUnwritable
from cloudwarden.ports import JournalEntry
from cloudwarden.store.address import file_of, parsed
from cloudwarden.store.chain import VerifyResult
from cloudwarden.store.connection import engine_for, outside_transactions
from cloudwarden.store.copying import durable, settle_names, unwritable, whole_copy
from cloudwarden.store.opening import BUSY_TIMEOUT_SECONDS, refuse_damage
from cloudwarden.store.place import log_of, refuse_place, refuse_remains, swapping
from cloudwarden.store.schema import is_current, outdated
from cloudwarden.store.segments import Segment, Unread, exported_entries, segments
from cloudwarden.store.tables import journal_segments
from cloudwarden.store.transaction import SqlStore
from cloudwarden.store.verification import verify


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """A file that a store can be restored from. `journal` is None when its schema is an older one's."""

    file: Path
    sha256: str
    size_bytes: int
    journal: VerifyResult | None


def back_up(url: str, to: Path, directory: Path | None) -> Backup:
    """Copy the database to a new file while whoever uses it goes on, and examine the copy. Raises StoreError.

    Exported segments of the journal are read in `directory`.
    """
    file = database_file(url)
    refuse_place(file)
    refuse_remains(file)
    if not file.exists():
        raise NoDatabase(f"{file}: there is no database to back up")
    engine = engine_for(parsed(url), file, BUSY_TIMEOUT_SECONDS)
    examined: list[Backup] = []
    try:
        is_current(engine, str(file))
        whole_copy(engine, to, lambda draft: examined.append(examine(draft, directory)))
    finally:
        engine.dispose()
    (made,) = examined
    return Backup(file=to, sha256=made.sha256, size_bytes=made.size_bytes, journal=made.journal)


def examine(file: Path, directory: Path | None) -> Backup:
    """What a backup is. Raises StoreUnusable when it is damaged, foreign or newer, or its journal is not whole."""
    if not file.is_file():
        raise StoreUnusable(f"{file}: there is no such file: write the path of a backup")
    if (log := log_of(file)).exists() and log.stat().st_size:
        raise StoreUnusable(
            f"{file}: its log {log.name} lies beside it, so it is a database and no backup: make one of it with "
            "`cloudwarden backup`"
        )
    if not file.stat().st_size:
        raise StoreUnusable(f"{file}: the file is empty: take another backup")
    with _unchanging(file) as engine:
        refuse_damage(engine, file, thoroughly=True)
        is_current(engine, str(file))
        old = outdated(engine, str(file))
        journal = None if old else refuse_broken(SqlStore(engine, busy_timeout_seconds=0), file, directory)
    return Backup(file=file, sha256=_sha256(file), size_bytes=file.stat().st_size, journal=journal)


def refuse_broken(store: SqlStore, file: Path, directory: Path | None) -> VerifyResult:
    """The proof of the journal's chain. Raises StoreUnusable when it is not whole."""
    result = verify(store, directory)
    if not result.ok:
        raise StoreUnusable(f"{file}: its journal is not whole: {result.what}. Take another backup")
    return result


def database_file(url: str) -> Path:
    """The file of a database that this program can copy. Raises StoreUnusable, with what to use for others."""
    with suppress(ArgumentError):
        if make_url(url).get_backend_name() == "postgresql":
            raise StoreUnusable(
                "database: PostgreSQL has its own tools: back up with `pg_dump --format=custom`, restore with "
                "`pg_restore` while no daemon runs, then `cloudwarden pause` before starting one"
            )
    file = file_of(url)
    if file is None:
        raise StoreUnusable("database: one in memory ends with its process, and cannot be backed up")
    return file


def entries_above(file: Path, seq: int, directory: Path | None) -> tuple[list[JournalEntry], list[Unread]]:
    """The journal's entries above a number in a database that is about to be replaced. Raises StoreError.

    Those that it exported are read in `directory`; which of its files could not be.
    """
    refuse_remains(file)
    engine = engine_for(URL.create("sqlite", database=str(file)), file, BUSY_TIMEOUT_SECONDS)
    found: list[JournalEntry] = []
    unread: list[Unread] = []
    try:
        with SqlStore(engine, busy_timeout_seconds=0).reading() as tx:
            for part in exported_entries(_exported(tx.connection), directory, after=seq):
                if isinstance(part, Unread):
                    unread.append(part)
                else:
                    found += part
            last = seq
            while page := tx.journal.entries(after=last):
                found += page
                last = page[-1].seq
    finally:
        engine.dispose()
    return found, unread


def _exported(connection: Connection) -> Sequence[Segment]:
    """What was exported; a database of the versions before that has no table of it."""
    return segments(connection) if inspect(connection).has_table(journal_segments.name) else ()


def staged(backup: Path, file: Path) -> Path:
    """A copy of the backup beside the database, owned by whoever owns that; what a restoration works on.

    Raises StoreUnwritable, and StoreUnusable when the backup is the database.
    """
    refuse_place_of_restoring(file)
    if file.exists() and backup.samefile(file):
        raise StoreUnusable(f"{backup}: this is the database itself: write the path of a backup")
    draft = file.with_name(f"{file.name}.restoring")
    try:
        for left in (draft, log_of(draft), _shared_memory_of(draft)):
            left.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        shutil.copyfile(backup, draft)
        durable(draft)
        _as_owned(draft, file if file.exists() else file.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise unwritable(draft, error) from error
    return draft


def refuse_place_of_restoring(file: Path) -> None:
    """Raise StoreError where no database can be; what an interrupted restoration left is about to be replaced."""
    try:
        refuse_place(file)
    except StoreUnusable:
        if not swapping(file).exists():
            raise


def put_in_place(draft: Path, file: Path, now: datetime) -> Path | None:
    """Let the draft be the database, and keep the one before under a dated name, which is returned.

    From the first change to the last a file says that a restoration is under way, and no store is opened then.
    """
    aside = file.with_name(f"{file.name}.before-restore-{now:%Y%m%dT%H%M%S%fZ}")
    _write_back(file)
    try:
        draft.replace(swapping(file))
        settle_names(file.parent)
        kept = file.exists()
        if kept:
            os.link(file, aside)
        if log_of(file).exists():
            log_of(file).rename(log_of(aside))
        _shared_memory_of(file).unlink(missing_ok=True)
        settle_names(file.parent)
        swapping(file).replace(file)
        settle_names(file.parent)
    except OSError as error:
        raise StoreUnwritable(
            f"{file}: the restoration stopped half way ({error.strerror}): see that this user may write in "
            f"{file.parent}, then run it again"
        ) from error
    return aside if kept else None


def _write_back(file: Path) -> None:
    """Have all of a sound database in its file; a damaged one keeps its log beside it."""
    if not file.exists() or not file.stat().st_size:
        return
    engine = engine_for(URL.create("sqlite", database=str(file)), file, BUSY_TIMEOUT_SECONDS)
    try:
        with suppress(StoreError), outside_transactions(engine).connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        engine.dispose()


@contextmanager
def _unchanging(file: Path) -> Iterator[Engine]:
    """An engine on a file that nobody changes: SQLite makes no lock and no log beside it."""
    query = {"mode": "ro", "immutable": "1", "uri": "true"}
    engine = engine_for(URL.create("sqlite", database=f"file:{quote(str(file.absolute()))}", query=query), file, 0)
    try:
        yield engine
    finally:
        engine.dispose()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _shared_memory_of(file: Path) -> Path:
    return file.with_name(f"{file.name}-shm")


def _as_owned(file: Path, other: Path) -> None:
    """Whoever restores may be another than the daemon's user, who must be able to write."""
    status = other.stat()
    with suppress(PermissionError):
        os.chown(file, status.st_uid, status.st_gid)
    if other.is_file():
        file.chmod(status.st_mode & 0o777)
