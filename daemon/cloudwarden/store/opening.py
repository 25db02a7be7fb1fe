"""Opening the store: refuse what cannot be used, then bring the schema up to date."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from cloudwarden.core.errors import NoDatabase, StoreBusy, StoreUnusable, StoreUnwritable
from cloudwarden.store.address import file_of, parsed
from cloudwarden.store.connection import engine_for, outside_transactions, reading
from cloudwarden.store.copying import settle_names, whole_copy
from cloudwarden.store.lock import changed_by_us
from cloudwarden.store.place import RESTORE, log_of, refuse_place, refuse_remains, refuse_unwritten
from cloudwarden.store.schema import is_current, outdated
from cloudwarden.store.transaction import SqlStore

BUSY_TIMEOUT_SECONDS = 5.0
"""How long a transaction waits for another writer: ours end within milliseconds, a backup's within seconds."""


def open_store(
    url: str, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS, keep_old: bool = True, make: bool = True
) -> SqlStore:
    """The store at a URL such as `sqlite:////var/lib/cloudwarden/cloudwarden.db`, its schema up to date.

    `sqlite://` is one in memory that ends with the value returned. A missing file is made; a damaged, empty or
    foreign one is refused and left as it is. Of one with an older schema a copy is kept beside it before it is
    changed, which nobody does while another process owns it, unless this is a copy already (`keep_old`). Raises
    StoreUnusable, StoreUnwritable, StoreBusy or AlreadyRunning, and, for whoever makes none (`make`), NoDatabase.
    """
    parts, file = parsed(url), file_of(url)
    if file is None and not make:
        raise NoDatabase("the database is in memory, and ends with the process that has it: no other sees it")
    if file is None:
        engine = engine_for(parts, None, busy_timeout_seconds)
        _migrate(engine)
        return SqlStore(engine, busy_timeout_seconds=busy_timeout_seconds)
    refuse_place(file)
    refuse_remains(file)
    if not file.exists():
        if not make:
            raise NoDatabase(f"{file}: there is no database")
        _make(parts, file, busy_timeout_seconds)
    engine = engine_for(parts, file, busy_timeout_seconds)
    try:
        refuse_damage(engine, file)
        current = is_current(engine, str(file))
        _use_wal(engine, busy_timeout_seconds)
        if not current and keep_old:
            _bring_up_to_date(engine, file, busy_timeout_seconds)
        elif not current:
            _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, busy_timeout_seconds=busy_timeout_seconds)


def _migrate(engine: Engine) -> None:
    # Late, for what it takes: every other start than the first and those after upgrades goes without.
    from cloudwarden.store.migration import migrate  # noqa: PLC0415

    migrate(engine)


def refuse_damage(engine: Engine, file: Path, *, thoroughly: bool = False) -> None:
    """Raise StoreUnusable when the file's pages are not sound; `thoroughly` compares the indexes as well."""
    with reading(engine).begin() as connection:
        how = "integrity_check(1)" if thoroughly else "quick_check(1)"
        found = connection.exec_driver_sql(f"PRAGMA {how}").scalar_one()
    if found != "ok":
        raise StoreUnusable(f"{file}: the file is damaged ({found}): {RESTORE}")


def _make(parts: URL, file: Path, busy_timeout_seconds: float) -> None:
    """Make the file, whole or not at all: one that is empty or half made is always what is left of another."""
    draft = file.with_name(f"{file.name}.making-{secrets.token_hex(4)}")
    try:
        draft.touch(mode=0o640, exist_ok=False)
        engine = engine_for(parts.set(database=str(draft), query={}), draft, busy_timeout_seconds)
        try:
            _use_wal(engine, busy_timeout_seconds)
            _migrate(engine)
        finally:
            engine.dispose()
        refuse_unwritten(draft)
        # When another process was faster, its file is as good as ours.
        with suppress(FileExistsError):
            os.link(draft, file)
        settle_names(file.parent)
    except OSError as error:
        raise StoreUnwritable(
            f"{file}: it cannot be made ({error.strerror}): see that {file.parent} is there, has room, and that this "
            "user may write in it"
        ) from error
    finally:
        for left in (draft, log_of(draft), draft.with_name(f"{draft.name}-shm")):
            left.unlink(missing_ok=True)


def _bring_up_to_date(engine: Engine, file: Path, timeout_seconds: float) -> None:
    """Change the schema, but never under a daemon of the earlier version, which could keep nothing from then on."""
    with changed_by_us(file, timeout_seconds=timeout_seconds):
        _keep_old(engine, file)
        _migrate(engine)


def _keep_old(engine: Engine, file: Path) -> None:
    """Keep a database of an older schema as it is, under a name that says which, before anything changes in it."""
    revision = outdated(engine, str(file))
    if revision is not None:
        whole_copy(engine, file.with_name(f"{file.name}.schema-{revision}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"))


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
