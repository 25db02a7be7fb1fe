"""Settle: verdicts and stored state make findings and proposals, all in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from cloudwarden.core import lifecycle
from cloudwarden.core.action import Plan
from cloudwarden.core.blast import unread
from cloudwarden.core.caution import unusual
from cloudwarden.core.exemption import Exemption, Ruling, Subject, ruling
from cloudwarden.core.finding import Finding, Grace, Proposal, ProposalState, State
from cloudwarden.core.policy import AnyPolicy, Mode
from cloudwarden.core.prospect import Prospect
from cloudwarden.core.protection import NOTHING_MORE, Protection, protected_as_judged
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.saving import Saving
from cloudwarden.core.verdict import Cause, Outcome, Reason, Verdict, Violation
from cloudwarden.engine.events import FindingChanged, PolicyCautious, ProposalEnded, ProposalMade
from cloudwarden.engine.gather import Case
from cloudwarden.engine.propose import alternatives, journal_ending, journal_proposal, new_id, planned, proposal
from cloudwarden.engine.survey import Judgement
from cloudwarden.engine.tell import Teller
from cloudwarden.ports import PolicyRun, Transaction

Key = tuple[Scope, str]
ModeOf = Callable[[AnyPolicy, Scope], Mode]
"""How far a policy may go in a scope."""

SavingOf = Callable[[AnyPolicy, Resource], Saving | None]
"""What carrying out a policy's action on a resource saves."""

PROSPECTS_LAST = timedelta(hours=1)
"""When to look again at what depends on a proposal's resource, where that could not be read completely."""

FIXED_WITHIN = timedelta(days=30)
"""How long it is remembered that our action fixed something, for the case that somebody undoes it."""


