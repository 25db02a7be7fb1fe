"""Act: the one choke point. No other code decides that a mutating API is called."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial

from cloudwarden.core import guards, lifecycle
from cloudwarden.core.action import Plan
from cloudwarden.core.errors import CloudError, LeaseLost, StoreError
from cloudwarden.core.exemption import Exemption, Subject, ruling
from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Grace, Proposal, ProposalState, State
from cloudwarden.core.guards import Candidate, Hold, Taken
from cloudwarden.core.notice import Notice, leads_of
from cloudwarden.core.pause import Pause, paused_by
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.prospect import Prospect
from cloudwarden.core.protection import protected_as_judged
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.restraint import UNRESTRAINED, Restraints
from cloudwarden.core.verdict import Outcome, Verdict, Violation
from cloudwarden.engine.carry import Carrier, Ending
from cloudwarden.engine.events import (
    ActionHeld,
    FindingChanged,
    JournalFailed,
    LimitTripped,
    ProposalEnded,
    ProposalMade,
)
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.engine.grounds import LastLook
from cloudwarden.engine.propose import alternatives, journal_ending, journal_proposal, new_id, planned, proposal
from cloudwarden.engine.prospects import Prospects
from cloudwarden.engine.settle import ModeOf
from cloudwarden.engine.tell import notices_of
from cloudwarden.engine.tenure import Tenure
from cloudwarden.engine.undo import changed_since
from cloudwarden.ports import Actuator, Clock, Inventory, Reporter, Store, Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """A candidate that passed every guard and the re-check: it may be carried out now."""

    candidate: Candidate
    plan: Plan
    prospect: Prospect


@dataclass(frozen=True, slots=True)
class _Decided:
    """What operators have decided, read once for a whole batch."""

    exemptions: Sequence[Exemption]
    pauses: Sequence[Pause]
    trusted: Callable[[str, str], frozenset[Scope]]
    notices: Callable[[AnyPolicy, Finding], tuple[Notice, ...]]

    @staticmethod
    def read(tx: Transaction) -> _Decided:
        """All decisions; trust is asked for once for each version of a policy."""
        return _Decided(
            tx.decisions.exemptions(), tx.decisions.pauses(), cache(tx.decisions.trusted), partial(notices_of, tx)
        )


class Actor:
    """Takes the actions that are due. `alive` is called before each; it may raise StopAsked."""

    def __init__(
        self,
        *,
        store: Store,
        inventory: Inventory,
        actuator: Actuator,
        gatherer: Gatherer,
        clock: Clock,
        reporter: Reporter,
        mode_of: ModeOf,
        prospects: Prospects,
        alive: Callable[[], None] = lambda: None,
        restraints: Restraints = UNRESTRAINED,
        tenure: Tenure | None = None,
        exemptions_doubt: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._store = store
        self._inventory = inventory
        self._actuator = actuator
        self._gatherer = gatherer
        self._clock = clock
        self._reporter = reporter
        self._mode_of = mode_of
        self._prospects = prospects
        self._alive = alive
        self._restraints = restraints
        self._exemptions_doubt = exemptions_doubt
        self._policies: Mapping[str, AnyPolicy] = {}
        self._tenure = tenure or Tenure(clock)
        self._carrier = Carrier(
            store=store,
            actuator=actuator,
            clock=clock,
            reporter=reporter,
            may_go_on=self._may_go_on,
            failures_allowed=lambda policy: self._policies[policy].limit.failures if policy in self._policies else 1,
            version_of=lambda policy: self._policies[policy].fingerprint if policy in self._policies else "not loaded",
            tenure=self._tenure,
        )

    def act(self, policies: Mapping[str, AnyPolicy], run_id: str) -> None:
        """Finish what was begun, then take what is due: approved proposals, and what trusted policies may do alone.

        Reports JournalFailed and does nothing more when the store cannot be written.
        """
        self._policies = policies
        try:
            self._finish_begun()
            for policy, batch in self._due().items():
                self._act_on(self._policies[policy], batch, run_id)
        except StoreError as error:
            self._reporter.report(JournalFailed(run_id=run_id, detail=str(error)))

    def _finish_begun(self) -> None:
        with self._store.reading() as tx:
            unfinished = tx.actions.unfinished()
        for record in unfinished:
            self._alive()
            if mine := self._tenure.taken(self._store, record):
                with suppress(LeaseLost):
                    self._finish(mine)

    def _finish(self, record: ActionRecord) -> None:
        if record.state is ActionState.INTENDED:
            self._carrier.reconcile(record)
        else:
            self._carrier.go_on(record)

    def _due(self) -> Mapping[str, Sequence[Candidate]]:
        """Candidates of each loaded policy: due findings that it may act on alone, and approved ones."""
        due: defaultdict[str, list[Candidate]] = defaultdict(list)
        with self._store.reading() as tx:
            found = tx.findings.in_states(State.DUE, State.APPROVED)
            if not found:
                return due
            proposals = {proposal.finding_id: proposal for proposal in tx.proposals.undecided()}
            decided = _Decided.read(tx)
            for finding in found:
                policy = self._policies.get(finding.policy)
                if policy is not None:
                    due[policy.name].append(self._candidate(decided, policy, finding, proposals.get(finding.id)))
        return due

    def _candidate(
        self, decided: _Decided, policy: AnyPolicy, finding: Finding, proposal: Proposal | None
    ) -> Candidate:
        now = self._clock.now()
        return Candidate(
            policy=policy,
            finding=finding,
            mode=self._mode_of(policy, finding.scope),
            trusted=finding.scope in decided.trusted(policy.name, policy.fingerprint),
            proposal=proposal,
            exempted=self._exemptions_doubt()
            or ruling(policy.name, Subject.found(finding), decided.exemptions, now).by,
            paused=paused_by(decided.pauses, policy.name, finding.scope.account),
            closed=self._restraints.closed(policy, finding.scope.account, now),
            now=now,
            notices=decided.notices(policy, finding),
        )

    def _act_on(self, policy: AnyPolicy, batch: Sequence[Candidate], run_id: str) -> None:
        free = []
        for candidate in batch:
            if hold := guards.held_by(candidate):
                self._hold([candidate], hold, run_id)
            else:
                free.append(candidate)
        if not free:
            return
        if hold := self._limit(policy, free):
            if self._hold(free, hold, run_id):
                self._reporter.report(
                    LimitTripped(run_id=run_id, policy=policy.name, batch=len(free), detail=hold.detail)
                )
            return
        for candidate in free:
            self._alive()
            if ready := self._recheck(candidate, run_id):
                with suppress(LeaseLost):
                    look = LastLook(finding=ready.candidate.finding, prospect=ready.prospect)
                    self._carrier.begin(self._record(ready, run_id), look)

    def _limit(self, policy: AnyPolicy, batch: Sequence[Candidate]) -> Hold | None:
        """The policy's own limit, then what all policies together may do."""
        parts = Counter(candidate.finding.scope.account for candidate in batch)
        with self._store.reading() as tx:
            run = tx.runs.get(policy.name)
            taken = self._taken(tx, policy=policy.name, run_began=run.started_at if run else None)
            accounts = {account: self._taken(tx, account=account) for account in parts}
            everywhere = self._taken(tx)
        own = guards.limit(policy, batch=len(batch), taken=taken, population=run.population if run else None)
        return own or guards.quota(self._restraints.quota, batch=parts, accounts=accounts, everywhere=everywhere)

    def _taken(
        self,
        tx: Transaction,
        *,
        policy: str | None = None,
        account: str | None = None,
        run_began: datetime | None = None,
    ) -> Taken:
        def since(moment: datetime) -> int:
            return tx.actions.count_since(moment, policy=policy, account=account)

        now = self._clock.now()
        return Taken(
            run=since(run_began) if run_began else 0,
            hour=since(now - timedelta(hours=1)),
            day=since(now - timedelta(days=1)),
        )

    def _recheck(self, candidate: Candidate, run_id: str) -> Ready | None:
        """Read the resource again, completely, and judge it again: the last look before the call."""
        policy, finding = candidate.policy, candidate.finding
        listing = self._inventory.get(policy.kind, finding.scope, finding.resource_id)
        if listing.problem is not None:
            self._hold([candidate], Hold(guard="re-check", detail=str(listing.problem)), run_id)
            return None
        if not listing.resources:
            self._drop(
                candidate, lifecycle.moved(finding, State.GONE, self._clock.now()), "the resource is gone", run_id
            )
            return None
        return self._rejudge(candidate, listing.resources[0], run_id)

    def _rejudge(self, candidate: Candidate, resource: Resource, run_id: str) -> Ready | None:
        policy, now = candidate.policy, self._clock.now()
        (verdict,) = self._gatherer.verdicts([Case(policy=policy, resource=resource)], now)
        if verdict.outcome is Outcome.UNKNOWN:
            self._hold([candidate], Hold(guard="re-check", detail=f"cannot tell: {verdict.cause}"), run_id)
            return None
        if verdict.violation is None:
            resolved = lifecycle.moved(candidate.finding, State.RESOLVED, now)
            self._drop(candidate, resolved, "compliant when looked at again", run_id)
            return None
        chosen = candidate.proposal.plan.action if candidate.proposal is not None else None
        plan = planned(policy, resource, verdict.violation, chosen)
        looked = self._as_it_is(candidate, resource, verdict)
        if isinstance(plan, Plan):
            looked = replace(looked, plan_hash=plan.hash)
        if hold := guards.held_by(looked, guards.LAST):
            self._hold([candidate], hold, run_id)
            return None
        if isinstance(plan, str):
            self._hold([candidate], Hold(guard="re-check", detail=plan), run_id)
            return None
        if candidate.proposal is not None and candidate.proposal.plan.hash != plan.hash:
            reopened = replace(lifecycle.moved(candidate.finding, State.DUE, now), violation=verdict.violation)
            self._drop(candidate, reopened, "the plan changed since it was approved", run_id)
            return None
        seen = replace(candidate.finding, violation=verdict.violation, readings=verdict.readings, last_seen=now)
        return self._disturbing_little(replace(candidate, finding=seen), resource, verdict.violation, plan, run_id)

    def _disturbing_little(
        self, candidate: Candidate, resource: Resource, violation: Violation, plan: Plan, run_id: str
    ) -> Ready | None:
        """Read what depends on the resource: nothing may that people have not seen, and little that nobody has."""
        policy = candidate.policy
        (prospects,) = self._prospects.of([Case(policy=policy, resource=resource)], self._clock.now())
        radius = prospects[plan.action].radius
        hold = guards.blast_radius(candidate, radius)
        if hold is None and candidate.proposal is not None and (more := radius.beyond(candidate.proposal.radius)):
            why = f"more depends on it than was approved: {', '.join(map(str, more))}"
            reopened = lifecycle.moved(candidate.finding, State.DUE, self._clock.now(), held=f"blast-radius: {why}")
            self._report_held(candidate, Hold(guard="blast-radius", detail=why), run_id)
            self._drop(candidate, reopened, why, run_id)
            return None
        if hold is None:
            return Ready(candidate=candidate, plan=plan, prospect=prospects[plan.action])
        if candidate.proposal is not None:
            self._hold([candidate], hold, run_id)
        else:
            plans = (plan, *alternatives(policy, resource, violation))
            self._propose(
                candidate, proposal(policy, candidate.finding, plans, prospects, self._clock.now()), hold, run_id
            )
        return None

    def _propose(self, candidate: Candidate, made: Proposal, hold: Hold, run_id: str) -> None:
        """Ask people for what the policy may not do by itself."""
        proposed = lifecycle.moved(candidate.finding, State.PROPOSED, made.created_at, held=str(hold))
        with self._store.transaction() as tx:
            tx.findings.save([proposed])
            tx.proposals.save([made])
            journal_proposal(tx, candidate.policy, proposed, made, run_id)
        self._report_held(candidate, hold, run_id)
        self._reporter.report(ProposalMade(run_id=run_id, proposal=made))
        self._reporter.report(FindingChanged(run_id=run_id, finding=proposed, was=candidate.finding.state))

    def _record(self, ready: Ready, run_id: str) -> ActionRecord:
        finding, proposal = ready.candidate.finding, ready.candidate.proposal
        now = self._clock.now()
        return ActionRecord(
            id=new_id("a"),
            finding_id=finding.id,
            proposal_id=proposal.id if proposal else None,
            policy=finding.policy,
            scope=finding.scope,
            resource_id=finding.resource_id,
            plan=ready.plan,
            run_id=run_id,
            state=ActionState.INTENDED,
            started_at=now,
            changed_at=now,
        )

    def _may_go_on(self, record: ActionRecord) -> Ending | str | None:
        """Whether the next call of a begun action may be made: the guards and the re-check once more."""
        if record.undoes is not None:
            return self._may_undo(record)
        policy = self._policies.get(record.policy)
        if policy is None:
            return "its policy is not loaded"
        with self._store.reading() as tx:
            finding = tx.findings.get(record.finding_id)
            if finding is None:
                return Ending(state=ActionState.ABANDONED, error="its finding is not in the store")
            candidate = self._candidate(_Decided.read(tx), policy, finding, None)
        if hold := guards.held_by(candidate, guards.LAST):
            self._hold([candidate], hold, record.run_id)
            return str(hold)
        return self._still_the_same(record, candidate)

    def _may_undo(self, record: ActionRecord) -> Ending | str | None:
        """Whether an undo may go on: it is a person's word, which no pause or window holds, if it still applies."""
        if record.step > 0:
            return None
        with self._store.reading() as tx:
            original = tx.actions.get(record.undoes or "")
        if original is None:
            return Ending(state=ActionState.ABANDONED, error="the action to undo is not in the store")
        try:
            changed = changed_since(original, self._actuator)
        except CloudError as error:
            return f"{error.reason}: {error}"
        return Ending(state=ActionState.ABANDONED, error=changed) if changed else None

    def _still_the_same(self, record: ActionRecord, candidate: Candidate) -> Ending | str | None:
        policy = candidate.policy
        listing = self._inventory.get(policy.kind, record.scope, record.resource_id)
        if listing.problem is not None:
            return str(listing.problem)
        if not listing.resources:
            return Ending(state=ActionState.ABANDONED, error="the resource is gone")
        resource = listing.resources[0]
        (verdict,) = self._gatherer.verdicts([Case(policy=policy, resource=resource)], self._clock.now())
        if verdict.outcome is Outcome.UNKNOWN:
            return f"cannot tell: {verdict.cause}"
        if verdict.violation is None:
            return Ending(state=ActionState.ABANDONED, error="the resource became compliant since the action began")
        if hold := guards.held_by(self._as_it_is(candidate, resource, verdict), guards.LAST):
            self._hold([candidate], hold, record.run_id)
            return str(hold)
        plan = planned(policy, resource, verdict.violation, record.plan.action)
        if not isinstance(plan, Plan) or plan.hash != record.plan.hash:
            return Ending(state=ActionState.ABANDONED, error="the resource changed since the action began")
        return None

    def _as_it_is(self, candidate: Candidate, resource: Resource, verdict: Verdict) -> Candidate:
        """The candidate as the resource, just read and judged, and the decisions of this moment make it."""
        policy, now = candidate.policy, self._clock.now()
        with self._store.reading() as tx:
            ruled = ruling(policy.name, Subject.judged(resource, verdict), tx.decisions.exemptions(), now)
            paused = paused_by(tx.decisions.pauses(), policy.name, resource.account)
            notices = notices_of(tx, policy, candidate.finding)
        return replace(
            candidate,
            finding=replace(
                candidate.finding,
                protected=protected_as_judged(resource, verdict, policy.touches, self._restraints.protection),
            ),
            exempted=self._exemptions_doubt() or ruled.held,
            paused=paused,
            closed=self._restraints.closed(policy, resource.account, now),
            now=now,
            notices=notices,
            leads=leads_of(policy.notice, resource.account, verdict.tags, verdict.untagged) if policy.notice else None,
        )

    def _hold(self, candidates: Iterable[Candidate], hold: Hold, run_id: str) -> bool:
        """Write down on the findings that they are held; True when that is news."""
        news = [candidate for candidate in candidates if candidate.finding.held != str(hold)]
        if not news:
            return False
        with self._store.transaction() as tx:
            tx.findings.save([replace(candidate.finding, held=str(hold)) for candidate in news])
        for candidate in news:
            self._report_held(candidate, hold, run_id)
        return True

    def _report_held(self, candidate: Candidate, hold: Hold, run_id: str) -> None:
        self._reporter.report(
            ActionHeld(
                run_id=run_id,
                policy=candidate.policy.name,
                resource=candidate.finding.resource_id,
                guard=hold.guard,
                detail=hold.detail,
            )
        )

    def _drop(self, candidate: Candidate, finding: Finding, why: str, run_id: str) -> None:
        """End a candidate that the re-check refused, with its proposal."""
        with self._store.transaction() as tx:
            tx.findings.save([replace(finding, grace=Grace()) if finding.state.closed else finding])
            ended = None
            if candidate.proposal is not None:
                ended = replace(candidate.proposal, state=ProposalState.WITHDRAWN, reason=why)
                tx.proposals.save([ended])
                journal_ending(tx, ended, self._clock.now(), run_id)
        if ended is not None:
            self._reporter.report(ProposalEnded(run_id=run_id, proposal=ended))
        self._reporter.report(FindingChanged(run_id=run_id, finding=finding, was=candidate.finding.state))
