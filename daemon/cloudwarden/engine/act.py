"""Act: the one choke point. No other code decides that a mutating API is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from cloudwarden.core import bounds, guards, lifecycle
from cloudwarden.core.action import Plan
from cloudwarden.core.errors import LeaseLost, StoreError
from cloudwarden.core.finding import ActionRecord, ActionState, State
from cloudwarden.core.guards import Candidate, Hold
from cloudwarden.core.policy import AnyPolicy, Mode, ModeOf
from cloudwarden.core.prospect import Prospect
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.restraint import UNRESTRAINED, Restraints
from cloudwarden.engine.actuator import CrewedActuator
from cloudwarden.engine.begun import BegunActions
from cloudwarden.engine.candidates import Candidates
from cloudwarden.engine.carry import Carrier
from cloudwarden.engine.crew import Crew
from cloudwarden.engine.doubts import NO_DOUBTS, Doubts
from cloudwarden.engine.enroll import Acceptance
from cloudwarden.engine.events import JournalFailed, LimitTripped
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.engine.grounds import LastLook
from cloudwarden.engine.loaded import LoadedPolicies
from cloudwarden.engine.propose import alternatives, new_id, proposal
from cloudwarden.engine.prospects import Prospects
from cloudwarden.engine.recheck import Over, Recheck, Sight, Unclear
from cloudwarden.engine.rest import Rest
from cloudwarden.engine.tally import Tally
from cloudwarden.engine.tenure import Tenure
from cloudwarden.engine.withhold import Withholder
from cloudwarden.ports import Actuator, Clock, Reporter, Store

_OVER = {State.GONE: "the resource is gone", State.RESOLVED: "compliant when looked at again"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """A candidate that passed every guard and the re-check: it may be carried out now."""

    candidate: Candidate
    plan: Plan
    prospect: Prospect


class Actor:
    """Takes the actions that are due. `alive` is called before each and its steps; it may raise StopAsked.

    `ceiling_of` says how far anything may go in a scope, whatever its policy's mode is. `mode_of` may be lower for one
    sweep than `lasting_mode_of`: then what was begun waits.
    """

    def __init__(
        self,
        *,
        store: Store,
        actuator: Actuator,
        gatherer: Gatherer,
        clock: Clock,
        reporter: Reporter,
        mode_of: ModeOf,
        lasting_mode_of: ModeOf,
        ceiling_of: Callable[[Scope], Mode],
        prospects: Prospects,
        acceptance: Acceptance,
        kinds: Iterable[type[Resource]],
        alive: Callable[[], None] = lambda: None,
        restraints: Restraints = UNRESTRAINED,
        tenure: Tenure | None = None,
        doubts: Doubts = NO_DOUBTS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._reporter = reporter
        self._prospects = prospects
        self._acceptance = acceptance
        self._alive = alive
        self._quota = restraints.quota
        self._tenure = tenure or Tenure(clock)
        self._loaded = LoadedPolicies(restraints)
        self._rest = Rest(clock)
        self._withholder = Withholder(store=store, clock=clock, reporter=reporter)
        self._candidates = Candidates(store=store, clock=clock, mode_of=mode_of, restraints=restraints, doubts=doubts)
        self._recheck = Recheck(gatherer=gatherer, candidates=self._candidates, clock=clock)
        actuator = CrewedActuator(actuator, Crew(1, alive))
        self._begun = BegunActions(
            store=store,
            actuator=actuator,
            candidates=self._candidates,
            recheck=self._recheck,
            loaded=self._loaded,
            kinds=kinds,
            accepts=acceptance.accepts,
            ceiling_of=ceiling_of,
            lasting_mode_of=lasting_mode_of,
            doubts=doubts,
            clock=clock,
            rest=Rest(clock),
        )
        self._carrier = Carrier(
            store=store,
            actuator=actuator,
            clock=clock,
            reporter=reporter,
            may_go_on=self._begun.may_go_on,
            rests=self._begun.hold,
            loaded=self._loaded,
            doubts=doubts,
            tenure=self._tenure,
            alive=alive,
        )

    def act(self, policies: Mapping[str, AnyPolicy], run_id: str) -> None:
        """Finish what was begun, then take what is due: approved proposals, and what trusted policies may do alone.

        Reports JournalFailed and does nothing more when the store cannot be written.
        """
        self._loaded.by_name = policies
        try:
            if not self._acceptance.known():
                return
            self._finish_begun()
            due = self._candidates.due(policies)
            self._rest.keep(one.finding.id for batch in due.values() for one in batch)
            for name, batch in due.items():
                self._act_on(policies[name], batch, run_id)
        except StoreError as error:
            self._reporter.report(JournalFailed(run_id=run_id, detail=str(error)))

    def _finish_begun(self) -> None:
        with self._store.reading() as tx:
            unfinished = tx.actions.unfinished()
        self._begun.keep(record.id for record in unfinished)
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

    def _act_on(self, policy: AnyPolicy, batch: Sequence[Candidate], run_id: str) -> None:
        free = []
        for candidate in batch:
            self._alive()
            if hold := guards.held_by(candidate):
                self._withholder.hold([candidate], hold, run_id)
            else:
                free.append(candidate)
        if not free:
            return
        if hold := self._limit(policy, free):
            if self._withholder.hold(free, hold, run_id) and hold.exceeds:
                self._reporter.report(
                    LimitTripped(run_id=run_id, policy=policy.name, batch=len(free), detail=hold.detail)
                )
            return
        for candidate in free:
            self._alive()
            if self._rest.rests(candidate.finding.id) is None:
                self._take(candidate, run_id)

    def _take(self, candidate: Candidate, run_id: str) -> None:
        """Begin its action, if a last look lets it. Unless it begins, the next look comes later."""
        ready = self._ready(candidate, run_id)
        self._rest.held(candidate.finding.id)
        if ready is None:
            return
        with suppress(LeaseLost):
            look = LastLook(finding=ready.candidate.finding, prospect=ready.prospect)
            if hold := self._carrier.begin(self._record(ready, run_id), look):
                self._withholder.hold([candidate], hold, run_id)

    def _limit(self, policy: AnyPolicy, batch: Sequence[Candidate]) -> Hold | None:
        """The policy's own limit, then what all policies together may do."""
        parts = Counter(candidate.finding.scope.account for candidate in batch)
        with self._store.reading() as tx:
            tally = Tally(tx, policy.name, self._clock.now())
            own, everywhere = tally.own(), tally.everyone()
            accounts = {account: tally.everyone(account) for account in parts}
        if hold := bounds.limit(policy, batch=len(batch), taken=own):
            return hold
        return bounds.quota(self._quota, batch=parts, accounts=accounts, everywhere=everywhere)

    def _ready(self, candidate: Candidate, run_id: str) -> Ready | None:
        """What the last look before the first call leaves of a candidate; what it does not is held, or dropped."""
        seen = self._recheck.look(candidate, candidate.proposal.plan.action if candidate.proposal else None)
        if isinstance(seen, Over):
            over = lifecycle.moved(candidate.finding, seen.state, self._clock.now())
            self._withholder.drop(candidate, over, _OVER[seen.state], run_id)
        elif isinstance(seen, Unclear):
            self._withholder.hold([candidate], Hold(guard="re-check", detail=seen.why), run_id)
        elif isinstance(seen, Hold):
            self._withholder.hold([candidate], seen, run_id)
        elif isinstance(seen.plan, str):
            self._withholder.hold([candidate], Hold(guard="re-check", detail=seen.plan), run_id)
        elif candidate.proposal is not None and candidate.proposal.plan.hash != seen.plan.hash:
            due = lifecycle.moved(candidate.finding, State.DUE, self._clock.now())
            reopened = replace(due, violation=seen.violation)
            self._withholder.drop(candidate, reopened, "the plan changed since it was approved", run_id)
        else:
            return self._disturbing_little(seen, seen.plan, run_id)
        return None

    def _disturbing_little(self, seen: Sight, plan: Plan, run_id: str) -> Ready | None:
        """Read what depends on the resource: nothing may that people have not seen, and little that nobody has."""
        candidate, policy = seen.candidate, seen.candidate.policy
        (prospects,) = self._prospects.of([Case(policy=policy, resource=seen.resource)], self._clock.now())
        radius = prospects[plan.action].radius
        hold = guards.blast_radius(candidate, radius)
        if hold is None and candidate.proposal is not None and (more := radius.beyond(candidate.proposal.radius)):
            why = f"more depends on it than was approved: {', '.join(map(str, more))}"
            hold = Hold(guard="blast-radius", detail=why)
            reopened = lifecycle.moved(candidate.finding, State.DUE, self._clock.now(), held=str(hold))
            self._withholder.drop(candidate, reopened, why, run_id, hold=hold)
            return None
        if hold is None:
            return Ready(candidate=candidate, plan=plan, prospect=prospects[plan.action])
        if candidate.proposal is not None:
            self._withholder.hold([candidate], hold, run_id)
        else:
            plans = (plan, *alternatives(policy, seen.resource, seen.violation))
            made = proposal(policy, candidate.finding, plans, prospects, self._clock.now())
            self._withholder.propose(candidate, made, hold, run_id)
        return None

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
