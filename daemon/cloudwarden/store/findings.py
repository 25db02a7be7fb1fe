"""Findings, proposals and actions in SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, or_, select

from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Proposal, ProposalState, State
from cloudwarden.core.resource import Scope
from cloudwarden.store import rows
from cloudwarden.store.tables import actions as actions_table
from cloudwarden.store.tables import findings as findings_table
from cloudwarden.store.tables import journal
from cloudwarden.store.tables import proposals as proposals_table

_UNDECIDED = (ProposalState.PENDING.value, ProposalState.APPROVED.value)
_NUMBER: ColumnElement[int] = literal_column("actions.rowid")
"""SQLite counts rows up as they are inserted, whatever the clock says."""

_UNFINISHED = tuple(state.value for state in ActionState if not state.ended)


def endings(policy: str, most: int) -> Select[str, str]:
    """Ids and states of the latest actions of a policy that ended for better or worse, newest first.

    By the journal's numbers, whose last entry of an action is its ending: one that succeeded while the clock was months
    ahead is not the latest for so long. Whose entries were exported ended before all others, in the order of beginning.
    """
    seq = select(func.max(journal.c.seq)).where(journal.c.action_id == actions_table.c.id).scalar_subquery()
    return (
        select(actions_table.c.id, actions_table.c.state)
        .where(
            actions_table.c.policy == policy,
            actions_table.c.state.not_in((*_UNFINISHED, ActionState.ABANDONED.value)),
            actions_table.c.undoes.is_(None),
        )
        .order_by(seq.desc().nulls_last(), _NUMBER.desc())
        .limit(most)
    )


class SqlFindings:
    """`ports.Findings`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, finding_id: str) -> Finding | None:
        found = rows.fetch(
            self._connection, select(findings_table).where(findings_table.c.id == finding_id), rows.finding_from
        )
        return found[0] if found else None

    def standing(self, policy: str | None = None) -> Sequence[Finding]:
        query = (
            select(findings_table)
            .where(findings_table.c.closed_at.is_(None))
            .order_by(findings_table.c.first_seen, findings_table.c.id)
        )
        if policy is not None:
            query = query.where(findings_table.c.policy == policy)
        return rows.fetch(self._connection, query, rows.finding_from)

    def in_states(self, *states: State) -> Sequence[Finding]:
        query = (
            select(findings_table)
            .where(findings_table.c.state.in_([state.value for state in states]))
            .order_by(findings_table.c.first_seen, findings_table.c.id)
        )
        return rows.fetch(self._connection, query, rows.finding_from)

    def unseen_since(self, policy: str, scope: Scope, since: datetime, most: int) -> Sequence[Finding]:
        query = (
            select(findings_table)
            .where(
                findings_table.c.closed_at.is_(None),
                findings_table.c.policy == policy,
                findings_table.c.account == scope.account,
                findings_table.c.region == scope.region,
                findings_table.c.state != State.ACTING.value,
                findings_table.c.last_seen <= since,
            )
            .order_by(findings_table.c.first_seen, findings_table.c.id)
            .limit(most)
        )
        return rows.fetch(self._connection, query, rows.finding_from)

    def recently_closed(self, policy: str | None, since: datetime) -> Sequence[Finding]:
        query = (
            select(findings_table)
            .where(findings_table.c.closed_at >= since)
            .order_by(findings_table.c.closed_at, findings_table.c.id)
        )
        if policy is not None:
            query = query.where(findings_table.c.policy == policy)
        return rows.fetch(self._connection, query, rows.finding_from)

    def put_off(self, policy: str, now: datetime) -> Sequence[Finding]:
        query = (
            select(findings_table)
            .where(
                findings_table.c.policy == policy,
                findings_table.c.closed_at.is_not(None),
                findings_table.c.snoozed_until > now,
            )
            .order_by(findings_table.c.closed_at, findings_table.c.id)
        )
        return rows.fetch(self._connection, query, rows.finding_from)

    def latest_of(self, policy: str, scope: Scope, resource_id: str) -> Finding | None:
        query = (
            select(findings_table)
            .where(
                findings_table.c.policy == policy,
                findings_table.c.account == scope.account,
                findings_table.c.region == scope.region,
                findings_table.c.resource_id == resource_id,
            )
            .order_by(findings_table.c.closed_at.desc().nulls_first(), findings_table.c.id)
            .limit(1)
        )
        found = rows.fetch(self._connection, query, rows.finding_from)
        return found[0] if found else None

    def places(self) -> Sequence[tuple[str, Scope]]:
        columns = (findings_table.c.policy, findings_table.c.account, findings_table.c.region)
        query = select(*columns).where(findings_table.c.closed_at.is_(None)).distinct().order_by(*columns)
        return [
            (policy, Scope(account=account, region=region))
            for policy, account, region in self._connection.execute(query)
        ]

    def save(self, findings: Iterable[Finding]) -> None:
        # A resource has one standing finding per policy: the closed ones first, or a successor would collide with them.
        ordered = sorted(findings, key=lambda finding: not finding.state.closed)
        rows.upsert(self._connection, findings_table, map(rows.finding_row, ordered))


