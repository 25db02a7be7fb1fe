"""JSON shapes of what the verbs print; scripts rely on their keys, so a key stays once it is here."""

from __future__ import annotations

import json

from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.checkup import Check
from cloudwarden.core.detail import UnreadTags
from cloudwarden.core.exemption import Exemption, ExemptionState
from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Proposal
from cloudwarden.core.guards import Hold
from cloudwarden.core.notice import Notice, NoticeState
from cloudwarden.core.pause import Pause
from cloudwarden.core.plain import Json
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.prospect import Prospect
from cloudwarden.core.resource import Resource
from cloudwarden.core.saving import Saving
from cloudwarden.core.verdict import Cause, Outcome, Reading, Verdict
from cloudwarden.engine.explain import Explanation
from cloudwarden.engine.sweep import SweepResult
from cloudwarden.engine.waiting import Waiting
from cloudwarden.ports import JournalEntry

Shape = dict[str, Json]


def finding(one: Finding) -> Shape:
    """A finding."""
    return {
        "id": one.id,
        "policy": one.policy,
        "kind": one.kind,
        "account": one.scope.account,
        "region": one.scope.region,
        "resource": one.resource_id,
        "arn": one.arn,
        "name": one.name,
        "severity": one.severity.value,
        "state": one.state.value,
        "summary": one.violation.summary,
        "offending": list(one.violation.offending),
        "evidence": [reading(each) for each in one.readings],
        "first_seen": one.first_seen.isoformat(),
        "last_seen": one.last_seen.isoformat(),
        "state_since": one.state_since.isoformat(),
        "grace_observed_seconds": one.grace.observed.total_seconds(),
        "unknown": cause(one.unknown) if one.unknown else None,
        "held": one.held,
        "snoozed_until": one.snoozed_until.isoformat() if one.snoozed_until else None,
        "saving": saving(one.saving),
        "attempts": one.attempts,
        "flaps": one.flaps,
    }


def proposal(one: Proposal) -> Shape:
    """A proposal, its plan included."""
    return {
        "id": one.id,
        "finding": one.finding_id,
        "policy": one.policy,
        "account": one.scope.account,
        "region": one.scope.region,
        "resource": one.resource_id,
        "state": one.state.value,
        "summary": one.plan.summary,
        "plan_hash": one.plan.hash,
        "plan": json.loads(one.plan.to_json()),
        "created_at": one.created_at.isoformat(),
        "expires_at": one.expires_at.isoformat(),
        "decided_by": one.decided_by,
        "decided_at": one.decided_at.isoformat() if one.decided_at else None,
        "decided_from": one.decided_from,
        "reason": one.reason,
        "quorum": one.quorum,
        "agreed": list(one.agreeing),
        "not_by": list(one.not_by),
        **prospect(one.prospect),
        "alternatives": [
            {
                "action": plan.action,
                "summary": plan.summary,
                "plan_hash": plan.hash,
                "agreed": list(chosen.agreeing) if (chosen := one.choosing(plan.action)) else [],
                **prospect(one.prospects.get(plan.action, Prospect())),
            }
            for plan in one.alternatives
        ],
    }


def prospect(one: Prospect) -> Shape:
    """What a plan would touch beside its resource, and save; `known` is false when the list may lack some."""
    radius = one.radius
    return {
        "blast_radius": {
            "hash": radius.hash,
            "known": radius.known,
            "count": len(radius.dependants),
            "dependants": [
                {"kind": each.kind, "id": each.id, "name": each.name, "why": each.why} for each in radius.dependants
            ],
            "unknown": [{"what": gap.what, "cause": cause(gap.cause)} for gap in radius.gaps],
            "read_at": radius.read_at.isoformat() if radius.read_at else None,
        },
        "saving": saving(one.saving),
    }


def saving(one: Saving | None) -> Json:
    """US dollars saved in a month, null when unknown; null as a whole where it is not about money."""
    return None if one is None else {"dollars_a_month": one.dollars, "basis": one.basis}


def waiting(one: Waiting) -> Shape:
    """A proposal that waits, with how much it matters."""
    return proposal(one.proposal) | {"severity": one.severity.value}


def action(one: ActionRecord) -> Shape:
    """An action, with what would undo it."""
    return {
        "id": one.id,
        "policy": one.policy,
        "account": one.scope.account,
        "region": one.scope.region,
        "resource": one.resource_id,
        "finding": one.finding_id,
        "proposal": one.proposal_id,
        "action": one.plan.action,
        "summary": one.plan.summary,
        "state": one.state.value,
        "started_at": one.started_at.isoformat(),
        "changed_at": one.changed_at.isoformat(),
        "error": one.error if one.held is None else None,
        "undoes": one.undoes,
        "can_be_undone": one.state is ActionState.SUCCEEDED and one.undoes is None and bool(one.plan.inverse),
    }


def exemption(one: Exemption, state: ExemptionState) -> Shape:
    """An exemption, and what it is now."""
    return {
        "id": one.id,
        "policy": one.policy,
        "resource": one.resource,
        "tag": None if one.tag is None else {"key": one.tag.key, "value": one.tag.value},
        "account": one.account,
        "region": one.region,
        "state": state.value,
        "source": one.source,
        "owner": one.owner,
        "reason": one.reason,
        "created_at": one.created_at.isoformat(),
        "made_by": one.made_by or None,
        "made_from": one.made_from or None,
        "expires_at": one.expires_at.isoformat(),
        "used_at": one.used_at.isoformat() if one.used_at else None,
        "revoked_at": one.revoked_at.isoformat() if one.revoked_at else None,
        "revoked_by": one.revoked_by or None,
        "revoked_from": one.revoked_from or None,
        "revoked_reason": one.revoked_reason or None,
    }


