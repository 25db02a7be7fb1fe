"""Consent: whether people still let an action's next call be made, asked with its intent and right before the call."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cloudwarden.core.exemption import Subject, ruling
from cloudwarden.core.finding import ActionRecord, Finding, ProposalState
from cloudwarden.core.guards import Hold, outlived
from cloudwarden.core.pause import ITSELF, Pause, paused_by
from cloudwarden.core.policy import AnyPolicy, Approval, Mode
from cloudwarden.ports import Transaction


def withdrawn(
    tx: Transaction, record: ActionRecord, policy: AnyPolicy | None, looked_at: datetime, now: datetime
) -> Hold | None:
    """What people decided since the guards looked that forbids the next call; None when nothing does.

    `policy` is the one that is loaded.
    """
    return held_since(tx, record, policy, looked_at, now) or _unapproved(tx, record, policy, now)


def held_since(
    tx: Transaction, record: ActionRecord, policy: AnyPolicy | None, looked_at: datetime, now: datetime
) -> Hold | None:
    """The same after the intent, which uses an approval up: it is not asked for again."""
    paused = paused_by(tx.decisions.pauses(), record.policy, record.scope.account)
    exempted = _exempted(tx, record, looked_at, now)
    found = {"pause": paused, "exemption": exempted, "approval": _untrusted(tx, record, policy)}
    return next((Hold(guard=guard, detail=why) for guard, why in found.items() if why is not None), None)


def undo_held(record: ActionRecord, pauses: Iterable[Pause], ceiling: Mode = Mode.ENFORCE) -> str | None:
    """What holds an undo, in words: a ceiling under which nothing is done, or a pause made after it was asked for.

    Who asked knew of the pauses before: whoever paused everything because it went wrong wants to undo it. That a policy
    paused itself is nobody's word.
    """
    if ceiling is Mode.OBSERVE:
        return f"nothing is done in {record.scope}: the ceiling is observe, or the scope is not accepted"
    later = (one for one in pauses if one.at > record.started_at and one.by != ITSELF)
    return paused_by(later, record.policy, record.scope.account)


def _exempted(tx: Transaction, record: ActionRecord, looked_at: datetime, now: datetime) -> str | None:
    """Nobody has the tags here: of an exemption by tag only a last look that began after it was made can tell."""
    finding = tx.findings.get(record.finding_id)
    if finding is None:
        return "its finding is not in the store, so that nobody can tell what exempts it"
    subject, exemptions = Subject.found(finding), tx.decisions.exemptions()
    unseen = (one for one in exemptions if one.created_at >= looked_at)
    return ruling(record.policy, subject, exemptions, now).by or ruling(record.policy, subject, unseen, now).doubt


def _unapproved(tx: Transaction, record: ActionRecord, policy: AnyPolicy | None, now: datetime) -> Hold | None:
    """Only before the first call: with it the approval is used up."""
    if record.proposal_id is None or record.step > 0:
        return None
    proposal = tx.proposals.get(record.proposal_id)
    if proposal is None or proposal.state is not ProposalState.APPROVED:
        why: str | None = f"proposal {record.proposal_id} is {proposal.state if proposal else 'missing'}"
    elif proposal.plan.hash != record.plan.hash:
        why = f"proposal {proposal.id} was approved with another plan"
    else:
        why = outlived(proposal, policy.approval if policy else Approval(), now)
    return Hold(guard="approval", detail=why) if why is not None else None


def _untrusted(tx: Transaction, record: ActionRecord, policy: AnyPolicy | None) -> str | None:
    """Of what nobody approved: trust is needed for every call, as a pause would hold every one."""
    if record.proposal_id is not None:
        return None
    if policy is None:
        return f"{record.policy} is not loaded, and nobody approved it"
    if record.scope in tx.decisions.trusted(record.policy, policy.fingerprint):
        return None
    return f"version {policy.fingerprint} of {record.policy} is not trusted in {record.scope}"


def still(tx: Transaction, finding: Finding) -> bool:
    """Whether nobody moved the finding since it was read: what is written over it must not undo a decision."""
    stored = tx.findings.get(finding.id)
    return stored is not None and stored.state is finding.state
