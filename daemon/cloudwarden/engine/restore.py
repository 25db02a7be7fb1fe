"""Restore: what a store that was put back to an earlier state may still believe, and what is asked again."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from cloudwarden.core import lifecycle
from cloudwarden.core.finding import ActionRecord, Finding, Grace, ProposalState, State
from cloudwarden.core.pause import Pause
from cloudwarden.core.plain import Json
from cloudwarden.engine.decide import Decider
from cloudwarden.ports import Restoration, Shipment, Transaction

RESTORED = "restored"
"""The event of the first entry after a restoration: from there on the journal tells another story than before."""

_WAITED = (State.OPEN, State.DUE, State.PROPOSED, State.APPROVED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """What a restoration made of the store: how many findings and proposals are asked again, and what is unfinished."""

    seq: int
    findings: int
    proposals: int
    unfinished: tuple[str, ...]
    pause: Pause


def restored(
    tx: Transaction, decider: Decider, *, file: str, sha256: str, copies: Mapping[str, Collection[str]]
) -> Restored:
    """Make a restored store safe to go on with: in it, whatever was done or decided since the backup never happened.

    Nothing acts until a person resumes: limits, respect and what ended an exemption may all have counted since.
    Trust is over, grace begins anew, and what waited for a decision or had one is asked again. Unfinished actions
    stay: their intents are reconciled by reading, and no further step of theirs is taken. `copies` names, by target,
    branches that copies of the journal hold.
    """
    seq = tx.journal.last()
    reset = [_asked_again(one, decider) for one in tx.findings.standing() if one.state in _WAITED]
    tx.findings.save(reset)
    withdrawn = _withdraw(tx, {one.id for one in reset})
    tx.decisions.distrust()
    pause = _pause(tx, decider, file)
    branches = _branch_off(tx, copies)
    unfinished = tuple(one.id for one in tx.actions.unfinished())
    tx.keeping.save_restoration(
        Restoration(
            at=decider.now,
            by=decider.by,
            origin=decider.origin,
            reason=decider.reason,
            file=file,
            sha256=sha256,
            seq=seq,
        )
    )
    details = decider.details(
        file=file,
        sha256=sha256,
        after=seq,
        proposals=list(withdrawn),
        unfinished=list(unfinished),
        branches=branches,
    )
    tx.journal.append(at=decider.now, event=RESTORED, details=details)
    return Restored(seq=seq, findings=len(reset), proposals=len(withdrawn), unfinished=unfinished, pause=pause)


def forgotten(tx: Transaction, record: ActionRecord) -> bool:
    """Whether an action began before the store was last put back, so that nobody knows what was done of it meanwhile.

    The journal's order tells, which no clock changes; of an entry that was exported since only the instants do.
    """
    put_back = tx.keeping.restored()
    if put_back is None:
        return False
    began = tx.journal.entries(action_id=record.id, most=1)
    return began[0].seq <= put_back.seq if began else record.started_at <= put_back.at


def branched(shipment: Shipment, also: Collection[str] = ()) -> Shipment:
    """The shipment of a store that goes on with another history, leaving its own and `also` behind."""
    left = sorted({*shipment.left, shipment.branch, *also})
    return replace(shipment, branch=new_branch(), left=tuple(left))


def new_branch() -> str:
    """A name for a history: short, and like no other."""
    return secrets.token_hex(4)


def _asked_again(finding: Finding, decider: Decider) -> Finding:
    return replace(lifecycle.moved(finding, State.OPEN, decider.now), grace=Grace())


def _withdraw(tx: Transaction, finding_ids: Collection[str]) -> tuple[str, ...]:
    """End what waits on these findings; what belongs to an action that is under way ends with it."""
    waiting = [one for one in tx.proposals.undecided() if one.finding_id in finding_ids]
    why = "the store was restored from a backup"
    tx.proposals.save(replace(one, state=ProposalState.WITHDRAWN, reason=why) for one in waiting)
    return tuple(one.id for one in waiting)


def _pause(tx: Transaction, decider: Decider, file: str) -> Pause:
    reason = f"restored from {file}: look at what it does not know, then resume"
    pause = Pause(by=decider.by, at=decider.now, reason=reason, origin=decider.origin).over(tx.decisions.pauses())
    tx.decisions.save_pause(pause)
    return pause


def _branch_off(tx: Transaction, copies: Mapping[str, Collection[str]]) -> dict[str, Json]:
    known = {one.target: one for one in tx.keeping.shipments()}
    for target in copies.keys() - known.keys():
        known[target] = Shipment(target=target, branch=new_branch())
    made = {target: branched(one, copies.get(target, ())) for target, one in known.items()}
    for shipment in made.values():
        tx.keeping.save_shipment(shipment)
    return {target: {"left": list(one.left), "branch": one.branch} for target, one in sorted(made.items())}
