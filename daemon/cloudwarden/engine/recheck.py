"""Re-check: a candidate's resource read again and judged again, the last look before each call of its action."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from cloudwarden.core import guards
from cloudwarden.core.action import Plan
from cloudwarden.core.finding import Finding, State
from cloudwarden.core.guards import Candidate, Hold
from cloudwarden.core.resource import Resource
from cloudwarden.core.verdict import Outcome, Violation
from cloudwarden.engine.candidates import Candidates
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.engine.propose import planned
from cloudwarden.ports import Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """A resource that violates still, and that no guard holds. `plan` repairs it now, or says why there is none.

    The candidate's finding says what was seen just now.
    """

    candidate: Candidate
    resource: Resource
    violation: Violation
    plan: Plan | str


@dataclass(frozen=True, kw_only=True, slots=True)
class Over:
    """There is nothing left to repair. `state` is that of the finding: gone, or resolved."""

    state: State


@dataclass(frozen=True, kw_only=True, slots=True)
class Unclear:
    """Whether there is something to repair could not be told, and why."""

    why: str


class Recheck:
    """Looks again. It holds nothing and ends nothing: that is for who asked."""

    def __init__(self, *, gatherer: Gatherer, candidates: Candidates, clock: Clock) -> None:
        self._gatherer = gatherer
        self._candidates = candidates
        self._clock = clock

    def look(self, candidate: Candidate, chosen: str | None) -> Sight | Over | Unclear | Hold:
        """Read and judge a candidate's resource; plan the action of this name, or the policy's own.

        What it says is of the instant at which it began to ask: a machine may be suspended while it waits for answers.
        """
        finding, now = candidate.finding, self._clock.now()
        listing = self._gatherer.described(candidate.policy.kind, finding.scope, finding.resource_id)
        if listing.problem is not None:
            return Unclear(why=str(listing.problem))
        if not listing.resources or not finding.is_of(listing.resources[0]):
            return Over(state=State.GONE)
        return self._judged(candidate, listing.resources[0], chosen, now)

    def overtaken(self, kind: type[Resource], finding: Finding, action: str, done_at: datetime) -> str | Unclear | None:
        """Why undoing what an action did then to a finding's resource would undo what somebody did since, in words.

        Another resource may have taken its id; or this one says that it was started, or made, anew. None where nothing
        tells of either.
        """
        listing = self._gatherer.described(kind, finding.scope, finding.resource_id)
        if listing.problem is not None:
            return Unclear(why=str(listing.problem))
        for resource in listing.resources:
            if not finding.is_of(resource):
                return f"{finding.resource_id} is another one by now, which was given its name"
            if since := resource.overtaken(action, done_at):
                return f"{finding.resource_id} {since}"
        return None

    def _judged(
        self, candidate: Candidate, resource: Resource, chosen: str | None, now: datetime
    ) -> Sight | Over | Unclear | Hold:
        policy = candidate.policy
        (verdict,) = self._gatherer.verdicts([Case(policy=policy, resource=resource)], now)
        if verdict.outcome is Outcome.UNKNOWN:
            return Unclear(why=f"cannot tell: {verdict.cause}")
        if verdict.violation is None:
            return Over(state=State.RESOLVED)
        plan = planned(policy, resource, verdict.violation, chosen)
        places = plan.places(resource.kept_in) if isinstance(plan, Plan) and resource.kept_in else ()
        as_it_is = self._candidates.as_it_is(candidate, resource, verdict, places)
        if isinstance(plan, Plan):
            as_it_is = replace(as_it_is, plan_hash=plan.hash)
        if hold := guards.held_by(as_it_is, guards.LAST):
            return hold
        seen = replace(candidate.finding, violation=verdict.violation, readings=verdict.readings, last_seen=now)
        return Sight(
            candidate=replace(candidate, finding=seen), resource=resource, violation=verdict.violation, plan=plan
        )
