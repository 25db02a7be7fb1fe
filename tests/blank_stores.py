"""Empty stores whose schema is copied: running every migration takes longer than most tests that need a store.

What opens, migrates or breaks a database makes it with `open_store` alone, as the daemon does.
"""

from __future__ import annotations

import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, make_url

from cloudwarden.store import SqlStore, open_store
from cloudwarden.store.connection import engine_for
from cloudwarden.store.opening import BUSY_TIMEOUT_SECONDS


def in_memory(*, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> SqlStore:
    """What `open_store("sqlite://")` makes."""
    engine = engine_for(make_url("sqlite://"), None, busy_timeout_seconds)
    with _blank().reading() as blank, engine.connect() as made:
        _driver(blank.connection).backup(_driver(made))
    return SqlStore(engine, busy_timeout_seconds=busy_timeout_seconds)


def in_file(file: Path, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> SqlStore:
    """What `open_store` makes of a file that is not there yet."""
    lay(file)
    return open_store(f"sqlite:///{file}", busy_timeout_seconds=busy_timeout_seconds)


def lay(file: Path) -> None:
    """Put an empty database where there is none, as if a daemon had been there before."""
    file.touch(mode=0o640, exist_ok=False)
    file.write_bytes(_blank_file())


@cache
def _blank() -> SqlStore:
    return open_store("sqlite://")


@cache
def _blank_file() -> bytes:
    with tempfile.TemporaryDirectory(prefix="cloudwarden-blank-") as folder:
        file = Path(folder) / "cloudwarden.db"
        open_store(f"sqlite:///{file}").close()
        return file.read_bytes()


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
