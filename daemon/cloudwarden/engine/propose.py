"""Propose: the plan of an action, and asking people for their word on it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime

from cloudwarden.core.action import Plan
from cloudwarden.core.finding import Finding, Proposal, ProposalState
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.prospect import Prospect
from cloudwarden.core.resource import Resource
from cloudwarden.core.verdict import Violation
from cloudwarden.engine.grounds import evidence_of, prospect_of
from cloudwarden.ports import Transaction


def new_id(prefix: str) -> str:
    """A short id that a person can copy: `f-3k9…`; 40 random bits, unique enough for one store."""
    return f"{prefix}-{secrets.token_hex(5)}"


def planned(policy: AnyPolicy, resource: Resource, violation: Violation, name: str | None = None) -> Plan | str:
    """The plan of the policy's action, or of the one with this name; or, in words, why there is none."""
    action = policy.action if name is None else policy.actions.get(name)
    if action is None:
        return "the policy has no action" if name is None else f"the policy has no action {name!r} any more"
    try:
        plan: Plan = action.plan(resource, violation)
        plan.to_json()
    except Exception as error:  # noqa: BLE001  # an action is an author's code: its failure holds this resource only
        return f"action {action.name!r} could not be planned: {error!r}"
    return plan


def alternatives(policy: AnyPolicy, resource: Resource, violation: Violation) -> tuple[Plan, ...]:
    """The plans of the policy's other actions, as far as there are any."""
    plans = (planned(policy, resource, violation, one.name) for one in policy.alternatives)
    return tuple(plan for plan in plans if isinstance(plan, Plan))


def proposal(
    policy: AnyPolicy,
    finding: Finding,
    plans: tuple[Plan, ...],
    prospects: Mapping[str, Prospect],
    now: datetime,
) -> Proposal:
    """A proposal of the first of these plans; the others may be chosen instead."""
    plan, *others = plans
    return Proposal(
        id=new_id("p"),
        finding_id=finding.id,
        policy=policy.name,
        scope=finding.scope,
        resource_id=finding.resource_id,
        plan=plan,
        state=ProposalState.PENDING,
        created_at=now,
        expires_at=now + policy.proposals_last,
        quorum=policy.approval.quorum,
        not_by=tuple(policy.approval.not_by),
        alternatives=tuple(others),
        prospects=prospects,
    )


def journal_proposal(tx: Transaction, policy: AnyPolicy, finding: Finding, made: Proposal, run_id: str) -> None:
    """Write down what people are asked, and on which grounds."""
    tx.journal.append(
        at=made.created_at,
        event="proposal_made",
        run_id=run_id,
        details={
            "proposal": made.id,
            "finding": finding.id,
            "policy": policy.name,
            "scope": str(made.scope),
            "resource": made.resource_id,
            "arn": finding.arn,
            "plan_hash": made.plan.hash,
            "summary": made.plan.summary,
            "policy_version": policy.fingerprint,
            "evidence": evidence_of(finding),
            **prospect_of(made.prospect),
        },
    )


def journal_ending(tx: Transaction, ended: Proposal, now: datetime, run_id: str) -> None:
    """Write down that nobody can approve it any more, and whose approval counts no more with it."""
    tx.journal.append(
        at=now,
        event=f"proposal_{ended.state}",
        run_id=run_id,
        details={
            "proposal": ended.id,
            "finding": ended.finding_id,
            "policy": ended.policy,
            "scope": str(ended.scope),
            "resource": ended.resource_id,
            "plan_hash": ended.plan.hash,
            "agreed": list(ended.agreeing),
            "why": ended.reason,
        },
    )
