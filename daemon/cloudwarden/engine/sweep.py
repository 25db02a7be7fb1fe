"""Sweep: one pass of the policies that are due, over the scopes they cover."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from cloudwarden.core.errors import StoreError
from cloudwarden.core.finding import Finding
from cloudwarden.core.policy import AnyPolicy, ModeOf
from cloudwarden.core.resource import Scope
from cloudwarden.core.restraint import UNRESTRAINED, Restraints
from cloudwarden.core.verdict import Cause, Outcome
from cloudwarden.engine.act import Actor
from cloudwarden.engine.events import (
    JournalFailed,
    JudgementLost,
    PhaseFinished,
    PolicyJudged,
    RuleFailed,
    SweepFailed,
    SweepFinished,
    SweepStarted,
)
from cloudwarden.engine.gather import Key
from cloudwarden.engine.known import known_of
from cloudwarden.engine.propose import Foreseen, new_id
from cloudwarden.engine.prospects import Prospects
from cloudwarden.engine.settle import Settler
from cloudwarden.engine.survey import Assignment, Judgement, Survey, Surveyor
from cloudwarden.ports import Clock, Reporter, Store, Transaction

MOST_PROSPECTS = 50
"""Resources of which a sweep finds out what depends on them: a handful of calls each. The next sweep goes on."""

Remembered = Mapping[str, frozenset[Key]]
"""The resources that have a finding when a sweep begins, by policy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepResult:
    """What a sweep knows at its end. `trouble` is why the store could not keep it, if it could not.

    `scopes` says how many there were to look at.
    """

    run_id: str
    scopes: int
    judgements: tuple[Judgement, ...]
    findings: tuple[Finding, ...]
    trouble: str | None = None

    @property
    def settled(self) -> bool:
        """Whether the store keeps it."""
        return self.trouble is None

    @property
    def complete(self) -> bool:
        """Whether every listing was. Where there was nowhere to look, nothing was."""
        return self.scopes > 0 and all(judgement.problem is None for judgement in self.judgements)

    @property
    def blind(self) -> Mapping[tuple[Scope, Cause], tuple[str, ...]]:
        """The scopes that were not listed completely, each with why, and the policies that it concerns."""
        policies: defaultdict[tuple[Scope, Cause], list[str]] = defaultdict(list)
        for judgement in sorted(self.judgements, key=lambda one: (one.scope, one.policy)):
            if judgement.problem is not None:
                policies[judgement.scope, judgement.problem].append(judgement.policy)
        return {where: tuple(names) for where, names in policies.items()}

    @property
    def unknown(self) -> int:
        """How many verdicts are unknown."""
        return self.count(Outcome.UNKNOWN)

    def count(self, outcome: Outcome) -> int:
        """How many verdicts there are of an outcome."""
        return sum(judgement.verdicts.get(outcome, 0) for judgement in self.judgements)


