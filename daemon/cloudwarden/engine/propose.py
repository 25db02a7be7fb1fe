"""Propose: the plan of an action, and asking people for their word on it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cloudwarden.core import lifecycle
from cloudwarden.core.action import Call, Plan
from cloudwarden.core.agreement import asked_otherwise, lacking
from cloudwarden.core.blast import unread
from cloudwarden.core.finding import Finding, Proposal, ProposalState, State
from cloudwarden.core.guards import lapsed, unplanned
from cloudwarden.core.plain import said
from cloudwarden.core.policy import AnyPolicy, Approval
from cloudwarden.core.prospect import Prospect
from cloudwarden.core.resource import Resource
from cloudwarden.core.verdict import Verdict, Violation
from cloudwarden.engine.events import ProposalEnded, ProposalMade
from cloudwarden.engine.gather import Case, Key
from cloudwarden.engine.grounds import evidence_of, prospect_of
from cloudwarden.ports import Transaction

PROSPECTS_LAST = timedelta(hours=1)
"""When to look again at what depends on a proposal's resource, where that could not be read completely."""

Foreseen = Mapping[tuple[str, Key], Mapping[str, Prospect]]
"""The prospects of each action by its name, for policies by name and resources."""

NOT_TRUSTED = "approval: this version of the policy is not trusted here, so people decide"
"""Why a policy that may act by itself asks people, as their finding says until somebody trusts it."""

_OPEN = (State.DUE, State.PROPOSED, State.APPROVED)


class Proposer:
    """Makes, keeps and ends the proposals of one sweep inside its transaction; it writes nothing itself.

    `changed` are those to save, of which `made` are new and `ended` are over. `unseen` are the cases of which the
    prospects are needed.
    """

    def __init__(
        self, tx: Transaction, *, now: datetime, run_id: str, foreseen: Foreseen, report: Callable[[object], None]
    ) -> None:
        self._now = now
        self._run_id = run_id
        self._foreseen = foreseen
        self._report = report
        self._undecided = {one.finding_id: one for one in tx.proposals.undecided()}
        self._new: list[Case] = []
        self._stale: list[Case] = []
        self.changed: list[Proposal] = []
        self.made: list[tuple[AnyPolicy, Finding, Proposal]] = []
        self.ended: list[Proposal] = []

    @property
    def unseen(self) -> list[Case]:
        """Those to propose first, then those to look at again."""
        return [*self._new, *self._stale]

    def standing(self, finding: Finding) -> Proposal | None:
        """The finding's proposal that stood when the sweep was settled, and was not ended since."""
        return self._undecided.get(finding.id)

    def settle(
        self,
        policy: AnyPolicy,
        resource: Resource,
        finding: Finding,
        verdict: Verdict,
        *,
        alone: bool,
        asks: str | None,
        observes: bool,
    ) -> Finding:
        """The finding after its proposal was made, kept, or ended.

        A policy that acts `alone` needs none, one that only `observes` asks nobody, and `asks` is why one that may act
        by itself does.
        """
        standing = self.standing(finding)
        if standing is not None and finding.state not in (State.PROPOSED, State.APPROVED, State.ACTING):
            why = "its policy only observes here" if observes else f"the finding is {finding.state}"
            self.end(finding, ProposalState.WITHDRAWN, why)
            return finding
        if finding.protected is not None and finding.state in _OPEN:
            self.end(finding, ProposalState.WITHDRAWN, finding.protected)
            return replace(lifecycle.moved(finding, State.DUE, self._now), held=f"protection: {finding.protected}")
        if standing is not None and self._now >= standing.expires_at and finding.state is not State.ACTING:
            self.end(finding, ProposalState.EXPIRED, lapsed(standing, finding.held))
            return lifecycle.unanswered(finding, self._now, seen=verdict.violation is not None)
        if verdict.violation is None or finding.state not in _OPEN or alone or observes:
            return finding
        return self._proposed(Case(policy=policy, resource=resource), finding, verdict.violation, standing, asks)

    def end(self, finding: Finding, state: ProposalState, reason: str) -> None:
        """End the finding's proposal, if there is one."""
        if standing := self._undecided.pop(finding.id, None):
            ended = replace(standing, state=state, reason=reason)
            self.changed.append(ended)
            self.ended.append(ended)
            self._report(ProposalEnded(run_id=self._run_id, proposal=ended))

    def _proposed(
        self, case: Case, finding: Finding, violation: Violation, standing: Proposal | None, asks: str | None
    ) -> Finding:
        policy, resource = case.policy, case.resource
        plan = planned(policy, resource, violation)
        if isinstance(plan, str):
            return replace(finding, held=str(unplanned(plan)))
        plans = (plan, *alternatives(policy, resource, violation))
        if standing is not None:
            overtaken = _overtaken(standing, plans, policy.approval)
            if overtaken is None:
                self._look_again(case, standing)
                return _asked_still(finding, asks)
            self.end(finding, ProposalState.WITHDRAWN, overtaken)
        made = proposal(policy, finding, plans, self._prospects_of(case), self._now)
        self.changed.append(made)
        self.made.append((policy, finding, made))
        self._report(ProposalMade(run_id=self._run_id, proposal=made))
        return lifecycle.moved(finding, State.PROPOSED, self._now, held=asks)

    def _prospects_of(self, case: Case) -> Mapping[str, Prospect]:
        found = self._foreseen.get(case.key)
        if found is not None:
            return found
        self._new.append(case)
        later = Prospect(radius=unread("not looked at in this sweep; a later one does"))
        return dict.fromkeys(case.policy.actions, later)

    def _look_again(self, case: Case, standing: Proposal) -> None:
        """What could not be told to who decides may be told by now."""
        read_at = standing.radius.read_at
        recent = read_at is not None and self._now - read_at < PROSPECTS_LAST
        if standing.radius.known or recent or standing.state is not ProposalState.PENDING:
            return
        found = self._foreseen.get(case.key)
        if found is None:
            self._stale.append(case)
        else:
            self.changed.append(replace(standing, prospects=found))


