"""What an event looks like as a line of the log: its name, its level, and its fields laid flat."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum

from cloudwarden.core.finding import ActionRecord, Finding, Proposal
from cloudwarden.core.pause import Pause
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.engine import events

Fields = dict[str, object]

MOST_LISTED = 100
"""Values of one field. A thousand accounts that are denied are as many problems of one discovery."""

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_LEVELS: Mapping[type, int] = {
    events.CloudCalled: logging.DEBUG,
    events.CloudWaited: logging.DEBUG,
    events.MetricsRequested: logging.DEBUG,
    events.LeasesUsed: logging.DEBUG,
    events.PhaseFinished: logging.DEBUG,
    events.StoreCounted: logging.DEBUG,
    events.ScopesLeft: logging.WARNING,
    events.ScopesUntold: logging.ERROR,
    events.SettingsEdited: logging.WARNING,
    events.RuleFailed: logging.WARNING,
    events.JudgementLost: logging.WARNING,
    events.FindingsOrphaned: logging.WARNING,
    events.LimitTripped: logging.WARNING,
    events.PolicyCautious: logging.WARNING,
    events.PolicyStopped: logging.ERROR,
    events.RunMissed: logging.WARNING,
    events.ExemptionEnding: logging.WARNING,
    events.ExemptionExpired: logging.WARNING,
    events.NoticesFailed: logging.WARNING,
    events.NoticeGivenUp: logging.ERROR,
    events.CourierFailed: logging.ERROR,
    events.PauseBegan: logging.WARNING,
    events.ClockJumped: logging.WARNING,
    events.WorkerLost: logging.ERROR,
    events.JournalFailed: logging.ERROR,
    events.RetentionFailed: logging.ERROR,
    events.JournalShipped: logging.DEBUG,
    events.ShippingFailed: logging.ERROR,
    events.RollbackFound: logging.ERROR,
    events.SweepFailed: logging.ERROR,
}


_ENDINGS: Mapping[str, int] = {"failed": logging.ERROR, "unknown": logging.ERROR, "abandoned": logging.WARNING}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line: `level` is the standard library's number."""

    name: str
    level: int
    fields: Mapping[str, object]


def line(event: object) -> Line:
    """The line of an event: `SweepStarted(run_id=…)` is `sweep_started` with a field run_id."""
    return Line(name=_name(type(event)), level=_level(event), fields=_fields(event))


def _name(kind: type) -> str:
    return _WORD.sub("_", kind.__name__).lower()


def _level(event: object) -> int:
    match event:
        case events.Listed(problem=problem):
            return logging.DEBUG if problem is None else logging.WARNING
        case events.PolicyJudged(unknown=unknown, population=population):
            return logging.INFO if unknown and population is not None else logging.DEBUG
        case events.ScopesDiscovered(problems=problems, accepted=accepted, waiting=waiting, told_before=told_before):
            news = problems and not told_before
            return logging.WARNING if news or accepted + waiting == 0 else logging.DEBUG
        case events.ScopesFound(accepted=accepted):
            return logging.INFO if accepted else logging.WARNING
        case events.MetricsBudgeted(refused=refused):
            return logging.WARNING if refused else logging.DEBUG
        case events.PoliciesLoaded(problems=problems) | events.ExemptionsRead(problems=problems):
            return logging.ERROR if problems else logging.INFO
        case events.ActionEnded(outcome=outcome):
            return _ENDINGS.get(outcome, logging.INFO)
        case _:
            return _LEVELS.get(type(event), logging.INFO)


def _fields(event: object) -> Fields:
    if isinstance(event, events.StoreCounted):
        return _counted(event)
    if isinstance(event, events.PoliciesLoaded):
        policies = [f"{name} ({mode})" for name, mode in event.policies]
        return {"policies": _plain(policies), "problems": _plain(event.problems)}
    if isinstance(event, events.SweepStarted):
        return {**_laid("run_id", event.run_id), "policies": _plain(event.policies), "scopes": len(event.scopes)}
    if not is_dataclass(event):
        return {}
    laid: Fields = {}
    for field in fields(event):
        for name, value in _laid(field.name, getattr(event, field.name)).items():
            # What lies nearer to the event wins: an action may end in another run than the one that began it.
            laid.setdefault(name, value)
    return laid


