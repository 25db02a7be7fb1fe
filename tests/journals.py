"""Filling a journal, and altering one past its triggers."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path

from cloudwarden.core.plain import Json
from cloudwarden.store import SqlStore


def append(store: SqlStore, count: int, at: datetime) -> None:
    """Append entries about actions a1, a2, ..., in one transaction."""
    with store.transaction() as tx:
        for number in range(1, count + 1):
            details: dict[str, Json] = {"step": number, "kept": {"b": 1, "a": "☃"}}
            tx.journal.append(at=at, event="intended", details=details, run_id="r1", action_id=f"a{number}")


def tamper(path: Path, statement: str, *parameters: object) -> None:
    """Change the file as someone would who has it in hand: past the triggers."""
    connection = sqlite3.connect(path)
    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (trigger,) in triggers:
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute(statement, parameters)
    connection.commit()
    connection.close()
