"""SQLite on a bad day: a connection that closes does not write its log back, and says nothing."""

from __future__ import annotations

import sqlite3
from sqlite3 import dbapi2
from typing import Any

import pytest


def leave_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no connection writes its log back, as on a full disk: another has each file open by then."""
    connect, kept = dbapi2.connect, list[sqlite3.Connection]()

    class Watched(sqlite3.Connection):
        def close(self) -> None:
            (_, _, file) = self.execute("PRAGMA database_list").fetchone()
            kept.append(connect(file))
            kept[-1].execute("SELECT count(*) FROM sqlite_master").fetchall()
            super().close()

    def connected(*args: Any, **options: Any) -> sqlite3.Connection:
        return connect(*args, **options, factory=Watched)

    monkeypatch.setattr(dbapi2, "connect", connected)