class Sweeper:
    """Runs sweeps, one at a time, on the thread that calls it (the main one, for the cutoff's sake).

    `mode_of` may be lower for one sweep than `lasting_mode_of`: then what people were asked before stands. `alive` is
    called often; it may raise StopAsked.
    """

    def __init__(
        self,
        *,
        surveyor: Surveyor,
        actor: Actor,
        store: Store,
        clock: Clock,
        reporter: Reporter,
        scopes: Callable[[], Sequence[Scope]],
        mode_of: ModeOf,
        prospects: Prospects,
        lasting_mode_of: ModeOf | None = None,
        restraints: Restraints = UNRESTRAINED,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._surveyor = surveyor
        self._actor = actor
        self._store = store
        self._clock = clock
        self._reporter = reporter
        self._scopes = scopes
        self._mode_of = mode_of
        self._lasting_mode_of = lasting_mode_of or mode_of
        self._prospects = prospects
        self._restraints = restraints
        self._alive = alive

    def sweep(self, due: Sequence[AnyPolicy], policies: Mapping[str, AnyPolicy]) -> SweepResult:
        """Gather, judge and settle the policies that are due, then act for all `policies`.

        Raises CloudError when not even the scopes can be told (no credentials, say): then nothing was read. Raises
        StoreError when what is known already cannot be read.
        """
        run_id = new_id("r")
        # A thousand accounts are discovered in minutes, and STS may be slow.
        scopes = tuple(self._scopes())
        names = tuple(policy.name for policy in due)
        began = time.perf_counter()
        self._reporter.report(SweepStarted(run_id=run_id, policies=names, scopes=scopes))
        remembered = self._remembered(due)
        judgements = self._survey(due, policies, scopes, remembered, run_id)
        with self._phase(run_id, "settle"):
            trouble = self._settle(due, judgements, remembered, run_id)
        if trouble is None:
            with self._phase(run_id, "act"):
                self._actor.act(policies, run_id)
        result = SweepResult(
            run_id=run_id,
            scopes=len(scopes),
            judgements=tuple(judgements),
            findings=self._standing(names) if trouble is None else (),
            trouble=trouble,
        )
        if result.settled:
            self._reporter.report(
                SweepFinished(
                    run_id=run_id,
                    policies=names,
                    seconds=time.perf_counter() - began,
                    complete=result.complete,
                    findings=len(result.findings),
                )
            )
        return result

    def _remembered(self, due: Sequence[AnyPolicy]) -> Remembered:
        now = self._clock.now()
        with self._store.reading() as tx:
            return {policy.name: frozenset(known_of(tx, policy, now).findings) for policy in due}

    def _survey(
        self,
        due: Sequence[AnyPolicy],
        policies: Mapping[str, AnyPolicy],
        scopes: Sequence[Scope],
        remembered: Remembered,
        run_id: str,
    ) -> list[Judgement]:
        """Gather and judge, wherever the surveyor has it done; report each scope as it is ready."""
        judgements: list[Judgement] = []
        seconds = {"gather": 0.0, "judge": 0.0}
        assignments = assigned(due, scopes, remembered, run_id)
        policies = {**policies, **{policy.name: policy for policy in due}}
        for survey in self._surveyor.survey(assignments, policies):
            judgements += survey.judgements
            seconds["gather"] += survey.gather_seconds
            seconds["judge"] += survey.judge_seconds
            self._report(survey, policies, run_id)
            self._alive()
        for phase, took in seconds.items():
            self._reporter.report(PhaseFinished(run_id=run_id, phase=phase, seconds=took))
        return judgements

    def _report(self, survey: Survey, policies: Mapping[str, AnyPolicy], run_id: str) -> None:
        """One event for each policy, and one for the first fault of a rule."""
        seconds = survey.judge_seconds / max(len(survey.judgements), 1)
        for judgement in survey.judgements:
            self._reporter.report(_told(judgement, policies[judgement.policy].kind.kind, seconds, run_id))
            if (fault := judgement.fault) is not None:
                self._reporter.report(
                    RuleFailed(
                        run_id=run_id,
                        policy=judgement.policy,
                        resource=fault.resource_id,
                        reason=fault.cause.reason,
                        detail=fault.cause.detail,
                    )
                )

    def _settle(
        self, due: Sequence[AnyPolicy], judgements: Sequence[Judgement], remembered: Remembered, run_id: str
    ) -> str | None:
        """Settle everything in one transaction; report what changed once it is durable. Says why if it is not."""
        by_policy: defaultdict[str, list[Judgement]] = defaultdict(list)
        for judgement in judgements:
            by_policy[judgement.policy].append(judgement)
        now = self._clock.now()
        try:
            prospects = self._looked_at(due, by_policy, remembered, now)
            with self._store.transaction() as tx:
                settler = self._settler(tx, run_id, now, prospects)
                for policy in due:
                    settler.settle(policy, by_policy[policy.name], remembered[policy.name])
                settler.finish()
        except StoreError as error:
            self._reporter.report(JournalFailed(run_id=run_id, detail=str(error)))
            names = tuple(policy.name for policy in due)
            self._reporter.report(SweepFailed(run_id=run_id, policies=names, detail=str(error)))
            return str(error)
        for event in settler.events:
            self._reporter.report(event)
        return None

    def _looked_at(
        self,
        due: Sequence[AnyPolicy],
        judgements: Mapping[str, Sequence[Judgement]],
        remembered: Remembered,
        now: datetime,
    ) -> Foreseen:
        """The prospects of what is about to be proposed, which a rehearsal tells: no call is made while settling."""
        acting = [one for one in due if one.action is not None and any(each.told for each in judgements[one.name])]
        if not acting:
            return {}
        with self._store.reading() as tx:
            rehearsal = self._settler(tx, "", now, {})
            for policy in acting:
                rehearsal.settle(policy, judgements[policy.name], remembered[policy.name])
        cases = rehearsal.unseen[:MOST_PROSPECTS]
        return dict(zip([case.key for case in cases], self._prospects.of(cases, now), strict=True))

    def _settler(self, tx: Transaction, run_id: str, now: datetime, prospects: Foreseen) -> Settler:
        return Settler(
            tx,
            now=now,
            run_id=run_id,
            mode_of=self._mode_of,
            lasting_mode_of=self._lasting_mode_of,
            saving_of=self._prospects.saving,
            protection=self._restraints.protection,
            prospects=prospects,
            alive=self._alive,
        )

    def _standing(self, names: Sequence[str]) -> tuple[Finding, ...]:
        with self._store.reading() as tx:
            return tuple(finding for name in names for finding in tx.findings.standing(name))

    @contextmanager
    def _phase(self, run_id: str, phase: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._reporter.report(PhaseFinished(run_id=run_id, phase=phase, seconds=time.perf_counter() - began))


def _told(judgement: Judgement, kind: str, seconds: float, run_id: str) -> PolicyJudged | JudgementLost:
    """What a judgement is reported as. Of one that is lost no listing told, so that this has to."""
    if judgement.lost and judgement.problem is not None:
        return JudgementLost(
            run_id=run_id, policy=judgement.policy, kind=kind, scope=judgement.scope, problem=judgement.problem
        )
    return PolicyJudged(
        run_id=run_id,
        policy=judgement.policy,
        kind=kind,
        scope=judgement.scope,
        verdicts=judgement.verdicts,
        unknown=judgement.unknown,
        population=judgement.population,
        unread=judgement.unread,
        cause=judgement.unread_cause,
        seconds=seconds,
    )


def assigned(
    due: Sequence[AnyPolicy], scopes: Sequence[Scope], remembered: Remembered, run_id: str
) -> list[Assignment]:
    """One assignment for each scope that some policy's kind is listed in, with what is remembered of it."""
    ids: defaultdict[Scope, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, keys in remembered.items():
        for scope, resource_id in keys:
            ids[scope][name].add(resource_id)
    names: defaultdict[Scope, list[str]] = defaultdict(list)
    for policy in due:
        for scope in policy.kind.listed_in(scopes):
            names[scope].append(policy.name)
    return [
        Assignment(
            run_id=run_id,
            scope=scope,
            policies=tuple(here),
            remembered={name: frozenset(found) for name, found in ids[scope].items()} if scope in ids else {},
        )
        for scope, here in names.items()
    ]
