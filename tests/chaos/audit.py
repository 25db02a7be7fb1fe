"""Audit: what the database itself keeps of a run, by triggers, in the daemon's own transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import RowMapping, Table, select

from chaos.history import Closing, Run
from cloudwarden.core.finding import ActionRecord, Finding, Proposal, State
from cloudwarden.ports import JournalEntry
from cloudwarden.store import SqlStore, rows, tables, verify

_UNIX_EPOCH_IN_JULIAN_DAYS = 2440587.5
_SCRIPT = """
CREATE TABLE IF NOT EXISTS audit_closings (
    number INTEGER PRIMARY KEY, at REAL, finding TEXT, policy TEXT, resource TEXT, state TEXT);
CREATE TABLE IF NOT EXISTS audit_runs (
    number INTEGER PRIMARY KEY, at REAL, policy TEXT, after INTEGER, population INTEGER, began TEXT);
CREATE TABLE IF NOT EXISTS audit_journal (seq INTEGER PRIMARY KEY, at REAL);
CREATE TRIGGER IF NOT EXISTS audit_closed AFTER UPDATE ON findings
WHEN NEW.closed_at IS NOT NULL AND OLD.closed_at IS NULL BEGIN
    INSERT INTO audit_closings (at, finding, policy, resource, state)
    VALUES (julianday('now'), NEW.id, NEW.policy, NEW.resource_id, NEW.state);
END;
CREATE TRIGGER IF NOT EXISTS audit_run_made AFTER INSERT ON runs BEGIN
    INSERT INTO audit_runs (at, policy, after, population, began)
    VALUES (
        julianday('now'), NEW.policy, (SELECT coalesce(max(seq), 0) FROM journal), NEW.population, NEW.started_at);
END;
CREATE TRIGGER IF NOT EXISTS audit_run_saved AFTER UPDATE ON runs BEGIN
    INSERT INTO audit_runs (at, policy, after, population, began)
    VALUES (
        julianday('now'), NEW.policy, (SELECT coalesce(max(seq), 0) FROM journal), NEW.population, NEW.started_at);
END;
CREATE TRIGGER IF NOT EXISTS audit_journalled AFTER INSERT ON journal BEGIN
    INSERT INTO audit_journal (seq, at) VALUES (NEW.seq, julianday('now'));
END;
"""

_INTENTS = """
SELECT journal.action_id, actions.step FROM journal JOIN actions ON actions.id = journal.action_id
WHERE journal.event = 'action_intended' AND actions.state = 'intended'
AND actions.step = json_extract(journal.details, '$.step')
AND json_extract(journal.details, '$.call.operation') = ? AND actions.resource_id = ?
ORDER BY journal.seq
"""

T = TypeVar("T")


def install(database: Path) -> None:
    """Have the database keep an audit from now on."""
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        connection.executescript(_SCRIPT)


def intents(database: Path, operation: str, resource: str) -> tuple[tuple[str, int], ...]:
    """The committed intents that wait for an outcome of such a call, as another process sees them."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
        return tuple(connection.execute(_INTENTS, (operation, resource)).fetchall())


@dataclass(frozen=True, kw_only=True, slots=True)
class Books:
    """Everything that the database says about a run."""

    journal: Sequence[JournalEntry]
    committed: Mapping[int, datetime]
    chain: str
    actions: Sequence[ActionRecord]
    proposals: Sequence[Proposal]
    findings: Sequence[Finding]
    closings: Sequence[Closing]
    runs: Sequence[Run]


def books(store: SqlStore) -> Books:
    """What the database says now, all of one instant."""
    with store.reading() as tx:
        proof = verify(tx)

        def all_of(table: Table, made: object) -> list[object]:
            return list(rows.fetch(tx.connection, select(table), made))  # type: ignore[arg-type]

        def audited(statement: str) -> Sequence[RowMapping]:
            return tx.connection.exec_driver_sql(statement).mappings().all()

        return Books(
            journal=tx.journal.entries(most=1_000_000),
            committed={row["seq"]: _instant(row["at"]) for row in audited("SELECT * FROM audit_journal")},
            chain="" if proof.ok else proof.what,
            actions=_sorted(all_of(tables.actions, rows.action_from)),
            proposals=all_of(tables.proposals, rows.proposal_from),  # type: ignore[arg-type]
            findings=all_of(tables.findings, rows.finding_from),  # type: ignore[arg-type]
            closings=[_closing(row) for row in audited("SELECT * FROM audit_closings ORDER BY number")],
            runs=[
                Run(
                    at=_instant(row["at"]),
                    policy=row["policy"],
                    after=row["after"],
                    population=row["population"],
                    began=datetime.fromisoformat(row["began"]).replace(tzinfo=UTC),
                )
                for row in audited("SELECT * FROM audit_runs ORDER BY number")
            ],
        )


def _sorted(actions: list[object]) -> list[ActionRecord]:
    return sorted((one for one in actions if isinstance(one, ActionRecord)), key=lambda one: one.id)


def _closing(row: RowMapping) -> Closing:
    return Closing(
        at=_instant(row["at"]),
        finding=row["finding"],
        policy=row["policy"],
        resource=row["resource"],
        state=State(row["state"]),
    )


def _instant(julian: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=julian - _UNIX_EPOCH_IN_JULIAN_DAYS)