def pause(one: Pause) -> Shape:
    """A pause; `*` is every policy, or every account."""
    return {
        "policy": one.policy,
        "account": one.account,
        "by": one.by,
        "at": one.at.isoformat(),
        "reason": one.words or None,
        "origin": one.origin or None,
        "earlier": list(one.earlier),
    }


def entry(one: JournalEntry) -> Shape:
    """A journal entry."""
    return {
        "seq": one.seq,
        "at": one.at.isoformat(),
        "event": one.event,
        "run_id": one.run_id,
        "action_id": one.action_id,
        "details": one.details,
        "hash": one.hash,
    }


def notice(one: Notice) -> Shape:
    """A notice to an owner."""
    return {
        "id": one.id,
        "kind": one.kind.value,
        "state": one.state.value,
        "finding": one.finding_id,
        "policy": one.policy,
        "account": one.scope.account,
        "region": one.scope.region,
        "resource": one.resource_id,
        "summary": one.summary,
        "would": one.would or None,
        "plan_hash": one.plan_hash,
        "not_before": one.not_before.isoformat() if one.not_before else None,
        "owner": one.owner,
        "channel": one.channel,
        "due_at": one.due_at.isoformat(),
        "attempts": one.attempts,
        "next_attempt_at": one.next_attempt_at.isoformat() if one.state is NoticeState.PENDING else None,
        "error": one.error,
        "ended_at": one.ended_at.isoformat() if one.ended_at else None,
    }


def check(one: Check) -> Shape:
    """One thing that the doctor looked at."""
    return {
        "area": one.area.value,
        "subject": one.subject,
        "where": one.where or None,
        "health": one.health.value,
        "detail": one.detail,
        "fix": one.fix or None,
    }


def scope(one: KnownScope) -> Shape:
    """An account in a region."""
    return {
        "account": one.scope.account,
        "region": one.scope.region,
        "name": one.name,
        "accepted": one.accepted,
        "accepted_by": one.accepted_by or None,
        "accepted_at": one.accepted_at.isoformat() if one.accepted_at else None,
        "found_at": one.found_at.isoformat(),
        "left_at": one.left_at.isoformat() if one.left_at else None,
    }


def policy(one: AnyPolicy) -> Shape:
    """A loaded policy, with overrides applied."""
    return {
        "name": one.name,
        "description": one.description,
        "rule": one.rule.name,
        "kind": one.kind.kind,
        "params": params(one),
        "schedule": str(one.schedule),
        "mode": str(one.mode),
        "action": one.action.name if one.action else None,
        "grace_seconds": one.grace.total_seconds(),
        "limit": {"per_run": one.limit.per_run, "share": one.limit.share},
        "max_dependants": one.max_dependants,
        "exempt": [str(tag) for tag in one.exempt],
        "severity": one.severity.value,
        "fingerprint": one.fingerprint,
    }


def params(one: AnyPolicy) -> Shape:
    """A policy's params."""
    dumped: Shape = one.params.model_dump(mode="json")
    return dumped


def explanation(one: Explanation, *, metrics: int) -> Shape:
    """Why a resource is, or is not, a finding, and for how many metrics CloudWatch was asked."""
    return {
        "policy": policy(one.policy),
        "mode": {"in_force": str(one.mode), "policy": str(one.policy.mode), "ceiling": str(one.ceiling)},
        "resource": resource(one.resource) if one.resource else None,
        "exempted": one.exempted,
        "verdict": verdict(one.verdict) if one.verdict else None,
        "finding": finding(one.finding) if one.finding else None,
        "guards": [hold(each) for each in one.holds],
        "prospect": prospect(one.prospect) if one.prospect else None,
        "problem": cause(one.problem) if one.problem else None,
        "metrics": metrics,
    }


def resource(one: Resource) -> Shape:
    """What every kind of resource has; tags that were not read are null."""
    return {
        "id": one.id,
        "kind": one.kind,
        "arn": one.arn,
        "account": one.account,
        "region": one.region,
        "name": one.name,
        "tags": None if isinstance(one.tags, UnreadTags) else dict(one.tags),
    }


def verdict(one: Verdict) -> Shape:
    """A verdict and what it rests on."""
    return {
        "outcome": one.outcome.value,
        "summary": one.violation.summary if one.violation else None,
        "offending": list(one.violation.offending) if one.violation else [],
        "cause": cause(one.cause) if one.cause else None,
        "evidence": [reading(each) for each in one.readings],
    }


def reading(one: Reading) -> Shape:
    """A question and its answer."""
    return {"question": one.question, "answer": one.answer}


def cause(one: Cause) -> Shape:
    """Why something is unknown."""
    return {"reason": one.reason, "detail": one.detail}


def hold(one: Hold) -> Shape:
    """A guard that holds."""
    return {"guard": one.guard, "detail": one.detail}


def swept(result: SweepResult) -> Shape:
    """What a sweep knows at its end."""
    return {
        "run_id": result.run_id,
        "complete": result.complete,
        "settled": result.settled,
        "verdicts": {outcome.value: result.count(outcome) for outcome in Outcome},
        "findings": [finding(one) for one in result.findings],
        "incomplete": [
            {"account": scope.account, "region": scope.region, "policies": list(policies), "cause": cause(why)}
            for (scope, why), policies in result.blind.items()
        ],
        "unknown": [
            {
                "policy": one.policy,
                "account": one.scope.account,
                "region": one.scope.region,
                "resource": doubt.resource_id,
                "name": doubt.name,
                "cause": cause(doubt.cause),
            }
            for one in result.judgements
            for doubt in one.doubts
        ],
    }
