"""What the daemon's events say to somebody who watches the demo."""

from __future__ import annotations

from cloudwarden.core.finding import Finding, State
from cloudwarden.engine.events import (
    ActionEnded,
    ActionHeld,
    ActionIntended,
    FindingChanged,
    LimitTripped,
    ProposalMade,
    RuleFailed,
    SweepFailed,
)

_CHANGES = {
    State.APPROVED: "approved",
    State.FIXED: "fixed, as a new reading shows",
    State.RESOLVED: "became compliant by itself",
    State.GONE: "is gone",
    State.EXEMPTED: "exempted",
}


def told(event: object) -> str | None:
    """One line for an event that a watcher wants to know of."""
    match event:
        case FindingChanged(finding=finding, was=None) if finding.state is not State.EXEMPTED:
            return f"found     {_about(finding)}: {finding.violation.summary}"
        case FindingChanged(finding=finding):
            change = _CHANGES.get(finding.state)
            return f"finding   {_about(finding)}: {change}" if change else None
        case ProposalMade(proposal=proposal):
            return f"proposed  {proposal.id}: {proposal.plan.summary}"
        case ActionIntended(record=record) if record.step == 0:
            return f"acting    {record.plan.summary}"
        case ActionEnded(record=record, outcome=outcome):
            return f"did       {record.plan.summary}: {outcome}{f', {record.error}' if record.error else ''}"
        case _:
            return _trouble(event)


def _trouble(event: object) -> str | None:
    match event:
        case ActionHeld(resource=resource, guard=guard, detail=detail) if guard != "approval":
            return f"held      {resource}: {guard}, {detail}"
        case LimitTripped(policy=policy, detail=detail):
            return f"LIMIT     {policy}: {detail}"
        case RuleFailed(policy=policy, resource=resource, detail=detail):
            return f"rule      {policy} on {resource}: {detail}"
        case SweepFailed(detail=detail):
            return f"sweep     failed: {detail}"
        case _:
            return None


def _about(finding: Finding) -> str:
    return f"{finding.policy} on {finding.resource_id}{f' ({finding.name})' if finding.name else ''}"
