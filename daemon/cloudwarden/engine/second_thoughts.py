"""Second thoughts: what people decided between the guards' last look and the intent."""

from __future__ import annotations

from datetime import datetime

from cloudwarden.core.exemption import Subject
from cloudwarden.core.finding import ActionRecord, ProposalState
from cloudwarden.core.pause import paused_by
from cloudwarden.engine.grounds import LastLook
from cloudwarden.ports import Transaction


def second_thoughts(tx: Transaction, record: ActionRecord, look: LastLook | None, now: datetime) -> bool:
    """Whether a call must not be made any more; asked in the very transaction that commits its intent.

    The guards' next look says why. What a person asks to be undone is that person's word already. Without a `look` the
    action has begun: its proposal is decided.
    """
    if record.undoes is not None:
        return False
    if paused_by(tx.decisions.pauses(), record.policy, record.scope.account):
        return True
    return look is not None and (_taken_back(tx, record) or _exempted_since(tx, record, look, now))


def _taken_back(tx: Transaction, record: ActionRecord) -> bool:
    """Whether the approval that it began with is one no more."""
    if record.proposal_id is None:
        return False
    proposal = tx.proposals.get(record.proposal_id)
    return proposal is None or proposal.state is not ProposalState.APPROVED or proposal.plan.hash != record.plan.hash


def _exempted_since(tx: Transaction, record: ActionRecord, look: LastLook, now: datetime) -> bool:
    """Whether somebody exempted it, or may have by a tag, since it was looked at."""
    subject = Subject.found(look.finding)
    return any(
        one.created_at >= look.finding.last_seen and one.active(now) and one.covers(record.policy, subject) is not False
        for one in tx.decisions.exemptions()
    )
