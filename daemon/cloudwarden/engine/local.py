"""Gathering and judging in this process, a few scopes at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.engine.gather import Case, Gatherer, Target
from cloudwarden.engine.leases import Leases
from cloudwarden.engine.patience import Patience, scope_seconds
from cloudwarden.engine.survey import Assignment, Judgement, Survey, judgement
from cloudwarden.ports import Clock, Listing

SCOPES_AT_ONCE = 17
"""Scopes that are listed and judged together: enough to keep every thread busy, and few enough that what is in
memory at once does not grow with the estate. Seventeen is one account in the regions that are on by default."""


class LocalSurveyor:
    """Surveys on the thread that calls it (the main one of its process, for the cutoff's sake).

    It begins with nothing held, unless `leases` are given.
    """

    def __init__(
        self,
        *,
        gatherer: Gatherer,
        clock: Clock,
        scopes_at_once: int = SCOPES_AT_ONCE,
        leases: Leases | None = None,
    ) -> None:
        self._gatherer = gatherer
        self._clock = clock
        self._scopes_at_once = scopes_at_once
        self._leases = Leases() if leases is None else leases
        self._sweep: tuple[str, Patience] | None = None

    def survey(self, assignments: Sequence[Assignment], policies: Mapping[str, AnyPolicy]) -> Iterator[Survey]:
        """A survey for each assignment, a batch of them at a time; `policies` are all that wait for it."""
        for start in range(0, len(assignments), self._scopes_at_once):
            batch = assignments[start : start + self._scopes_at_once]
            yield from self._together(batch, policies, self._patience(batch[0].run_id, policies))

    def _patience(self, run_id: str, policies: Mapping[str, AnyPolicy]) -> Patience:
        """One for a whole sweep, which a worker is given in pieces; nothing of the sweep before it."""
        if self._sweep is None or self._sweep[0] != run_id:
            seconds = scope_seconds([policy.schedule for policy in policies.values()], self._clock.now())
            self._sweep = run_id, self._gatherer.patience(seconds)
        return self._sweep[1]

    def _together(
        self, batch: Sequence[Assignment], policies: Mapping[str, AnyPolicy], patience: Patience
    ) -> list[Survey]:
        parts = [(assignment, policies[name]) for assignment in batch for name in assignment.policies]
        began = time.perf_counter()
        targets = [(policy.kind, one.scope) for one, policy in parts]
        listings = self._gatherer.listings(targets, batch[0].run_id, patience)
        listed = time.perf_counter()
        now = self._clock.now()
        judgements = self._judgements(parts, listings, now, patience)
        judged = time.perf_counter()
        return [
            Survey(
                scope=one.scope,
                judged_at=now,
                judgements=tuple(judgements[one.scope, name] for name in one.policies),
                gather_seconds=(listed - began) / len(batch),
                judge_seconds=(judged - listed) / len(batch),
            )
            for one in batch
        ]

    def _judgements(
        self,
        parts: Sequence[tuple[Assignment, AnyPolicy]],
        listings: Mapping[Target, Listing],
        now: datetime,
        patience: Patience,
    ) -> dict[tuple[Scope, str], Judgement]:
        """One for each part; the questions of all parts are gathered together."""
        cases = [
            Case(policy=policy, resource=resource)
            for one, policy in parts
            for resource in listings[policy.kind, one.scope].resources
        ]
        judged = iter(zip(cases, self._gatherer.verdicts(cases, now, self._leases, patience), strict=True))
        judgements = {}
        for one, policy in parts:
            listing = listings[policy.kind, one.scope]
            if listing.complete:
                self._leases.retain_resources(policy.name, one.scope, {found.id for found in listing.resources})
            verdicts = [(case.resource, said) for case, said in islice(judged, len(listing.resources))]
            remembered = one.remembered.get(policy.name, frozenset())
            judgements[one.scope, policy.name] = judgement(policy, one.scope, listing.problem, verdicts, remembered)
        return judgements