class Settler:
    """Settles one policy after another inside one transaction, and remembers what to report when it commits.

    `settle` decides and `finish` writes: without it, all is a rehearsal, after which `unseen` says of which cases the
    prospects would be needed; with them as `prospects`, by policy and resource, it is done in earnest.
    """

    def __init__(
        self,
        tx: Transaction,
        *,
        now: datetime,
        run_id: str,
        mode_of: ModeOf,
        saving_of: SavingOf,
        protection: Protection = NOTHING_MORE,
        prospects: Mapping[tuple[str, Key], Mapping[str, Prospect]] = MappingProxyType({}),
    ) -> None:
        self._tx = tx
        self._now = now
        self._run_id = run_id
        self._mode_of = mode_of
        self._saving_of = saving_of
        self._protection = protection
        self._prospects = prospects
        self._cautious: str | None = None
        self._fixed: Mapping[Key, Finding] = {}
        self._exemptions: Sequence[Exemption] = [one for one in tx.decisions.exemptions() if one.active(now)]
        self._used: set[str] = set()
        self._undecided = {one.finding_id: one for one in tx.proposals.undecided()}
        self._findings: list[Finding] = []
        self._proposals: list[Proposal] = []
        self._made: list[tuple[AnyPolicy, Finding, Proposal]] = []
        self._ended: list[Proposal] = []
        self._runs: list[tuple[PolicyRun, Collection[Scope]]] = []
        self._matches: dict[str, int] = {}
        self._new: list[Case] = []
        self._stale: list[Case] = []
        self._teller = Teller(tx, now=now)
        self.events: list[object] = []

    @property
    def unseen(self) -> list[Case]:
        """Cases of which the prospects are needed: those to propose first, then those to look at again."""
        return [*self._new, *self._stale]

    def settle(self, policy: AnyPolicy, judgements: Sequence[Judgement], remembered: Collection[Key]) -> None:
        """Bring this policy's findings and proposals up to the sweep's judgements of all scopes.

        Of a finding that was not `remembered` when the scopes were looked at, its absence says nothing.
        """
        known = known_findings(self._tx, policy.name, self._now)
        terms = {judgement.scope: self._terms(policy, judgement.scope) for judgement in judgements}
        self._fixed = self._fixed_by_us(policy)
        self._teller.begin(policy, [one.id for one in known.values()])
        enforced = any(its.mode is Mode.ENFORCE for its in terms.values())
        self._cautious = self._caution(policy, judgements, enforced=enforced)
        seen: set[Key] = set()
        for judgement in judgements:
            for resource, verdict in judgement.told:
                key = (judgement.scope, resource.id)
                seen.add(key)
                self._settle_one(policy, resource, verdict, known.get(key), terms[judgement.scope])
        problems = {judgement.scope: judgement.problem for judgement in judgements}
        for key, finding in known.items():
            if key not in seen and key in remembered and key[0] in problems and not finding.state.closed:
                self._settle_unseen(finding, problems[key[0]])
        # What is only observed is no part of what a share may be taken of.
        acting = [judgement for judgement in judgements if terms[judgement.scope].mode > Mode.OBSERVE]
        run = PolicyRun(
            policy=policy.name,
            run_id=self._run_id,
            started_at=self._now,
            population=population(acting),
            cautious=self._cautious,
        )
        self._runs.append((run, problems))

    def finish(self) -> None:
        """Write everything that changed."""
        for run, scopes in self._runs:
            self._tx.runs.save(run, scopes)
        for policy, matches in self._matches.items():
            self._tx.runs.add_matches(policy, self._now, matches)
        self._tx.findings.save(self._findings)
        self._tx.proposals.save(self._proposals)
        for ended in self._ended:
            journal_ending(self._tx, ended, self._now, self._run_id)
        for proposing, finding, made in self._made:
            journal_proposal(self._tx, proposing, finding, made, self._run_id)
        self._tx.notices.save(self._teller.notices)
        if self._used:
            self._tx.decisions.mark_used(self._used, self._now)

    def _terms(self, policy: AnyPolicy, scope: Scope) -> lifecycle.Terms:
        return lifecycle.Terms(
            now=self._now,
            interval=policy.schedule.interval_at(self._now),
            grace=policy.grace,
            mode=self._mode_of(policy, scope),
            respects=policy.respects,
        )

    def _fixed_by_us(self, policy: AnyPolicy) -> Mapping[Key, Finding]:
        """Findings that our actions fixed lately, or that were put off: what people said of them still holds."""
        closed = self._tx.findings.recently_closed(policy.name, self._now - FIXED_WITHIN)
        return {(one.scope, one.resource_id): one for one in closed if one.state is State.FIXED or one.snoozed_until}

    def _caution(self, policy: AnyPolicy, judgements: Sequence[Judgement], *, enforced: bool) -> str | None:
        """Why the policy only proposes in this sweep; what is usual becomes its history."""
        run = self._tx.runs.get(policy.name)
        matches = sum(judgement.verdicts.get(Outcome.VIOLATION, 0) for judgement in judgements)
        why = unusual(
            matches,
            self._tx.runs.matches(policy.name),
            last_sweep=run.started_at if run else None,
            interval=policy.schedule.interval_at(self._now),
            now=self._now,
        )
        if why is None and all(judgement.problem is None for judgement in judgements):
            self._matches[policy.name] = matches
        if why is not None and enforced:
            self.events.append(PolicyCautious(run_id=self._run_id, policy=policy.name, detail=why))
        return why

    def _settle_one(
        self, policy: AnyPolicy, resource: Resource, verdict: Verdict, known: Finding | None, terms: lifecycle.Terms
    ) -> None:
        ruled = self._ruled(policy, resource, verdict)
        if ruled.doubt is not None:
            # Whether a finding is exempt is a part of what is judged: what cannot be told changes nothing.
            verdict = Verdict.unknown(_reason(verdict), ruled.doubt, verdict.readings)
        if known is None:
            if verdict.outcome is not Outcome.VIOLATION or verdict.violation is None:
                return
            known = _new_finding(policy, resource, verdict.violation, verdict, self._now)
            if fixed := self._fixed.get((resource.scope, resource.id)):
                known = lifecycle.respected(known, fixed, terms)
            was = None
        else:
            was = known
        finding = lifecycle.after_verdict(known, verdict, ruled.by, terms)
        if verdict.violation is not None:
            protected = protected_as_judged(resource, verdict, policy.touches, self._protection)
            finding = replace(finding, protected=protected, saving=self._saving_of(policy, resource))
        finding = self._with_proposal(policy, resource, finding, verdict)
        self._keep(was, finding)
        self._tell(policy, resource, finding, verdict, terms)

    def _tell(
        self, policy: AnyPolicy, resource: Resource, finding: Finding, verdict: Verdict, terms: lifecycle.Terms
    ) -> None:
        """Write the notices that the finding calls for now."""
        if policy.notice is None or (violation := verdict.violation) is None:
            return
        proposal = self._undecided.get(finding.id)
        plan: Plan | str | None = None
        if terms.mode > Mode.OBSERVE and self._teller.ahead(policy, finding):
            plan = proposal.plan if proposal is not None else planned(policy, resource, violation)
        self._teller.tell(policy, finding, verdict, plan if isinstance(plan, Plan) else None)

    def _ruled(self, policy: AnyPolicy, resource: Resource, verdict: Verdict) -> Ruling:
        """Whether the violation is exempt; what is no violation needs no exemption."""
        if verdict.violation is None:
            return Ruling()
        ruled = ruling(policy.name, Subject.judged(resource, verdict), self._exemptions, self._now)
        if ruled.exemption is not None:
            self._used.add(ruled.exemption)
        return ruled

    def _settle_unseen(self, was: Finding, problem: Cause | None) -> None:
        if problem is None:
            finding = lifecycle.after_absence(was, self._now)
        else:
            finding = lifecycle.after_blindness(was, _unread(problem), self._now)
        if finding.state.closed:
            self._end_proposal(finding, ProposalState.WITHDRAWN, "the resource is gone")
        self._keep(was, finding)

    def _with_proposal(self, policy: AnyPolicy, resource: Resource, finding: Finding, verdict: Verdict) -> Finding:
        """The finding after its proposal was made, kept, or ended."""
        standing = self._undecided.get(finding.id)
        if standing is not None and finding.state not in (State.PROPOSED, State.APPROVED, State.ACTING):
            self._end_proposal(finding, ProposalState.WITHDRAWN, f"the finding is {finding.state}")
            return finding
        if finding.protected is not None and finding.state in (State.DUE, State.PROPOSED, State.APPROVED):
            self._end_proposal(finding, ProposalState.WITHDRAWN, finding.protected)
            return replace(lifecycle.moved(finding, State.DUE, self._now), held=f"protection: {finding.protected}")
        if standing is not None and self._now >= standing.expires_at and finding.state is not State.ACTING:
            self._end_proposal(finding, ProposalState.EXPIRED, "nobody decided in time")
            return replace(lifecycle.moved(finding, State.OPEN, self._now), grace=Grace(ticked_at=self._now))
        if verdict.violation is None or finding.state not in (State.DUE, State.PROPOSED, State.APPROVED):
            return finding
        if finding.state is State.DUE and self._acts_alone(policy, resource.scope):
            return finding
        return self._proposed(policy, resource, finding, verdict.violation, standing)

    def _proposed(
        self,
        policy: AnyPolicy,
        resource: Resource,
        finding: Finding,
        violation: Violation,
        standing: Proposal | None,
    ) -> Finding:
        plan = planned(policy, resource, violation)
        if isinstance(plan, str):
            return replace(finding, held=plan)
        plans = (plan, *alternatives(policy, resource, violation))
        if standing is not None:
            if standing.plan.hash in {one.hash for one in plans}:
                self._look_again(policy, resource, standing)
                return finding
            self._end_proposal(finding, ProposalState.WITHDRAWN, "the plan changed with the resource")
        made = proposal(policy, finding, plans, self._prospects_of(policy, resource), self._now)
        self._proposals.append(made)
        self._made.append((policy, finding, made))
        self.events.append(ProposalMade(run_id=self._run_id, proposal=made))
        return lifecycle.moved(finding, State.PROPOSED, self._now, held=self._asks_because(policy, resource.scope))

    def _prospects_of(self, policy: AnyPolicy, resource: Resource) -> Mapping[str, Prospect]:
        found = self._prospects.get((policy.name, (resource.scope, resource.id)))
        if found is not None:
            return found
        self._new.append(Case(policy=policy, resource=resource))
        later = Prospect(radius=unread("not looked at in this sweep; a later one does"))
        return dict.fromkeys(policy.actions, later)

    def _look_again(self, policy: AnyPolicy, resource: Resource, standing: Proposal) -> None:
        """What could not be told to who decides may be told by now."""
        read_at = standing.radius.read_at
        recent = read_at is not None and self._now - read_at < PROSPECTS_LAST
        if standing.radius.known or recent or standing.state is not ProposalState.PENDING:
            return
        found = self._prospects.get((policy.name, (resource.scope, resource.id)))
        if found is None:
            self._stale.append(Case(policy=policy, resource=resource))
        else:
            self._proposals.append(replace(standing, prospects=found))

    def _acts_alone(self, policy: AnyPolicy, scope: Scope) -> bool:
        trusted = self._tx.decisions.trusted(policy.name, policy.fingerprint)
        return self._mode_of(policy, scope) is Mode.ENFORCE and scope in trusted and self._cautious is None

    def _asks_because(self, policy: AnyPolicy, scope: Scope) -> str | None:
        """Why a policy that may act by itself asks people; None of one that always does."""
        if self._mode_of(policy, scope) is not Mode.ENFORCE:
            return None
        if scope not in self._tx.decisions.trusted(policy.name, policy.fingerprint):
            return "approval: this version of the policy is not trusted here, so people decide"
        return f"caution: {self._cautious}" if self._cautious else None

    def _end_proposal(self, finding: Finding, state: ProposalState, reason: str) -> None:
        if standing := self._undecided.pop(finding.id, None):
            ended = replace(standing, state=state, reason=reason)
            self._proposals.append(ended)
            self._ended.append(ended)
            self.events.append(ProposalEnded(run_id=self._run_id, proposal=ended))

    def _keep(self, was: Finding | None, finding: Finding) -> None:
        if finding == was:
            return
        self._findings.append(finding)
        if was is None or was.state is not finding.state:
            self.events.append(FindingChanged(run_id=self._run_id, finding=finding, was=was.state if was else None))


