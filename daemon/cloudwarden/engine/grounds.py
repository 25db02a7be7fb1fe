"""Grounds: what an entry of the journal says of who decided what, and on which evidence."""

from __future__ import annotations

import json
from dataclasses import asdict

from cloudwarden.core.action import Json
from cloudwarden.core.finding import ActionRecord, Finding, Proposal
from cloudwarden.ports import Transaction


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


def grounds(tx: Transaction, record: ActionRecord, *, version: str, seen: Finding | None) -> dict[str, Json]:
    """Why an action's next call may be made: the policy's version, who decided, the plan, and the evidence.

    `seen` is the finding as the last look made it; without one, as it is stored.
    """
    finding = seen or tx.findings.get(record.finding_id)
    proposal = tx.proposals.get(record.proposal_id) if record.proposal_id else None
    return {
        "policy_version": version,
        "decision": _decision(record, proposal),
        "assents": [asdict(one) | {"at": one.at.isoformat()} for one in proposal.assents] if proposal else [],
        "plan": json.loads(record.plan.to_json()),
        "evidence": evidence_of(finding) if finding else None,
    }


def _decision(record: ActionRecord, proposal: Proposal | None) -> str:
    if record.undoes is not None:
        return f"a person asked that {record.undoes} be undone"
    if proposal is None:
        return "the policy is trusted to act by itself"
    return f"approved by {proposal.decided_by}"
