"""Notices in SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy.sql import FromClause

from cloudwarden.core.notice import Lead, LeadKind, Notice, NoticeKind, NoticeState
from cloudwarden.store import rows
from cloudwarden.store.tables import findings
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
            found += rows.fetch(self._connection, _latest_of(ids), _notice_from)
        return sorted(found, key=lambda one: (one.created_at, one.id))

    def pending(self) -> Sequence[Notice]:
        query = select(table).where(table.c.state == _PENDING).order_by(table.c.next_attempt_at, table.c.id)
        return rows.fetch(self._connection, query, _notice_from)

    def latest(self, most: int, *, policy: str | None = None, state: NoticeState | None = None) -> Sequence[Notice]:
        query = select(table).order_by(table.c.created_at.desc(), table.c.id).limit(most)
        if policy is not None:
            query = query.where(table.c.policy == policy)
        if state is not None:
            query = query.where(table.c.state == state.value)
        return rows.fetch(self._connection, query, _notice_from)

    def save(self, notices: Iterable[Notice]) -> None:
        rows.upsert(self._connection, table, map(_row, notices))


def superseded() -> ColumnElement[bool]:
    """Of a notice that ended: there is a later one which says all that this one is still asked for.

    That is one of the same finding, kind, state, plan and owner, under the same grace clock, or when the clock of both
    ran out long ago. So the latest of each stays, and with it whatever the guard, a reminder and the news look at.
    """
    later = table.alias()
    alike = [one == other for one, other in zip(_kept_by(table), _kept_by(later), strict=True)]
    same_clock = or_(
        table.c.watched_since.is_not_distinct_from(later.c.watched_since),
        and_(not_(_runs(table)), not_(_runs(later))),
    )
    after = and_(later.c.created_at > table.c.created_at, later.c.ended_at >= table.c.ended_at)
    found = exists().where(*alike, table.c.plan_hash.is_not_distinct_from(later.c.plan_hash), same_clock, after)
    return and_(table.c.state != _PENDING, found)


def _latest_of(finding_ids: Collection[str]) -> Select[Any]:
    """What is not superseded, found in one pass over the findings' notices: each would else be held against all."""
    clock = case((_runs(table), table.c.watched_since), else_=None)
    alike = (*_kept_by(table), table.c.plan_hash, clock)
    newest_first = (table.c.created_at.desc(), table.c.ended_at.desc(), table.c.id)
    place = func.row_number().over(partition_by=alike, order_by=newest_first).label("place")
    ranked = select(table.c.id, table.c.state, place).where(table.c.finding_id.in_(finding_ids)).subquery()
    kept = select(ranked.c.id).where(or_(ranked.c.place == 1, ranked.c.state == _PENDING))
    return select(table).where(table.c.id.in_(kept))


def _kept_by(of: FromClause) -> tuple[ColumnElement[Any], ...]:
    return of.c.finding_id, of.c.kind, of.c.state, cast(of.c.leads, Text)


def _runs(of: FromClause) -> ColumnElement[bool]:
    """Whether the grace clock that a notice is good for is the one that runs."""
    same = (findings.c.id == of.c.finding_id, findings.c.grace_since == of.c.watched_since)
    return exists().where(*same).correlate(of)


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