def _laid(name: str, value: object) -> Fields:
    match value:
        case Pause():
            return _pause(value)
        case Scope():
            return {"account": value.account, "region": value.region}
        case Cause():
            return {"reason": value.reason, "detail": value.detail}
        case Finding():
            return _finding(value)
        case Proposal():
            return _proposal(value)
        case ActionRecord():
            return _record(value)
        case None | "" if value is None or name == "run_id":
            # Without a run of its own an event belongs to the sweep that is running, which the context names.
            return {}
        case _:
            return {name: _plain(value)}


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case Enum():
            return str(value)
        case float():
            return round(value, 6)
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case str() | int() | None:
            return value
        case Iterable():
            return _listed([_plain(inner) for inner in value])
        case _:
            return str(value)


def _listed(values: list[object]) -> list[object]:
    """No longer than a line may be: journald cuts one at 48 KiB, and what is left is no JSON."""
    more = len(values) - MOST_LISTED
    return values if more <= 0 else [*values[:MOST_LISTED], f"and {more} more"]


def _finding(finding: Finding) -> Fields:
    return {
        "finding_id": finding.id,
        "policy": finding.policy,
        "kind": finding.kind,
        **_laid("scope", finding.scope),
        "resource": finding.resource_id,
        "state": str(finding.state),
        "severity": str(finding.severity),
        "summary": finding.violation.summary,
        **({"held": finding.held} if finding.held else {}),
    }


def _proposal(proposal: Proposal) -> Fields:
    return {
        "proposal_id": proposal.id,
        "finding_id": proposal.finding_id,
        "policy": proposal.policy,
        **_laid("scope", proposal.scope),
        "resource": proposal.resource_id,
        "action": proposal.plan.action,
        "plan_hash": proposal.plan.hash,
        "summary": proposal.plan.summary,
        "state": str(proposal.state),
        "expires_at": proposal.expires_at.isoformat(),
        "dependants": len(proposal.radius.dependants),
        **({"dependants_unknown": proposal.radius.unknown} if not proposal.radius.known else {}),
        **({"saving": str(proposal.prospect.saving)} if proposal.prospect.saving else {}),
        **({"decided_by": proposal.decided_by} if proposal.decided_by else {}),
        **({"reason": proposal.reason} if proposal.reason else {}),
    }


def _record(record: ActionRecord) -> Fields:
    return {
        **_laid("run_id", record.run_id),
        "action_id": record.id,
        "finding_id": record.finding_id,
        **({"proposal_id": record.proposal_id} if record.proposal_id else {}),
        "policy": record.policy,
        **_laid("scope", record.scope),
        "resource": record.resource_id,
        "action": record.plan.action,
        "step": record.step,
        "steps": len(record.plan.steps),
        "state": str(record.state),
        **({"error": record.error} if record.error else {}),
    }


def _pause(pause: Pause) -> Fields:
    return {
        "policy": pause.policy,
        "account": pause.account,
        "by": pause.by,
        "at": pause.at.isoformat(),
        "reason": pause.reason,
        "origin": pause.origin,
    }


def _counted(event: events.StoreCounted) -> Fields:
    return {
        "findings": sum(event.findings.values()),
        "proposals": sum(event.proposals.values()),
        "exemptions": _by_state(event.exemptions),
        "paused": [f"{policy} in {account}" for policy, account in sorted(event.paused)],
    }


def _by_state(exemptions: Mapping[tuple[str, str], int]) -> dict[str, int]:
    states = sorted({state for _, state in exemptions})
    return {state: sum(number for (_, one), number in exemptions.items() if one == state) for state in states}
