"""What the store holds, counted for gauges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, case, func, select

from cloudwarden.core.exemption import ANY_POLICY, ENDING_WITHIN, UNUSED_AFTER, ExemptionState
from cloudwarden.core.finding import ProposalState, State
from cloudwarden.core.notice import NoticeState
from cloudwarden.engine.events import StoreCounted
from cloudwarden.store.decisions import SqlDecisions
from cloudwarden.store.spending import SqlSpending
from cloudwarden.store.tables import exemptions, findings, notices, proposals
from cloudwarden.store.transaction import SqlTransaction


def count(
    source: SqlTransaction | Connection, now: datetime, *, ending_within: timedelta = ENDING_WITHIN
) -> StoreCounted:
    """Count by grouping in the database; only pauses are loaded. Exemptions count by what they are at `now`."""
    connection = source.connection if isinstance(source, SqlTransaction) else source
    pending = connection.execute(_PENDING).all()
    savings = connection.execute(_SAVINGS).all()
    pauses = SqlDecisions(connection).pauses()
    untold = connection.execute(_UNTOLD.where(notices.c.due_at <= now)).all()
    return StoreCounted(
        findings={
            (policy, severity, account): number for policy, severity, account, number in connection.execute(_STANDING)
        },
        proposals={policy: number for policy, number, _ in pending},
        oldest_proposal={policy: oldest.timestamp() for policy, _, oldest in pending},
        exemptions=_exemptions(connection, now, ending_within),
        savings={policy: dollars for policy, dollars, _ in savings},
        savings_unknown={policy: unknown for policy, _, unknown in savings},
        paused=frozenset((one.policy, one.account) for one in pauses),
        notices={policy: number for policy, number, _ in untold},
        oldest_notice={policy: oldest.timestamp() for policy, _, oldest in untold},
        metrics_spent=SqlSpending(connection).metrics(now.astimezone(UTC).date()),
        rolled_back=any(one.by_rollback for one in pauses),
    )


def count_held(transaction: SqlTransaction) -> dict[tuple[str, str], int]:
    """How many findings that are due, approved or acted on each guard holds, by (policy, guard)."""
    rows = transaction.connection.execute(_HELD)
    return {(policy, guard): number for policy, guard, number in rows}


_GUARD = func.substr(findings.c.held, 1, func.instr(findings.c.held, ": ") - 1)

_HELD = (
    select(findings.c.policy, _GUARD, func.count())
    .where(
        findings.c.state.in_([State.DUE.value, State.APPROVED.value, State.ACTING.value]),
        findings.c.held.contains(": "),
    )
    .group_by(findings.c.policy, _GUARD)
)

_STANDING = (
    select(findings.c.policy, findings.c.severity, findings.c.account, func.count())
    .where(findings.c.closed_at.is_(None))
    .group_by(findings.c.policy, findings.c.severity, findings.c.account)
)

_SAVINGS = (
    select(
        findings.c.policy,
        func.coalesce(func.sum(findings.c.saving_dollars), 0.0),
        func.sum(case((findings.c.saving_dollars.is_(None), 1), else_=0)),
    )
    # What an owner wants kept is not to be saved.
    .where(
        findings.c.closed_at.is_(None), findings.c.saving_basis.is_not(None), findings.c.state != State.EXEMPTED.value
    )
    .group_by(findings.c.policy)
)

_PENDING = (
    select(proposals.c.policy, func.count(), func.min(proposals.c.created_at))
    .where(proposals.c.state == ProposalState.PENDING.value)
    .group_by(proposals.c.policy)
)


_UNTOLD = (
    select(notices.c.policy, func.count(), func.min(notices.c.due_at))
    .where(notices.c.state == NoticeState.PENDING.value)
    .group_by(notices.c.policy)
)


def _exemptions(connection: Connection, now: datetime, ending_within: timedelta) -> dict[tuple[str, str], int]:
    """As `Exemption.state` has it."""
    used = func.coalesce(exemptions.c.used_at, exemptions.c.created_at)
    state = case(
        (exemptions.c.revoked_at.is_not(None), ExemptionState.REVOKED.value),
        (exemptions.c.expires_at <= now, ExemptionState.EXPIRED.value),
        (exemptions.c.expires_at <= now + ending_within, ExemptionState.ENDING.value),
        (used <= now - UNUSED_AFTER, ExemptionState.UNUSED.value),
        else_=ExemptionState.ACTIVE.value,
    )
    found = connection.execute(select(exemptions.c.policy, state, func.count()).group_by(exemptions.c.policy, state))
    counted = {(policy, which): number for policy, which, number in found}
    # Every state always, so that a gauge falls to zero and does not stay at its last value.
    policies = {policy for policy, _ in counted} | {ANY_POLICY}
    return {(policy, each.value): 0 for policy in sorted(policies) for each in ExemptionState} | counted