class SqlProposals:
    """`ports.Proposals`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, proposal_id: str) -> Proposal | None:
        found = rows.fetch(
            self._connection, select(proposals_table).where(proposals_table.c.id == proposal_id), rows.proposal_from
        )
        return found[0] if found else None

    def undecided(self, about: Collection[str] | None = None) -> Sequence[Proposal]:
        query = select(proposals_table)
        if about is None:
            queries = [query.where(proposals_table.c.state.in_(_UNDECIDED))]
        else:
            # Not by state too: a database that searched by that would read what waits for everybody.
            queries = [query.where(proposals_table.c.finding_id.in_(ids)) for ids in rows.in_parts(about)]
        read = (one for each in queries for one in rows.fetch(self._connection, each, rows.proposal_from))
        found = [one for one in read if one.state in _UNDECIDED]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    def put_to_people(self, about: Collection[str]) -> frozenset[str]:
        column = proposals_table.c.finding_id
        queries = [select(column).where(column.in_(ids)).distinct() for ids in rows.in_parts(about)]
        return frozenset(one for each in queries for one in self._connection.execute(each).scalars())

    def overdue(self, now: datetime, most: int) -> Sequence[Proposal]:
        query = (
            select(proposals_table)
            .where(proposals_table.c.state.in_(_UNDECIDED), proposals_table.c.expires_at <= now)
            .order_by(proposals_table.c.expires_at, proposals_table.c.id)
            .limit(most)
        )
        return rows.fetch(self._connection, query, rows.proposal_from)

    def save(self, proposals: Iterable[Proposal]) -> None:
        rows.upsert(self._connection, proposals_table, map(rows.proposal_row, proposals))


class SqlActionRecords:
    """`ports.ActionRecords`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, action_id: str) -> ActionRecord | None:
        found = rows.fetch(
            self._connection, select(actions_table).where(actions_table.c.id == action_id), rows.action_from
        )
        return found[0] if found else None

    def unfinished(self) -> Sequence[ActionRecord]:
        query = (
            select(actions_table)
            .where(actions_table.c.state.in_(_UNFINISHED))
            .order_by(actions_table.c.started_at, actions_table.c.id)
        )
        return rows.fetch(self._connection, query, rows.action_from)

    def count_since(self, since: datetime, *, policy: str | None = None, account: str | None = None) -> int:
        did_something = or_(actions_table.c.state != ActionState.ABANDONED.value, actions_table.c.step > 0)
        query = select(func.count()).where(
            actions_table.c.started_at >= since, actions_table.c.undoes.is_(None), did_something
        )
        if policy is not None:
            query = query.where(actions_table.c.policy == policy)
        if account is not None:
            query = query.where(actions_table.c.account == account)
        return self._connection.execute(query).scalar_one()

    def undoing(self, action_id: str) -> ActionRecord | None:
        query = select(actions_table).where(actions_table.c.undoes == action_id).order_by(_NUMBER.desc()).limit(1)
        found = rows.fetch(self._connection, query, rows.action_from)
        return found[0] if found else None

    def undoings_since(self, since: datetime) -> Sequence[ActionRecord]:
        query = (
            select(actions_table)
            .where(
                actions_table.c.undoes.is_not(None),
                actions_table.c.state.in_([ActionState.WAITING.value, ActionState.SUCCEEDED.value]),
                actions_table.c.changed_at >= since,
            )
            .order_by(actions_table.c.changed_at, actions_table.c.id)
        )
        return rows.fetch(self._connection, query, rows.action_from)

    def after(self, record: ActionRecord) -> Sequence[ActionRecord]:
        of_record = select(_NUMBER).select_from(actions_table).where(actions_table.c.id == record.id)
        number = self._connection.execute(of_record).scalar_one()
        query = (
            select(actions_table)
            .where(
                actions_table.c.account == record.scope.account,
                actions_table.c.region == record.scope.region,
                actions_table.c.resource_id == record.resource_id,
                number < _NUMBER,
            )
            .order_by(_NUMBER.desc())
        )
        return rows.fetch(self._connection, query, rows.action_from)

    def latest(self, most: int, policy: str | None = None) -> Sequence[ActionRecord]:
        query = select(actions_table).order_by(actions_table.c.started_at.desc(), actions_table.c.id).limit(most)
        if policy is not None:
            query = query.where(actions_table.c.policy == policy)
        return rows.fetch(self._connection, query, rows.action_from)

    def latest_endings(self, policy: str, most: int) -> Sequence[ActionState]:
        return [ActionState(state) for _, state in self._connection.execute(endings(policy, most))]

    def save(self, record: ActionRecord) -> None:
        rows.upsert(self._connection, actions_table, [rows.action_row(record)])
