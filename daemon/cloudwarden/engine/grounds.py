"""Grounds: what an entry of the journal says of who decided what, and on which evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from cloudwarden.core.finding import ActionRecord, Finding, Proposal
from cloudwarden.core.plain import Json
from cloudwarden.core.prospect import Prospect
from cloudwarden.ports import Transaction

MOST_NAMED = 100
"""Dependants that an entry names. Their number and hash speak of all of them, and the proposal holds the whole list."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LastLook:
    """What was seen right before an action's first call: the finding as it is, and what the plan touches and saves."""

    finding: Finding
    prospect: Prospect


def evidence_of(finding: Finding) -> dict[str, Json]:
    """What was found, and the questions and answers that proved it."""
    return {
        "summary": finding.violation.summary,
        "offending": list(finding.violation.offending),
        "severity": str(finding.severity),
        "readings": [[reading.question, reading.answer] for reading in finding.readings],
        "first_seen": finding.first_seen.isoformat(),
        "last_seen": finding.last_seen.isoformat(),
    }


def prospect_of(prospect: Prospect) -> dict[str, Json]:
    """What depends on the resource, and what would be saved, as they were known."""
    radius, saving = prospect.radius, prospect.saving
    return {
        "blast_radius": {
            "hash": radius.hash,
            "count": len(radius.dependants),
            "dependants": [str(one) for one in radius.dependants[:MOST_NAMED]],
            "unknown": [str(gap) for gap in radius.gaps],
            "read_at": radius.read_at.isoformat() if radius.read_at else None,
        },
        "saving": asdict(saving) if saving else None,
    }


def grounds(tx: Transaction, record: ActionRecord, *, version: str, look: LastLook | None) -> dict[str, Json]:
    """Why an action's next call may be made: the policy's version, who decided, the plan, and the evidence.

    Without a `look`, the finding and the prospect are as they are stored.
    """
    finding = look.finding if look else tx.findings.get(record.finding_id)
    proposal = tx.proposals.get(record.proposal_id) if record.proposal_id else None
    prospect = look.prospect if look else proposal.prospect if proposal else None
    return {
        "policy_version": version,
        "decision": _decision(record, proposal),
        "assents": [asdict(one) | {"at": one.at.isoformat()} for one in proposal.assents] if proposal else [],
        "plan": json.loads(record.plan.to_json()),
        "evidence": evidence_of(finding) if finding else None,
        **(prospect_of(prospect) if prospect else {}),
    }


def journalled(tx: Transaction, record: ActionRecord, at: datetime, event: str, details: Mapping[str, Json]) -> None:
    """Append what happened to an action, with what it is and what it is for."""
    known: dict[str, Json] = {
        "policy": record.policy,
        "scope": str(record.scope),
        "resource": record.resource_id,
        "finding": record.finding_id,
        "proposal": record.proposal_id,
        "plan_hash": record.plan.hash,
        "step": record.step,
        "kept": dict(record.kept),
    }
    tx.journal.append(at=at, event=event, run_id=record.run_id, action_id=record.id, details={**known, **details})


def _decision(record: ActionRecord, proposal: Proposal | None) -> str:
    if record.undoes is not None:
        return f"a person asked that {record.undoes} be undone"
    if proposal is None:
        return "the policy is trusted to act by itself"
    return f"approved by {proposal.decided_by}"
