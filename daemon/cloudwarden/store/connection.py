"""Connections to SQLite: what each is told before it is used, and how its transactions begin."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, QueuePool, StaticPool, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry

from cloudwarden.store.faults import translate_errors
from cloudwarden.store.place import Place, existing

_BEGIN = "cloudwarden_begin"
"""The execution option that says how an engine's transactions begin; without it, by taking the write lock."""


def engine_for(url: URL, file: Path | None, busy_timeout_seconds: float) -> Engine:
    """An engine whose errors are ours, and whose transactions take the write lock when they begin.

    All users of a database in memory share one connection: closing it would lose the data. A file must exist, and
    must stay the one that it is now.
    """
    arguments = {"check_same_thread": False, "timeout": busy_timeout_seconds}
    if file is None:
        engine = create_engine(url, poolclass=StaticPool, connect_args=arguments)
    else:
        engine = create_engine(existing(url, file), poolclass=QueuePool, max_overflow=-1, connect_args=arguments)
        _stay(engine, Place(file))
    translate_errors(engine, str(file or "the database in memory"))
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def reading(engine: Engine) -> Engine:
    """The same engine, whose transactions see one state of the database, change nothing and hold up no writer."""
    return engine.execution_options(**{_BEGIN: "BEGIN"})


def outside_transactions(engine: Engine) -> Engine:
    """The same engine, whose every statement stands alone: for what SQLite refuses within a transaction."""
    return engine.execution_options(**{_BEGIN: None})


def _stay(engine: Engine, place: Place) -> None:
    """From now on no connection is made, and no transaction begins or commits, unless the file is still there."""

    def refuse_change(*_: object) -> None:
        place.refuse_change()

    def refuse_loss(connection: Connection) -> None:
        place.refuse_change()
        if _writes_log(connection):
            place.refuse_lost_log()

    event.listen(engine, "do_connect", refuse_change)
    event.listen(engine, "begin", refuse_change)
    event.listen(engine, "commit", refuse_loss)


def _writes_log(connection: Connection) -> bool:
    if connection.get_execution_options().get(_BEGIN) is not None:
        return False
    return bool(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal")


def _prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # The driver would begin transactions by itself, late and deferred; _begin does it instead.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    # WAL's usual NORMAL may lose the last commits when power fails; an intent must outlive that before its call.
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another wrote in between: no timeout helps.
    how = connection.get_execution_options().get(_BEGIN, "BEGIN IMMEDIATE")
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if how == 'BEGIN' else 'OFF'}")
    if how is not None:
        connection.exec_driver_sql(how)
