"""Settle: verdicts and stored state make findings and proposals, all in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache, partial
from types import MappingProxyType

from cloudwarden.core import lifecycle
from cloudwarden.core.acceptance import trusted_in
from cloudwarden.core.action import Plan
from cloudwarden.core.finding import Finding, ProposalState, State
from cloudwarden.core.guards import ASKED
from cloudwarden.core.policy import AnyPolicy, Mode, ModeOf
from cloudwarden.core.protection import NOTHING_MORE, Protection, protected_as_judged
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.saving import Saving
from cloudwarden.core.verdict import Cause, Outcome, Reason, Verdict, Violation
from cloudwarden.engine.events import FindingChanged, PolicyCautious
from cloudwarden.engine.gather import Case, Key
from cloudwarden.engine.known import known_of
from cloudwarden.engine.precedent import NO_PRECEDENT, precedent
from cloudwarden.engine.propose import (
    NOT_TRUSTED,
    Foreseen,
    Proposer,
    journal_ending,
    journal_proposal,
    new_id,
    planned,
)
from cloudwarden.engine.said import Said
from cloudwarden.engine.survey import Judgement
from cloudwarden.engine.tell import Teller
from cloudwarden.ports import PolicyRun, ScopeRun, Transaction

SavingOf = Callable[[AnyPolicy, Resource], Saving | None]
"""What carrying out a policy's action on a resource saves."""


