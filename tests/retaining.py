"""A retention of a month, and what it leaves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cloudwarden.store import Retention, SqlStore

MONTH = timedelta(days=30)
LATER = timedelta(days=31)


def policy(store: SqlStore, directory: Path | None = None) -> Retention:
    """All that ended a month ago goes."""
    return Retention(store=store, findings=MONTH, journal=MONTH, directory=directory)


def ids(store: SqlStore, table: str) -> list[str]:
    """The ids in a table, sorted."""
    with store.reading() as tx:
        return list(tx.connection.exec_driver_sql(f"SELECT id FROM {table} ORDER BY id").scalars())  # noqa: S608