def known_findings(tx: Transaction, policy: str, now: datetime) -> Mapping[Key, Finding]:
    """Findings of a policy by resource; a standing one wins over one that closed within the day."""
    closed = tx.findings.recently_closed(policy, now - lifecycle.REOPENS_WITHIN)
    standing = tx.findings.standing(policy)
    return {(finding.scope, finding.resource_id): finding for finding in (*closed, *standing)}


def population(judgements: Sequence[Judgement]) -> int | None:
    """How many resources were judged in the scopes that were listed completely; None when none was.

    What is in the others could only make the population larger, and a share of it allow more.
    """
    known = [judgement.population for judgement in judgements if judgement.population is not None]
    return sum(known) if known else None


def _reason(verdict: Verdict) -> str:
    """The word for why the tags could not be read."""
    return verdict.untagged.reason if verdict.untagged else Reason.NOT_ENOUGH_DATA


def _unread(problem: Cause) -> Cause:
    """Why a resource that an incomplete listing does not show may still exist."""
    return Cause(reason=Reason.LISTING_INCOMPLETE, detail=str(problem))


def _new_finding(
    policy: AnyPolicy, resource: Resource, violation: Violation, verdict: Verdict, now: datetime
) -> Finding:
    return Finding(
        id=new_id("f"),
        policy=policy.name,
        kind=resource.kind,
        scope=resource.scope,
        resource_id=resource.id,
        arn=resource.arn,
        name=resource.name,
        severity=policy.severity,
        state=State.OPEN,
        violation=violation,
        readings=verdict.readings,
        first_seen=now,
        last_seen=now,
        state_since=now,
    )