class Settler:
    """Settles one policy after another inside one transaction, and remembers what to report when it commits.

    `alive` is called at each finding; it may raise StopAsked, and then nothing of the transaction is kept.

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
        lasting_mode_of: ModeOf | None = None,
        protection: Protection = NOTHING_MORE,
        prospects: Foreseen = MappingProxyType({}),
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._tx = tx
        self._alive = alive
        self._now = now
        self._run_id = run_id
        self._mode_of = mode_of
        self._lasting_mode_of = lasting_mode_of or mode_of
        self._saving_of = saving_of
        self._protection = protection
        self._precedent = NO_PRECEDENT
        self._findings: list[Finding] = []
        self._runs: list[tuple[PolicyRun, Sequence[ScopeRun]]] = []
        self._matches: dict[str, int] = {}
        self.events: list[object] = []
        self._proposer = Proposer(tx, now=now, run_id=run_id, foreseen=prospects, report=self.events.append)
        self._teller = Teller(tx, now=now)
        self._trusted = cache(tx.decisions.trusted)
        self._said = Said(tx, now)
        self._asked: Callable[[], Collection[str]] = frozenset

    @property
    def unseen(self) -> list[Case]:
        """Cases of which the prospects are needed: those to propose first, then those to look at again."""
        return self._proposer.unseen

    def settle(self, policy: AnyPolicy, judgements: Sequence[Judgement], remembered: Collection[Key]) -> None:
        """Bring this policy's findings and proposals up to the sweep's judgements of all scopes.

        Of a finding that was not `remembered` when the scopes were looked at, its absence says nothing.
        """
        of_policy = known_of(self._tx, policy, self._now)
        known = of_policy.findings
        terms_in = cache(partial(self._terms, policy))
        self._said.begin(policy, known.values())
        about = [one.id for one in known.values()]
        self._asked = cache(partial(self._tx.proposals.put_to_people, about))
        self._teller.begin(policy, about)
        populations = [judgement.population_in(partial(self._may_act, policy)) for judgement in judgements]
        self._precedent = precedent(self._tx, policy, judgements, populations, known, self._now)
        self._say_caution(policy, judgements)
        for stranger in of_policy.strangers:
            self._alive()
            self._settle_stranger(policy, stranger)
        seen: set[Key] = set()
        for judgement in judgements:
            for resource, verdict in judgement.told:
                self._alive()
                key = (judgement.scope, resource.id)
                seen.add(key)
                self._settle_seen(policy, resource, verdict, known.get(key), terms_in(resource.kept_in))
        problems = {judgement.scope: judgement.problem for judgement in judgements}
        for key, finding in known.items():
            self._alive()
            if key not in seen and key in remembered and key[0] in problems and not finding.state.closed:
                self._settle_unseen(finding, problems[key[0]])
        run = PolicyRun(
            policy=policy.name,
            run_id=self._run_id,
            started_at=self._now,
            population=total(populations),
            fingerprint=policy.fingerprint,
        )
        self._runs.append((run, self._precedent.scopes))
        if self._precedent.matches is not None:
            self._matches[policy.name] = self._precedent.matches

    def _may_act(self, policy: AnyPolicy, where: Scope | None) -> bool:
        """Whether what is there is part of what a share may be taken of; one sweep's ceiling is not what lasts.

        Nothing is done to what is kept where nobody knows, though what people were asked of it stands.
        """
        return where is not None and self._lasting_mode_of(policy, where) > Mode.OBSERVE

    def finish(self) -> None:
        """Write everything that changed."""
        for run, scopes in self._runs:
            self._tx.runs.save(run, scopes)
        for policy, matches in self._matches.items():
            self._tx.runs.add_matches(policy, self._now, matches)
        self._tx.findings.save(self._findings)
        self._tx.proposals.save(self._proposer.changed)
        for ended in self._proposer.ended:
            self._alive()
            journal_ending(self._tx, ended, self._now, self._run_id)
        for proposing, finding, made in self._proposer.made:
            self._alive()
            journal_proposal(self._tx, proposing, finding, made, self._run_id)
        self._tx.notices.save(self._teller.notices)
        self._said.finish()

    def _terms(self, policy: AnyPolicy, where: Scope | None) -> lifecycle.Terms:
        return lifecycle.Terms(
            now=self._now,
            schedule=policy.schedule,
            grace=policy.grace,
            mode=self._mode_of(policy, where),
            lasting=self._lasting_mode_of(policy, where),
            respects=policy.respects,
        )

    def _say_caution(self, policy: AnyPolicy, judgements: Sequence[Judgement]) -> None:
        """Report that the policy only proposes where it may act by itself otherwise."""
        trusted = self._trusted(policy.name, policy.fingerprint).intersection(one.scope for one in judgements)
        alone = [one for one in sorted(trusted) if self._mode_of(policy, one) is Mode.ENFORCE]
        whys = {scope: why for scope in alone if (why := self._precedent.caution(scope)) is not None}
        if whys:
            where, why = next(iter(whys.items()))
            detail = why if self._precedent.growth else f"{why}; in {len(whys)} of {len(alone)} scopes, such as {where}"
            self.events.append(PolicyCautious(run_id=self._run_id, policy=policy.name, detail=detail))

    def _settle_seen(
        self, policy: AnyPolicy, resource: Resource, verdict: Verdict, known: Finding | None, terms: lifecycle.Terms
    ) -> None:
        """Settle what was judged, after the end of what is known of an earlier resource of its id."""
        if known is not None and not known.is_of(resource):
            self._settle_unseen(known, None)
            if known.state is State.ACTING:
                # One finding stands of an id: the next one's waits until the action on the one before has ended.
                return
            known = None
        self._settle_one(policy, resource, verdict, known, terms)

    def _settle_one(
        self, policy: AnyPolicy, resource: Resource, verdict: Verdict, was: Finding | None, terms: lifecycle.Terms
    ) -> None:
        ruled = self._said.ruled(resource, verdict)
        if ruled.doubt is not None:
            # Whether a finding is exempt is a part of what is judged: what cannot be told changes nothing.
            verdict = Verdict.unknown(_reason(verdict), ruled.doubt, verdict.readings)
        known = was or self._found(policy, resource, verdict, terms)
        if known is None:
            return
        if verdict.violation is not None:
            known = self._said.left_alone(known)
        finding = lifecycle.after_verdict(known, verdict, ruled.by, terms)
        if self._said.was_exempt(resource, verdict, known):
            finding = lifecycle.exempt_no_more(finding, self._now)
        if verdict.violation is not None:
            protected = protected_as_judged(resource, verdict, policy.touches, self._protection)
            saving = self._saving_of(policy, resource)
            identity = resource.identity or finding.identity
            finding = replace(finding, name=resource.name, identity=identity, protected=protected, saving=saving)
        asks = self._asks_because(policy, resource, terms.mode, finding)
        alone = finding.state is State.DUE and terms.mode is Mode.ENFORCE and asks is None
        observes = terms.mode is Mode.OBSERVE
        finding = self._proposer.settle(policy, resource, finding, verdict, alone=alone, asks=asks, observes=observes)
        self._keep(was, finding)
        self._tell(policy, resource, finding, verdict, terms)

    def _found(self, policy: AnyPolicy, resource: Resource, verdict: Verdict, terms: lifecycle.Terms) -> Finding | None:
        """A new finding of what violates, put off where people said so of an earlier one; None of what does not."""
        if verdict.outcome is not Outcome.VIOLATION or verdict.violation is None:
            return None
        new = _new_finding(policy, resource, verdict.violation, verdict, self._now)
        fixed = self._said.of_earlier(resource)
        return lifecycle.respected(new, fixed, terms) if fixed else new

    def _tell(
        self, policy: AnyPolicy, resource: Resource, finding: Finding, verdict: Verdict, terms: lifecycle.Terms
    ) -> None:
        """Write the notices that the finding calls for now."""
        if policy.notice is None or (violation := verdict.violation) is None:
            return
        proposal = self._proposer.standing(finding)
        plan: Plan | str | None = None
        if terms.mode > Mode.OBSERVE and self._teller.ahead(policy, finding):
            plan = proposal.plan if proposal is not None else planned(policy, resource, violation)
        self._teller.tell(policy, finding, verdict, plan if isinstance(plan, Plan) else None)

    def _settle_unseen(self, was: Finding, problem: Cause | None) -> None:
        if problem is None:
            finding = lifecycle.after_absence(was, self._now)
        else:
            finding = lifecycle.after_blindness(was, _unread(problem), self._now)
        if finding.state.closed:
            self._proposer.end(finding, ProposalState.WITHDRAWN, "the resource is gone")
        self._keep(was, finding)

    def _settle_stranger(self, policy: AnyPolicy, was: Finding) -> None:
        """Close what is of another kind than is judged now; what is being acted on is closed when that has ended."""
        if was.state is State.ACTING:
            self._keep(was, lifecycle.interrupted(was))
            return
        why = f"its policy judges {policy.kind.kind} now, and no more {was.kind}"
        self._proposer.end(was, ProposalState.WITHDRAWN, why)
        self._keep(was, lifecycle.forsaken(was, why, self._now))

    def _asks_because(self, policy: AnyPolicy, resource: Resource, mode: Mode, finding: Finding) -> str | None:
        """Why a policy that may act by itself asks people; None of one that always does."""
        if mode is not Mode.ENFORCE:
            return None
        trusted = self._trusted(policy.name, policy.fingerprint)
        if not trusted_in(trusted.__contains__, resource.scope, [resource.kept_in]):
            return NOT_TRUSTED
        if why := self._precedent.caution(resource.scope):
            return f"caution: {why}"
        return f"approval: {ASKED}" if finding.id in self._asked() else None

    def _keep(self, was: Finding | None, finding: Finding) -> None:
        if finding == was:
            return
        self._findings.append(finding)
        if was is None or was.state is not finding.state:
            self.events.append(FindingChanged(run_id=self._run_id, finding=finding, was=was.state if was else None))


def total(populations: Iterable[int | None]) -> int | None:
    """How many resources were judged in the scopes that were listed completely; None when there is no such scope.

    What is in the others could only make the population larger, and a share of it allow more.
    """
    known = [number for number in populations if number is not None]
    return sum(known) if known else None


def _reason(verdict: Verdict) -> str:
    """The word for why nobody can tell whether it is exempt: why its tags, if it was them, could not be read."""
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
        identity=resource.identity,
        severity=policy.severity,
        state=State.OPEN,
        violation=violation,
        readings=verdict.readings,
        first_seen=now,
        last_seen=now,
        state_since=now,
    )
