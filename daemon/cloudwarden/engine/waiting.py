"""Waiting: the proposals that stand, those first that people should look at first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloudwarden.core.finding import Proposal, State
from cloudwarden.core.verdict import Severity
from cloudwarden.ports import Transaction

_RANK = {severity: rank for rank, severity in enumerate(reversed(Severity))}


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A pending or approved proposal, and how much its finding matters."""

    proposal: Proposal
    severity: Severity


def waiting(tx: Transaction, policy: str | None = None) -> Sequence[Waiting]:
    """All of them, or a policy's: the most severe first, then what saves most, then the oldest."""
    known = {one.id: one for one in tx.findings.in_states(State.PROPOSED, State.APPROVED)}
    found = []
    for proposal in tx.proposals.undecided():
        finding = known.get(proposal.finding_id) or tx.findings.get(proposal.finding_id)
        if finding is not None and policy in (None, proposal.policy):
            found.append(Waiting(proposal=proposal, severity=finding.severity))
    return sorted(found, key=_urgency)


def _urgency(one: Waiting) -> tuple[object, ...]:
    saving = one.proposal.prospect.saving
    dollars = (saving.dollars if saving else None) or 0.0
    return _RANK[one.severity], -dollars, one.proposal.created_at, one.proposal.id
