"""What SQLite's errors mean in our words: the only place that translates them."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError

from cloudwarden.core.errors import StoreBusy, StoreError, StoreUnusable, StoreUnwritable
from cloudwarden.store.place import RESTORE

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_UNWRITABLE = {
    sqlite3.SQLITE_READONLY: "it is read-only: give this user write access to the file and its directory",
    sqlite3.SQLITE_PERM: "access is denied: give this user write access to the file and its directory",
    sqlite3.SQLITE_FULL: "the disk is full: free some space; nothing of this transaction was kept",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write: see the kernel's log, then restart",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: see that its directory exists and that this user may write there",
}
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def translate_errors(engine: Engine, name: str) -> None:
    """From now on whatever the engine's driver raises leaves it as a StoreError, the original chained."""

    def translated(context: ExceptionContext) -> None:
        if isinstance(context.sqlalchemy_exception, DBAPIError):
            raise fault(context.original_exception, name) from context.original_exception

    event.listen(engine, "handle_error", translated)


def fault(error: BaseException, name: str) -> StoreError:
    """The error of ours that says what the driver's means for the database called `name`.

    Source: SQLite's "Result and Error Codes"; the lower byte is the primary code.
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    if code in _BUSY:
        return StoreBusy(f"{name}: another writer holds the database ({error}); try again")
    if code in _UNWRITABLE:
        return StoreUnwritable(f"{name}: {_UNWRITABLE[code]} ({error})")
    if code in _DAMAGED:
        return StoreUnusable(f"{name}: the file is damaged, or is no SQLite database ({error}): {RESTORE}")
    if code == sqlite3.SQLITE_ERROR:
        return StoreUnusable(f"{name}: the schema is not the one this version made ({error}): {RESTORE}")
    return StoreError(f"{name}: the database refused: {error}")
