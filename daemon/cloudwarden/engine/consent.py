"""Consent: whether people still let an action's next call be made, asked with its intent and right before the call."""

from __future__ import annotations

from datetime import datetime

from cloudwarden.core.exemption import Subject, ruling
from cloudwarden.core.finding import ActionRecord, Finding, ProposalState
from cloudwarden.core.pause import paused_by
from cloudwarden.ports import Transaction


def withdrawn(tx: Transaction, record: ActionRecord, version: str, looked_at: datetime, now: datetime) -> str | None:
    """What people decided since the guards looked that forbids the next call, in words; None when nothing does.

    `version` is the fingerprint of the policy that is loaded.
    """
    return held_since(tx, record, version, looked_at, now) or _unapproved(tx, record, now)


def held_since(tx: Transaction, record: ActionRecord, version: str, looked_at: datetime, now: datetime) -> str | None:
    """The same after the intent, which uses an approval up: it is not asked for again."""
    return (
        paused_by(tx.decisions.pauses(), record.policy, record.scope.account)
        or _exempted(tx, record, looked_at, now)
        or _untrusted(tx, record, version)
    )


def _exempted(tx: Transaction, record: ActionRecord, looked_at: datetime, now: datetime) -> str | None:
    """Nobody has the tags here: of an exemption by tag only a last look that began after it was made can tell."""
    finding = tx.findings.get(record.finding_id)
    if finding is None:
        return "its finding is not in the store, so that nobody can tell what exempts it"
    subject, exemptions = Subject.found(finding), tx.decisions.exemptions()
    unseen = (one for one in exemptions if one.created_at >= looked_at)
    return ruling(record.policy, subject, exemptions, now).by or ruling(record.policy, subject, unseen, now).doubt


def _unapproved(tx: Transaction, record: ActionRecord, now: datetime) -> str | None:
    """Only before the first call: with it the approval is used up."""
    if record.proposal_id is None or record.step > 0:
        return None
    proposal = tx.proposals.get(record.proposal_id)
    if proposal is None or proposal.state is not ProposalState.APPROVED:
        return f"proposal {record.proposal_id} is {proposal.state if proposal else 'missing'}"
    if proposal.plan.hash != record.plan.hash:
        return f"proposal {proposal.id} was approved with another plan"
    return f"proposal {proposal.id} is over" if now >= proposal.expires_at else None


def _untrusted(tx: Transaction, record: ActionRecord, version: str) -> str | None:
    """Of what nobody approved: trust is needed for every call, as a pause would hold every one."""
    if record.proposal_id is not None:
        return None
    if record.scope in tx.decisions.trusted(record.policy, version):
        return None
    return f"version {version} of {record.policy} is not trusted in {record.scope}"


def still(tx: Transaction, finding: Finding) -> bool:
    """Whether nobody moved the finding since it was read: what is written over it must not undo a decision."""
    stored = tx.findings.get(finding.id)
    return stored is not None and stored.state is finding.state
