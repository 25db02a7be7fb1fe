"""Findings, proposals and actions in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Proposal, ProposalState
from cloudwarden.store import rows
from cloudwarden.store.tables import actions, findings, proposals

_UNDECIDED = (ProposalState.PENDING.value, ProposalState.APPROVED.value)
_UNFINISHED = tuple(state.value for state in ActionState if not state.ended)


class SqlFindings:
    """`ports.Findings`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, finding_id: str) -> Finding | None:
        found = rows.fetch(self._connection, select(findings).where(findings.c.id == finding_id), rows.finding_from)
        return found[0] if found else None

    def standing(self, policy: str | None = None) -> Sequence[Finding]:
        query = select(findings).where(findings.c.closed_at.is_(None)).order_by(findings.c.first_seen, findings.c.id)
        if policy is not None:
            query = query.where(findings.c.policy == policy)
        return rows.fetch(self._connection, query, rows.finding_from)

    def recently_closed(self, policy: str | None, since: datetime) -> Sequence[Finding]:
        query = select(findings).where(findings.c.closed_at >= since).order_by(findings.c.closed_at, findings.c.id)
        if policy is not None:
            query = query.where(findings.c.policy == policy)
        return rows.fetch(self._connection, query, rows.finding_from)

    def save(self, changed: Iterable[Finding]) -> None:
        # A resource has one standing finding per policy: the closed ones first, or a successor would collide with them.
        ordered = sorted(changed, key=lambda finding: not finding.state.closed)
        rows.upsert(self._connection, findings, map(rows.finding_row, ordered))


class SqlProposals:
    """`ports.Proposals`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, proposal_id: str) -> Proposal | None:
        found = rows.fetch(self._connection, select(proposals).where(proposals.c.id == proposal_id), rows.proposal_from)
        return found[0] if found else None

    def undecided(self) -> Sequence[Proposal]:
        query = (
            select(proposals).where(proposals.c.state.in_(_UNDECIDED)).order_by(proposals.c.created_at, proposals.c.id)
        )
        return rows.fetch(self._connection, query, rows.proposal_from)

    def save(self, changed: Iterable[Proposal]) -> None:
        rows.upsert(self._connection, proposals, map(rows.proposal_row, changed))


class SqlActionRecords:
    """`ports.ActionRecords`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, action_id: str) -> ActionRecord | None:
        found = rows.fetch(self._connection, select(actions).where(actions.c.id == action_id), rows.action_from)
        return found[0] if found else None

    def unfinished(self) -> Sequence[ActionRecord]:
        query = select(actions).where(actions.c.state.in_(_UNFINISHED)).order_by(actions.c.started_at, actions.c.id)
        return rows.fetch(self._connection, query, rows.action_from)

    def count_since(self, policy: str, since: datetime) -> int:
        query = select(func.count()).where(actions.c.policy == policy, actions.c.started_at >= since)
        return self._connection.execute(query).scalar_one()

    def save(self, record: ActionRecord) -> None:
        rows.upsert(self._connection, actions, [rows.action_row(record)])
