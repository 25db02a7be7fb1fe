"""Sweep: one pass of the policies that are due, over the scopes they cover."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cloudwarden.core.errors import StoreError
from cloudwarden.core.finding import Finding
from cloudwarden.core.policy import AnyPolicy, Mode
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Outcome, Reason, Verdict
from cloudwarden.engine.act import Actor
from cloudwarden.engine.events import (
    JournalFailed,
    PhaseFinished,
    PolicyJudged,
    RuleFailed,
    SweepFailed,
    SweepFinished,
    SweepStarted,
)
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.engine.settle import Judged, Settler, new_id
from cloudwarden.ports import Clock, Listing, Reporter, Store

_RULE_FAULTS = frozenset(
    {Reason.RULE_RAISED, Reason.RULE_NONSENSE, Reason.RULE_CUT_OFF, Reason.RULE_ASKED_TOO_OFTEN, Reason.RULE_PERMANENT}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepResult:
    """What a sweep knows at its end. `settled` is False when the store could not keep it."""

    run_id: str
    judged: tuple[tuple[AnyPolicy, Resource, Verdict], ...]
    findings: tuple[Finding, ...]
    complete: bool
    settled: bool

    @property
    def unknown(self) -> int:
        """How many verdicts are unknown."""
        return sum(verdict.outcome is Outcome.UNKNOWN for _, _, verdict in self.judged)


class Sweeper:
    """Runs sweeps, one at a time, on the thread that calls it (the main one, for the cutoff's sake)."""

    def __init__(
        self,
        *,
        gatherer: Gatherer,
        actor: Actor,
        store: Store,
        clock: Clock,
        reporter: Reporter,
        scopes: Callable[[], Sequence[Scope]],
        mode_of: Callable[[AnyPolicy], Mode],
    ) -> None:
        self._gatherer = gatherer
        self._actor = actor
        self._store = store
        self._clock = clock
        self._reporter = reporter
        self._scopes = scopes
        self._mode_of = mode_of

    def sweep(self, due: Sequence[AnyPolicy], policies: Mapping[str, AnyPolicy]) -> SweepResult:
        """Gather, judge and settle the policies that are due, then act for all `policies`.

        Raises CloudError when not even the scopes can be told (no credentials, say): then nothing was read.
        """
        run_id = new_id("r")
        scopes = tuple(self._scopes())
        names = tuple(policy.name for policy in due)
        began = time.perf_counter()
        self._reporter.report(SweepStarted(run_id=run_id, policies=names, scopes=scopes))
        with self._phase(run_id, "gather"):
            targets = [(policy.kind, scope) for policy in due for scope in scopes]
            listings = self._gatherer.listings(targets, run_id)
        with self._phase(run_id, "judge"):
            judged = self._judge(due, scopes, listings, run_id)
        with self._phase(run_id, "settle"):
            settled = self._settle(judged, run_id)
        if settled:
            with self._phase(run_id, "act"):
                self._actor.act(policies, run_id)
        findings = self._standing(names) if settled else ()
        complete = all(listing.complete for listing in listings.values())
        if settled:
            self._reporter.report(
                SweepFinished(
                    run_id=run_id,
                    policies=names,
                    seconds=time.perf_counter() - began,
                    complete=complete,
                    findings=len(findings),
                )
            )
        return SweepResult(
            run_id=run_id,
            judged=tuple((one.policy, resource, verdict) for one in judged for resource, verdict in one.verdicts),
            findings=findings,
            complete=complete,
            settled=settled,
        )

    def _judge(
        self,
        due: Sequence[AnyPolicy],
        scopes: Sequence[Scope],
        listings: Mapping[tuple[type[Resource], Scope], Listing],
        run_id: str,
    ) -> list[Judged]:
        began = time.perf_counter()
        cases = [
            Case(policy=policy, resource=resource)
            for policy in due
            for scope in scopes
            for resource in listings[policy.kind, scope].resources
        ]
        verdicts = self._gatherer.verdicts(cases, self._clock.now())
        by_policy: defaultdict[str, list[tuple[Resource, Verdict]]] = defaultdict(list)
        for case, verdict in zip(cases, verdicts, strict=True):
            by_policy[case.policy.name].append((case.resource, verdict))
        judged = [
            Judged(
                policy=policy,
                listings={scope: listings[policy.kind, scope] for scope in scopes},
                verdicts=by_policy[policy.name],
            )
            for policy in due
        ]
        share = (time.perf_counter() - began) / max(1, len(judged) * len(scopes))
        for one in judged:
            self._report(one, run_id, share)
        return judged

    def _report(self, judged: Judged, run_id: str, seconds: float) -> None:
        """One event for each scope, and one for the first fault of the rule."""
        fault: tuple[Resource, Verdict] | None = None
        counts: defaultdict[Scope, Counter[str]] = defaultdict(Counter)
        unknown: defaultdict[Scope, Counter[str]] = defaultdict(Counter)
        for resource, verdict in judged.verdicts:
            counts[resource.scope][verdict.outcome] += 1
            if verdict.cause is not None:
                unknown[resource.scope][verdict.cause.reason] += 1
                fault = fault or ((resource, verdict) if verdict.cause.reason in _RULE_FAULTS else None)
        for scope, listing in judged.listings.items():
            self._reporter.report(
                PolicyJudged(
                    run_id=run_id,
                    policy=judged.policy.name,
                    scope=scope,
                    verdicts=counts[scope],
                    unknown=unknown[scope],
                    population=len(listing.resources) if listing.complete else None,
                    seconds=seconds,
                )
            )
        if fault is not None and (cause := fault[1].cause) is not None:
            self._reporter.report(
                RuleFailed(
                    run_id=run_id,
                    policy=judged.policy.name,
                    resource=fault[0].id,
                    reason=cause.reason,
                    detail=cause.detail,
                )
            )

    def _settle(self, judged: Sequence[Judged], run_id: str) -> bool:
        """Settle everything in one transaction; report what changed once it is durable."""
        try:
            with self._store.transaction() as tx:
                settler = Settler(tx, now=self._clock.now(), run_id=run_id, mode_of=self._mode_of)
                for one in judged:
                    settler.settle(one)
                settler.finish()
        except StoreError as error:
            self._reporter.report(JournalFailed(run_id=run_id, detail=str(error)))
            names = tuple(one.policy.name for one in judged)
            self._reporter.report(SweepFailed(run_id=run_id, policies=names, detail=str(error)))
            return False
        for event in settler.events:
            self._reporter.report(event)
        return True

    def _standing(self, names: Sequence[str]) -> tuple[Finding, ...]:
        with self._store.reading() as tx:
            return tuple(finding for name in names for finding in tx.findings.standing(name))

    @contextmanager
    def _phase(self, run_id: str, phase: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._reporter.report(PhaseFinished(run_id=run_id, phase=phase, seconds=time.perf_counter() - began))
