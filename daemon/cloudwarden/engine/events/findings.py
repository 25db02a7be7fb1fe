"""What became of findings and of their proposals."""

from __future__ import annotations

from dataclasses import dataclass

from cloudwarden.core.finding import Finding, Proposal
from cloudwarden.core.resource import Scope


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingChanged:
    """A finding came to be, or went from one state to another. `was` is None when it is new."""

    run_id: str
    finding: Finding
    was: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingsOrphaned:
    """Findings were closed because nobody watches them any more. `reason` is policy-removed or scope-left."""

    policy: str
    scope: Scope
    reason: str
    findings: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProposalMade:
    """A due action waits for a person."""

    run_id: str
    proposal: Proposal


@dataclass(frozen=True, kw_only=True, slots=True)
class ProposalEnded:
    """A proposal expired, was withdrawn, or was carried out."""

    run_id: str
    proposal: Proposal
