"""Notices in SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import Connection, RowMapping, select

from cloudwarden.core.notice import Lead, LeadKind, Notice, NoticeKind, NoticeState
from cloudwarden.store import rows
from cloudwarden.store.tables import notices as table

_PENDING = NoticeState.PENDING.value
_SAME = (
    "id", "finding_id", "policy", "resource_id", "name", "summary", "created_at", "due_at", "next_attempt_at", "would",
    "plan_hash", "watched_since", "not_before", "remark", "attempts", "error", "owner", "channel", "ended_at",
)  # fmt: skip
"""Columns that hold a field as it is."""


class SqlNotices:
    """`ports.Notices`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def about(self, finding_ids: Collection[str]) -> Sequence[Notice]:
        found: list[Notice] = []
        for ids in rows.in_parts(finding_ids):
            found += rows.fetch(self._connection, select(table).where(table.c.finding_id.in_(ids)), _notice_from)
        return sorted(found, key=lambda one: (one.created_at, one.id))

    def pending(self) -> Sequence[Notice]:
        query = select(table).where(table.c.state == _PENDING).order_by(table.c.next_attempt_at, table.c.id)
        return rows.fetch(self._connection, query, _notice_from)

    def latest(self, most: int) -> Sequence[Notice]:
        query = select(table).order_by(table.c.created_at.desc(), table.c.id).limit(most)
        return rows.fetch(self._connection, query, _notice_from)

    def save(self, notices: Iterable[Notice]) -> None:
        rows.upsert(self._connection, table, map(_row, notices))


def _row(notice: Notice) -> dict[str, object]:
    return {
        **{name: getattr(notice, name) for name in _SAME},
        **rows.scope_columns(notice.scope),
        "kind": notice.kind.value,
        "state": notice.state.value,
        "leads": [asdict(one) | {"kind": one.kind.value} for one in notice.leads],
        "before_seconds": notice.before.total_seconds(),
    }


def _notice_from(row: RowMapping) -> Notice:
    return Notice(
        **{name: row[name] for name in _SAME},
        scope=rows.scope_of(row),
        kind=NoticeKind(row["kind"]),
        state=NoticeState(row["state"]),
        leads=tuple(Lead(**one | {"kind": LeadKind(one["kind"])}) for one in row["leads"]),
        before=timedelta(seconds=row["before_seconds"]),
    )
