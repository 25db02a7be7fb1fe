"""Consent: whether people still let an action's next call be made, asked with its intent and right before the call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from cloudwarden.core.acceptance import trusted_in
from cloudwarden.core.exemption import Subject, lately_exempt, ruling
from cloudwarden.core.finding import ActionRecord, Finding, ProposalState
from cloudwarden.core.guards import ASKED, Hold, outlived
from cloudwarden.core.pause import Pause, paused_by
from cloudwarden.core.policy import AnyPolicy, Approval, Mode
from cloudwarden.engine.abandonment import INTERRUPTED
from cloudwarden.ports import Transaction

PAUSES_KNOWN = "pauses"
"""The detail of the entry that asks for an undo: the marks of the pauses that were there."""


def withdrawn(
    tx: Transaction, record: ActionRecord, policy: AnyPolicy | None, looked_at: datetime, now: datetime
) -> Hold | None:
    """What people decided since the guards looked that forbids the next call; None when nothing does.

    `policy` is the one that is loaded.
    """
    return held_since(tx, record, policy, looked_at, now) or _unapproved(tx, record, policy, now) or _shared(tx, record)


def held_since(
    tx: Transaction, record: ActionRecord, policy: AnyPolicy | None, looked_at: datetime, now: datetime
) -> Hold | None:
    """The same after the intent, which uses an approval up: it is not asked for again."""
    paused = paused_by(tx.decisions.pauses(), record.policy, record.scope.account)
    exempted = _exempted(tx, record, looked_at, now)
    found = {
        "pause": paused,
        "exemption": exempted,
        "approval": _untrusted(tx, record, policy),
        "grace": _interrupted(tx, record),
    }
    return next((Hold(guard=guard, detail=why) for guard, why in found.items() if why is not None), None)


def paused_since(tx: Transaction, record: ActionRecord) -> Sequence[Pause]:
    """The pauses that were not there yet when an undo was asked for: its first journal entry names those that were.

    Who asked knew of those: whoever paused everything because it went wrong wants to undo it. That a policy paused
    itself is nobody's word. No instants are compared: a clock may be set back between an undo and a pause. Where the
    entry was exported, or an older version wrote it, every pause counts.
    """
    pauses = [one for one in tx.decisions.pauses() if not one.by_itself]
    asked = tx.journal.entries(action_id=record.id, most=1) if pauses else ()
    known = asked[0].details.get(PAUSES_KNOWN) if asked else None
    return [one for one in pauses if not isinstance(known, list) or one.mark not in known]


def undo_held(record: ActionRecord, since: Iterable[Pause], ceiling: Mode = Mode.ENFORCE) -> Hold | None:
    """Whose word holds an undo: a ceiling under which nothing is done, or a pause made `since` it was asked for."""
    if ceiling is Mode.OBSERVE:
        why = f"nothing is done in {record.scope}: the ceiling is observe, or the scope is not accepted"
        return Hold(guard="mode", detail=why)
    paused = paused_by(since, record.policy, record.scope.account)
    return Hold(guard="pause", detail=paused) if paused is not None else None


def _exempted(tx: Transaction, record: ActionRecord, looked_at: datetime, now: datetime) -> str | None:
    """Nobody has the tags here, nor a bucket's own region: only a last look that began after it was made can tell."""
    finding = tx.findings.get(record.finding_id)
    if finding is None:
        return "its finding is not in the store, so that nobody can tell what exempts it"
    subject, exemptions = Subject.found(finding), tx.decisions.exemptions()
    unseen = (one for one in exemptions if one.created_at >= looked_at)
    return (
        ruling(record.policy, subject, exemptions, now).by
        or lately_exempt(record.policy, subject, exemptions, finding.last_seen, now).by
        or ruling(record.policy, subject, unseen, now).doubt
    )


def _interrupted(tx: Transaction, record: ActionRecord) -> str | None:
    """Another daemon may sweep while this one acts."""
    finding = tx.findings.get(record.finding_id)
    return INTERRUPTED if finding is not None and record.step > 0 and finding.interrupted else None


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


def _shared(tx: Transaction, record: ActionRecord) -> Hold | None:
    """Nothing is begun on what another action has begun to change: what either was judged by is over with the other."""
    if record.step > 0:
        return None
    kind = _kind(tx, record)
    for one in tx.actions.unfinished():
        same = (one.scope, one.resource_id) == (record.scope, record.resource_id) and _kind(tx, one) == kind
        if same and one.id != record.id and one.undoes is None:
            detail = f"action {one.id} of policy {one.policy} is under way on it: {one.plan.summary}"
            return Hold(guard="re-check", detail=detail)
    return None


def _kind(tx: Transaction, record: ActionRecord) -> str | None:
    """Of what kind the resource is: one of another kind may have the same id."""
    finding = tx.findings.get(record.finding_id)
    return finding.kind if finding is not None else None


def _untrusted(tx: Transaction, record: ActionRecord, policy: AnyPolicy | None) -> str | None:
    """Of what nobody approved: trust is needed for every call, as a pause would hold every one.

    What was put to people meanwhile, by another sweep, is for them: while it is on its way nobody is asked.
    """
    if record.proposal_id is not None:
        return None
    if record.step == 0 and tx.proposals.put_to_people([record.finding_id]):
        return ASKED
    if policy is None:
        return f"{record.policy} is not loaded, and nobody approved it"
    trusts = partial(tx.decisions.trusts, record.policy, policy.fingerprint)
    places = record.plan.places(record.scope)
    if trusted_in(trusts, record.scope, places):
        return None
    where = ", ".join(sorted(str(one) for one in {record.scope, *places} if not trusts(one)))
    return f"version {policy.fingerprint} of {record.policy} is not trusted in {where}"


def still(tx: Transaction, finding: Finding) -> bool:
    """Whether nobody moved the finding since it was read: what is written over it must not undo a decision."""
    stored = tx.findings.get(finding.id)
    return stored is not None and stored.state is finding.state
