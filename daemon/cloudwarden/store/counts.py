"""What the store holds, counted for gauges."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, case, func, select

from cloudwarden.core.finding import ProposalState
from cloudwarden.engine.events import StoreCounted
from cloudwarden.store.tables import exemptions, findings, pauses, proposals
from cloudwarden.store.transaction import SqlTransaction


def count(source: SqlTransaction | Connection, now: datetime) -> StoreCounted:
    """Count by grouping in the database; nothing is loaded. Exemptions count by what they are at `now`."""
    connection = source.connection if isinstance(source, SqlTransaction) else source
    pending = connection.execute(_PENDING).all()
    return StoreCounted(
        findings={
            (policy, severity, account): number for policy, severity, account, number in connection.execute(_STANDING)
        },
        proposals={policy: number for policy, number, _ in pending},
        oldest_proposal={policy: oldest.timestamp() for policy, _, oldest in pending},
        exemptions=_exemptions(connection, now),
        paused=frozenset(connection.execute(select(pauses.c.policy)).scalars()),
    )


_STANDING = (
    select(findings.c.policy, findings.c.severity, findings.c.account, func.count())
    .where(findings.c.closed_at.is_(None))
    .group_by(findings.c.policy, findings.c.severity, findings.c.account)
)

_PENDING = (
    select(proposals.c.policy, func.count(), func.min(proposals.c.created_at))
    .where(proposals.c.state == ProposalState.PENDING.value)
    .group_by(proposals.c.policy)
)


def _exemptions(connection: Connection, now: datetime) -> dict[str, int]:
    state = case(
        (exemptions.c.revoked_at.is_not(None), "revoked"),
        (exemptions.c.expires_at <= now, "expired"),
        else_="active",
    )
    found = connection.execute(select(state, func.count()).group_by(state))
    # All three always, so that a gauge falls to zero and does not stay at its last value.
    return {"active": 0, "expired": 0, "revoked": 0} | dict(found.all())