def _asked_still(finding: Finding, asks: str | None) -> Finding:
    """The finding of which people are asked still: once somebody trusted its policy, that is not why any more."""
    if finding.state is State.PROPOSED and finding.held == NOT_TRUSTED:
        return replace(finding, held=asks)
    return finding


def _overtaken(standing: Proposal, plans: Sequence[Plan], terms: Approval) -> str | None:
    """Why people are asked anew, in words; None when what they were asked is still what is to be decided.

    Approved by stricter terms than these, it is approved; what waits is asked on the terms that hold.
    """
    if standing.plan not in plans and standing.plan.hash not in {one.hash for one in plans}:
        return "the plan changed with the resource"
    if standing.state is ProposalState.APPROVED:
        lacks = lacking(terms, standing)
        return f"the policy's terms of approval changed: {lacks}" if lacks else None
    return "the policy's terms of approval changed" if asked_otherwise(terms, standing) else None


def new_id(prefix: str) -> str:
    """A short id that a person can copy: `f-3k9…`; 40 random bits, unique enough for one store."""
    return f"{prefix}-{secrets.token_hex(5)}"


def planned(policy: AnyPolicy, resource: Resource, violation: Violation, name: str | None = None) -> Plan | str:
    """The plan of the policy's action, or of the one with this name; or, in words, why there is none."""
    action = policy.action if name is None else policy.actions.get(name)
    if action is None:
        return "the policy has no action" if name is None else f"the policy has no action {name!r} any more"
    try:
        plan = _carriable(action.plan(resource, violation), action.name)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # an author's code: its failure holds this resource only
        plan = said(error, repr)
    return plan if isinstance(plan, Plan) else f"action {action.name!r} could not be planned: {plan}"


def _carriable(made: object, name: str) -> Plan | str:
    """What an action of this name made, as the store keeps it; or, in words, why nobody could carry that out.

    Raises what an author's own class of plans raises.
    """
    if not isinstance(made, Plan):
        return f"it made {said(made, repr):.80}, which is no Plan"
    plan = made.as_kept()
    if plan.action != name:
        return f"its plan is of an action {plan.action!r}: write Plan(action=self.name, ...)"
    if not plan.steps or not isinstance(plan.steps[0], Call):
        return "its plan does not begin with a Call"
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
