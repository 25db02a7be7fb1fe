"""Opening the store: refuse what cannot be used, then bring the schema up to date."""

from __future__ import annotations

import os
import time
from pathlib import Path

from sqlalchemy import Engine

from cloudwarden.core.errors import StoreBusy, StoreUnusable, StoreUnwritable
from cloudwarden.store.address import file_of, parsed
from cloudwarden.store.connection import engine_for, outside_transactions, reading
from cloudwarden.store.faults import RESTORE
from cloudwarden.store.schema import is_current
from cloudwarden.store.transaction import SqlStore

BUSY_TIMEOUT_SECONDS = 5.0
"""How long a transaction waits for another writer: ours end within milliseconds, a backup's within seconds."""


def open_store(url: str, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> SqlStore:
    """The store at a URL such as `sqlite:////var/lib/cloudwarden/cloudwarden.db`, its schema up to date.

    `sqlite://` is one in memory that ends with the value returned. A missing file is made; a damaged or foreign
    one is refused and left as it is. Raises StoreUnusable, StoreUnwritable or StoreBusy.
    """
    parts, file = parsed(url), file_of(url)
    if file is not None:
        _refuse_place(file)
    engine, current = engine_for(parts, file, busy_timeout_seconds), False
    try:
        if file is not None:
            _refuse_damage(engine, file)
            current = is_current(engine, str(file))
            _use_wal(engine, busy_timeout_seconds)
        if not current:
            _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, busy_timeout_seconds=busy_timeout_seconds)


def _migrate(engine: Engine) -> None:
    # Late, for what it takes: every other start than the first and those after upgrades goes without.
    from cloudwarden.store.migration import migrate  # noqa: PLC0415

    migrate(engine)


def _refuse_place(file: Path) -> None:
    folder = file.parent
    if not folder.is_dir():
        raise StoreUnwritable(f"{file}: there is no directory {folder}: make it, or set `database` to another place")
    if file.is_dir():
        raise StoreUnwritable(f"{file} is a directory: set `database` to a file in it, such as {file}/cloudwarden.db")
    if not os.access(folder, os.W_OK | os.X_OK):
        # Even for an existing file: SQLite keeps its write-ahead log beside it.
        raise StoreUnwritable(f"{file}: this user may not write in {folder}: change its owner, or set `database`")
    if file.exists() and not os.access(file, os.R_OK | os.W_OK):
        raise StoreUnwritable(f"{file}: this user may not read and write it: change its owner, or set `database`")


def _refuse_damage(engine: Engine, file: Path) -> None:
    log = file.with_name(f"{file.name}-wal")
    if file.exists() and not file.stat().st_size and log.exists() and log.stat().st_size:
        # SQLite would take this for a new database and throw the log away.
        raise StoreUnusable(f"{file}: the file is empty, and its log {log.name} is not: {RESTORE}")
    with reading(engine).begin() as connection:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise StoreUnusable(f"{file}: the file is damaged ({found}): {RESTORE}")


def _use_wal(engine: Engine, timeout_seconds: float) -> None:
    """Readers and the writer stop waiting for each other; the file remembers it.

    When other processes do the same at the same time SQLite may refuse at once, whatever the busy timeout.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            with outside_transactions(engine).connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except StoreBusy:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)
        else:
            return
