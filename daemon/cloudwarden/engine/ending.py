"""Ending: how an action ended, and what it makes of its finding and of its policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cloudwarden.core import lifecycle
from cloudwarden.core.action import Call
from cloudwarden.core.errors import CloudError, NotFound
from cloudwarden.core.exemption import ANY
from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Grace, ProposalState, State
from cloudwarden.core.pause import ITSELF, Pause
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.engine.abandonment import made
from cloudwarden.ports import Transaction

_FINDING_AFTER = {
    ActionState.INTENDED: State.ACTING,
    ActionState.SUCCEEDED: State.VERIFYING,
    ActionState.FAILED: State.FAILED,
    ActionState.ABANDONED: State.OPEN,
    ActionState.UNKNOWN: State.FAILED,
}

UNDO = "undo-"
"""Begins the name of what undoes an action; that action's own name follows."""

_FAILURES = (ActionState.FAILED, ActionState.UNKNOWN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How an action ended."""

    state: ActionState
    error: str | None = None
    reconciled: bool = False


def refused(error: CloudError) -> Ending:
    """The ending of a call that certainly did nothing."""
    state = ActionState.ABANDONED if isinstance(error, NotFound) else ActionState.FAILED
    return Ending(state=state, error=f"{error.reason}: {error}")


def said(record: ActionRecord, ending: Ending) -> str | None:
    """How it ended, in words; and what it had done, where it ended half-way, for nobody takes that back."""
    done = made(record) if ending.state is not ActionState.SUCCEEDED and record.undoes is None else ""
    return "; ".join(filter(None, (ending.error, done))) or None


def finding_after(finding: Finding, record: ActionRecord, now: datetime) -> Finding:
    """The finding of an action that is intended, or that ended; what an undo does not restore it leaves as it is.

    An undo that waits for the effect of its last call has restored it already: its policy leaves it alone from then on.
    """
    if record.undoes is not None:
        return lifecycle.undone(finding, record.undoes, now) if restored(record) else finding
    state = _FINDING_AFTER[record.state]
    if state is State.FAILED:
        return lifecycle.failed(finding, record.error, now)
    moved = lifecycle.moved(finding, state, now)
    if state is not State.OPEN:
        return moved
    return replace(moved, grace=Grace(), held=finding.held if finding.snoozed_at(now) else record.error)


def restored(undoing: ActionRecord) -> bool:
    """Whether an undo has put back what it is for, be it that it waits for the effect of its last call."""
    waiting = undoing.state is ActionState.WAITING and not any(
        isinstance(step, Call) for step in undoing.plan.steps[undoing.step :]
    )
    return waiting or undoing.state is ActionState.SUCCEEDED


def does_again(policy: AnyPolicy, undoing: ActionRecord) -> bool:
    """Whether a policy may do what was undone. By the action's name: what two of them do alike, people take for one."""
    return undoing.undoes is not None and undoing.plan.action in {f"{UNDO}{name}" for name in policy.actions}


def undone_lately(tx: Transaction, now: datetime) -> Mapping[tuple[Scope, str], Sequence[ActionRecord]]:
    """The undos after which their resources are left alone still, by resource, the earliest first."""
    found: defaultdict[tuple[Scope, str], list[ActionRecord]] = defaultdict(list)
    for one in tx.actions.undoings_since(now - lifecycle.UNDONE_FOR):
        if restored(one):
            found[one.scope, one.resource_id].append(one)
    return found


def move_finding(tx: Transaction, record: ActionRecord, now: datetime, alike: Iterable[str] = ()) -> None:
    """Have the finding and the proposal say what became of an action, if the finding is still there.

    What was undone, no policy does again: of an undo, those of the policies `alike`, which do the same, say it too.
    """
    tx.findings.save(finding_after(one, record, now) for one in _findings_of(tx, record, alike))
    if record.proposal_id and (proposal := tx.proposals.get(record.proposal_id)):
        tx.proposals.save([replace(proposal, state=ProposalState.CARRIED_OUT)])


def keep_held(tx: Transaction, record: ActionRecord) -> None:
    """Have the finding of an action that waits say what holds it; an undo's says what becomes of its own action."""
    finding = tx.findings.get(record.finding_id)
    if record.undoes is None and finding is not None and finding.state is State.ACTING:
        tx.findings.save([replace(finding, held=record.held)])


def _findings_of(tx: Transaction, record: ActionRecord, alike: Iterable[str]) -> Sequence[Finding]:
    """Those that an action speaks of: its own, and of an undo also the latest ones of the resource."""
    found = [tx.findings.get(record.finding_id)]
    if record.undoes is not None:
        policies = sorted({record.policy, *alike})
        found += [tx.findings.latest_of(policy, record.scope, record.resource_id) for policy in policies]
    return list({one.id: one for one in found if one is not None}.values())


def as_before(tx: Transaction, record: ActionRecord, why: str) -> None:
    """Have the finding be due again, and its approval count, as before an action whose call was not made."""
    if finding := tx.findings.get(record.finding_id):
        state = State.APPROVED if record.proposal_id else State.DUE
        tx.findings.save([lifecycle.moved(finding, state, record.changed_at, held=why)])
    if record.proposal_id and (proposal := tx.proposals.get(record.proposal_id)):
        tx.proposals.save([replace(proposal, state=ProposalState.APPROVED)])


def pause_after(tx: Transaction, record: ActionRecord, *, allowed: int) -> Pause | None:
    """What pauses a policy whose latest `allowed` actions all failed, until a person looks; None when nothing does.

    One that was abandoned says nothing of the policy, nor does an undo, which is a person's. After it is resumed, one
    more failure pauses it again until an action succeeds.
    """
    if record.undoes is not None or record.state not in _FAILURES:
        return None
    latest = tx.actions.latest_endings(record.policy, allowed)
    failing = len(latest) == allowed and all(state in _FAILURES for state in latest)
    if not failing or any((one.policy, one.account) == (record.policy, ANY) for one in tx.decisions.pauses()):
        return None
    why = f"its latest {allowed} actions failed, the last with: {record.error}"
    origin = f"action {record.id}"
    return Pause(policy=record.policy, by=ITSELF, at=record.changed_at, reason=why, origin=origin)
