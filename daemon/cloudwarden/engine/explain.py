"""Explain: why one resource is, or is not, a finding of one policy, and what holds its action back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from cloudwarden.core import guards
from cloudwarden.core.acceptance import trusted_in
from cloudwarden.core.detail import UnreadTags
from cloudwarden.core.exemption import Subject, exempting_tag, lately_exempt, ruling
from cloudwarden.core.finding import Finding
from cloudwarden.core.guards import Candidate, Hold
from cloudwarden.core.pause import paused_by
from cloudwarden.core.policy import AnyPolicy, Mode, ModeOf
from cloudwarden.core.prospect import Prospect
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.restraint import Restraints
from cloudwarden.core.verdict import Cause, Verdict
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.engine.prospects import Prospects
from cloudwarden.engine.tell import notices_of
from cloudwarden.ports import Clock, Inventory, Store, Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why one resource is, or is not, a finding of one policy, judged now.

    `problem` says why the resource could not be read; without it and without a resource, none exists. `exempted` says
    what takes the resource out of the policy, finding or not. `prospect` is what the policy's action would touch and
    save now; without an action it touches nothing, and is None.
    """

    policy: AnyPolicy
    resource: Resource | None
    verdict: Verdict | None
    finding: Finding | None
    holds: tuple[Hold, ...]
    ceiling: Mode
    exempted: str | None = None
    problem: Cause | None = None
    prospect: Prospect | None = None

    @property
    def mode(self) -> Mode:
        """The mode in force: the lower of the policy's and the environment's ceiling."""
        return min(self.policy.mode, self.ceiling)


class Explainer:
    """Looks at one resource now, as a sweep would; no finding changes."""

    def __init__(
        self,
        *,
        store: Store,
        inventory: Inventory,
        gatherer: Gatherer,
        clock: Clock,
        scopes: Callable[[], Sequence[Scope]],
        mode_of: ModeOf,
        ceiling: Mode,
        restraints: Restraints,
        prospects: Prospects,
    ) -> None:
        self._store = store
        self._inventory = inventory
        self._gatherer = gatherer
        self._clock = clock
        self._scopes = scopes
        self._mode_of = mode_of
        self._ceiling = ceiling
        self._restraints = restraints
        self._prospects = prospects

    def explain(self, policy: AnyPolicy, resource_id: str, where: str = "") -> Explanation:
        """Read and judge one resource now; nothing is kept. `where` is the account, or the scope, to look in."""
        problem: Cause | None = None
        for scope in self._likely(policy, resource_id):
            if where not in ("", scope.account, str(scope)):
                continue
            listing = self._inventory.get(policy.kind, scope, resource_id)
            problem = problem or listing.problem
            if listing.resources:
                return self._explained(policy, listing.resources[0], scope)
        return Explanation(
            policy=policy, resource=None, verdict=None, finding=None, holds=(), ceiling=self._ceiling, problem=problem
        )

    def _likely(self, policy: AnyPolicy, resource_id: str) -> list[Scope]:
        """Every scope, those first in which the policy has a finding of the resource."""
        with self._store.reading() as tx:
            found = {one.scope for one in tx.findings.standing(policy.name) if one.resource_id == resource_id}
        scopes = policy.kind.listed_in(self._scopes())
        return sorted(scopes, key=lambda scope: (scope not in found, scope))

    def _explained(self, policy: AnyPolicy, resource: Resource, scope: Scope) -> Explanation:
        now = self._clock.now()
        (verdict,) = self._gatherer.verdicts([Case(policy=policy, resource=resource)], now)
        subject = Subject.judged(resource, verdict)
        if verdict.violation is None and not isinstance(resource.tags, UnreadTags):
            subject = Subject.of(resource, resource.tags, exempting_tag(policy.exempt, resource))
        prospect = self._prospect(policy, resource, now) if verdict.violation is not None else None
        with self._store.reading() as tx:
            # Judging takes a while, and a sweep may have seen the resource meanwhile: later than `now` was.
            now = self._clock.now()
            standing = tx.findings.standing(policy.name)
            finding = next((one for one in standing if (one.scope, one.resource_id) == (scope, resource.id)), None)
            exemptions = tx.decisions.exemptions()
            exempted = ruling(policy.name, subject, exemptions, now).held
            holds: tuple[Hold, ...] = ()
            if finding is not None:
                candidate = self._candidate(tx, policy, finding, resource.kept_in, exempted, now)
                lately = lately_exempt(policy.name, subject, exemptions, finding.last_seen, now)
                candidate = replace(candidate, was_exempt=lately.held)
                holds = tuple(hold for guard in guards.CHAIN if (hold := guard(candidate)))
                if prospect and (alone := guards.blast_radius(candidate, prospect.radius)) and candidate.alone:
                    holds += (alone,)
        return Explanation(
            policy=policy,
            resource=resource,
            verdict=verdict,
            finding=finding,
            holds=holds,
            ceiling=self._ceiling,
            exempted=exempted,
            prospect=prospect,
        )

    def _prospect(self, policy: AnyPolicy, resource: Resource, now: datetime) -> Prospect | None:
        if policy.action is None:
            return None
        (prospects,) = self._prospects.of([Case(policy=policy, resource=resource)], now)
        return prospects[policy.action.name]

    def _candidate(
        self,
        tx: Transaction,
        policy: AnyPolicy,
        finding: Finding,
        where: Scope | None,
        exempted: str | None,
        now: datetime,
    ) -> Candidate:
        undecided = tx.proposals.undecided([finding.id])
        return Candidate(
            policy=policy,
            finding=finding,
            mode=self._mode_of(policy, where),
            trusted=trusted_in(partial(tx.decisions.trusts, policy.name, policy.fingerprint), finding.scope, [where]),
            proposal=undecided[-1] if undecided else None,
            exempted=exempted,
            paused=paused_by(tx.decisions.pauses(), policy.name, finding.scope.account),
            closed=self._restraints.closed(policy, finding.scope.account, now),
            now=now,
            notices=notices_of(tx, policy, finding),
            asked=bool(tx.proposals.put_to_people([finding.id])),
        )
