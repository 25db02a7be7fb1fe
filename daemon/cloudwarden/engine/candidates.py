"""Candidates: the actions that might be taken now, each with all that the guards look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial

from cloudwarden.core.exemption import Exemption, Subject, lately_exempt, ruling
from cloudwarden.core.finding import ActionRecord, Finding, Proposal, State
from cloudwarden.core.guards import Candidate
from cloudwarden.core.notice import Notice, leads_of
from cloudwarden.core.pause import Pause, paused_by
from cloudwarden.core.policy import AnyPolicy, ModeOf
from cloudwarden.core.protection import protected_as_judged
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.restraint import Restraints
from cloudwarden.core.verdict import Verdict
from cloudwarden.engine.doubts import Doubts
from cloudwarden.engine.ending import does_again, undone_lately
from cloudwarden.engine.tell import notices_of
from cloudwarden.ports import Clock, Store, Transaction


@dataclass(frozen=True, slots=True)
class _Decided:
    """What operators have decided, read once for a whole batch."""

    exemptions: Sequence[Exemption]
    pauses: Sequence[Pause]
    trusts: Callable[[str, str, Scope], bool]
    notices: Callable[[AnyPolicy, Finding], tuple[Notice, ...]]
    asked: Collection[str]
    undone: Mapping[tuple[Scope, str], Sequence[ActionRecord]]

    @staticmethod
    def read(tx: Transaction, about: Collection[str], now: datetime) -> _Decided:
        """All decisions; trust is asked for once for each version of a policy in a scope. `about` are findings."""
        return _Decided(
            tx.decisions.exemptions(),
            tx.decisions.pauses(),
            cache(tx.decisions.trusts),
            partial(notices_of, tx),
            tx.proposals.put_to_people(about),
            undone_lately(tx, now),
        )

    def undone_since(self, policy: AnyPolicy, finding: Finding) -> str | None:
        """What a person undid, and the policy may do again, as no sweep has seen the finding since; None mostly.

        The undo put off the findings of the policies that were loaded then; a sweep does so with the others.
        """
        undos = self.undone.get((finding.scope, finding.resource_id), ())
        since = (one for one in undos if does_again(policy, one) and one.changed_at > finding.last_seen)
        return next((f"action {one.undoes} was undone at {one.changed_at:%Y-%m-%d %H:%M}Z" for one in since), None)


class Candidates:
    """Makes candidates of findings, as the store and the settings have it at that moment."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        mode_of: ModeOf,
        restraints: Restraints,
        doubts: Doubts,
    ) -> None:
        self._store = store
        self._clock = clock
        self._mode_of = mode_of
        self._restraints = restraints
        self._doubts = doubts

    def due(self, policies: Mapping[str, AnyPolicy]) -> Mapping[str, Sequence[Candidate]]:
        """Those of each of these policies: due findings that it may act on alone, and approved ones."""
        due: defaultdict[str, list[Candidate]] = defaultdict(list)
        with self._store.reading() as tx:
            found = tx.findings.in_states(State.DUE, State.APPROVED)
            if not found:
                return due
            about = [finding.id for finding in found]
            proposals = {proposal.finding_id: proposal for proposal in tx.proposals.undecided(about)}
            decided = _Decided.read(tx, about, self._clock.now())
            for finding in found:
                policy = policies.get(finding.policy)
                if policy is not None:
                    due[policy.name].append(self._candidate(decided, policy, finding, proposals.get(finding.id)))
        return due

    def begun(self, policy: AnyPolicy, finding_id: str) -> Candidate | None:
        """What an action is about that was begun already; None when its finding is not in the store."""
        with self._store.reading() as tx:
            finding = tx.findings.get(finding_id)
            decided = _Decided.read(tx, [finding_id], self._clock.now())
            return self._candidate(decided, policy, finding, None) if finding is not None else None

    def as_it_is(
        self, candidate: Candidate, resource: Resource, verdict: Verdict, places: Collection[Scope]
    ) -> Candidate:
        """The candidate as the resource, just read and judged, and the decisions of this moment make it.

        `places` are where calls are to be made: how far the policy may go in the least of them counts.
        """
        policy, now = candidate.policy, self._clock.now()
        with self._store.reading() as tx:
            subject, exemptions = Subject.judged(resource, verdict), tx.decisions.exemptions()
            paused = paused_by(tx.decisions.pauses(), policy.name, resource.account)
            notices = notices_of(tx, policy, candidate.finding)
        ruled = ruling(policy.name, subject, exemptions, now)
        lately = lately_exempt(policy.name, subject, exemptions, candidate.finding.last_seen, now)
        protected = protected_as_judged(resource, verdict, policy.touches, self._restraints.protection)
        return replace(
            candidate,
            mode=min(self._mode_of(policy, where) for where in (resource.kept_in, *places)),
            finding=replace(candidate.finding, protected=protected),
            exempted=ruled.by,
            was_exempt=lately.held,
            doubt=self._doubts.exemptions() or ruled.doubt,
            paused=self._doubts.settings() or paused,
            closed=self._restraints.closed(policy, resource.account, now),
            now=now,
            notices=notices,
            leads=leads_of(policy.notice, resource.account, verdict.tags, verdict.untagged) if policy.notice else None,
        )

    def _candidate(
        self, decided: _Decided, policy: AnyPolicy, finding: Finding, proposal: Proposal | None
    ) -> Candidate:
        now, subject = self._clock.now(), Subject.found(finding)
        return Candidate(
            policy=policy,
            finding=finding,
            mode=self._mode_of(policy, finding.scope),
            # Where it is kept counts too, which only the sweep that made it due could tell, and the plan of its action.
            trusted=decided.trusts(policy.name, policy.fingerprint, finding.scope),
            proposal=proposal,
            exempted=ruling(policy.name, subject, decided.exemptions, now).by,
            was_exempt=lately_exempt(policy.name, subject, decided.exemptions, finding.last_seen, now).by,
            doubt=self._doubts.exemptions(),
            paused=self._doubts.settings() or paused_by(decided.pauses, policy.name, finding.scope.account),
            closed=self._restraints.closed(policy, finding.scope.account, now),
            now=now,
            notices=decided.notices(policy, finding),
            asked=finding.id in decided.asked,
            undone=decided.undone_since(policy, finding),
        )
