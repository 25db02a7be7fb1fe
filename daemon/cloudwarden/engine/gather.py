"""Gather: one inventory pass for all policies, then what their rules ask for, round by round."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from cloudwarden.core.errors import CloudwardenError
from cloudwarden.core.evidence import Answers, Query, Unreadable
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Reason, Verdict
from cloudwarden.engine.budget import OVER_BUDGET, Budget, spend
from cloudwarden.engine.crew import Crew
from cloudwarden.engine.demand import Demand, Want, first_first
from cloudwarden.engine.drag import Reading, asked_in, listed_in, size_of
from cloudwarden.engine.events import LeasesUsed, Listed, MetricsRequested
from cloudwarden.engine.judge import Needs, evaluate
from cloudwarden.engine.leases import Leases
from cloudwarden.engine.muteness import Muteness
from cloudwarden.engine.patience import SCOPE_SECONDS, Patience
from cloudwarden.ports import Cutoff, EvidenceSource, Inventory, Listing, Reporter

MAX_ROUNDS = 8
"""Rounds of questions one verdict may take. Each costs calls; a rule that asks more is a loop, not a rule."""

MAX_CUT_OFFS = 3
"""Evaluations of one policy cut off in one sweep, by one process, before the rest of it is not tried."""

Target = tuple[type[Resource], Scope]


class StopAsked(CloudwardenError):
    """The daemon was asked to leave in the middle of a sweep; nothing of the sweep is kept."""


Key = tuple[Scope, str]
"""A resource by its scope and its id."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Case:
    """One resource before one policy."""

    policy: AnyPolicy
    resource: Resource

    @property
    def key(self) -> tuple[str, Key]:
        """The policy by its name, and the resource."""
        return self.policy.name, (self.resource.scope, self.resource.id)


class Gatherer:
    """Reads what is needed and judges it, `threads` calls at a time.

    `alive` is called often; it may raise StopAsked. Without a `budget`, every metric is asked for. A scope is asked for
    `scope_seconds` at most, by `timer`, which is `Clock.monotonic`.
    """

    def __init__(
        self,
        *,
        inventory: Inventory,
        evidence: EvidenceSource,
        cutoff: Cutoff,
        reporter: Reporter,
        threads: int,
        alive: Callable[[], None] = lambda: None,
        budget: Budget | None = None,
        timer: Callable[[], float] = time.monotonic,
        scope_seconds: float = SCOPE_SECONDS,
    ) -> None:
        self._inventory = inventory
        self._evidence = evidence
        self._cutoff = cutoff
        self._reporter = reporter
        self._crew = Crew(threads, alive)
        self._threads = threads
        self._alive = alive
        self._budget = budget
        self._timer = timer
        self._scope_seconds = scope_seconds
        self._muteness = Muteness(timer)

    def patience(self, scope_seconds: float = SCOPE_SECONDS) -> Patience:
        """The time of each scope, anew."""
        return Patience(self._timer, min(scope_seconds, self._scope_seconds))

    def listings(
        self, targets: Iterable[Target], run_id: str, patience: Patience | None = None
    ) -> Mapping[Target, Listing]:
        """List every kind in every scope, each once; what held up the sweep for too long already is not asked."""
        patience = patience or self.patience()
        readings: list[Reading] = []

        def listed(target: Target) -> Listing:
            place, began = listed_in(*target), self._timer()
            if (refusal := patience.drag.refusal(place)) is not None:
                listing = Listing(resources=(), problem=refusal)
            else:
                with patience.listing():
                    listing = self._inventory.list(*target)
                size = len(listing.resources)
                readings.append(Reading(place=place, began=began, ended=self._timer(), size=size))
            self._tell(target, listing, run_id, self._timer() - began)
            return listing

        wanted = sorted(set(targets), key=lambda target: (target[1], target[0].kind))
        listings = dict(zip(wanted, self._crew.each(listed, wanted), strict=True))
        patience.drag.add(readings, self._threads)
        return listings

    def _tell(self, target: Target, listing: Listing, run_id: str, seconds: float) -> None:
        kind, scope = target
        self._reporter.report(
            Listed(
                run_id=run_id,
                kind=kind.kind,
                scope=scope,
                resources=len(listing.resources),
                problem=listing.problem,
                seconds=seconds,
            )
        )

    def described(self, kind: type[Resource], scope: Scope, resource_id: str) -> Listing:
        """One resource, read now."""
        with self.patience().listing():
            return self._crew.one(partial(self._inventory.get, kind, scope, resource_id))

    def verdicts(
        self,
        cases: Sequence[Case],
        now: datetime,
        leases: Leases | None = None,
        patience: Patience | None = None,
    ) -> list[Verdict]:
        """A verdict for every case, in their order; questions are gathered together, each once.

        With `leases`, what still holds is not judged again, and what is judged is held. A look right before an
        action goes without: it is there to see what nobody expects.
        """
        verdicts: dict[int, Verdict] = {}
        patience = patience or self.patience()
        if leases is None:
            self._ask(cases, list(range(len(cases))), verdicts, now, patience)
        else:
            pending = self._held(cases, leases, verdicts, now)
            series = self._ask(cases, pending, verdicts, now, patience)
            for index in pending:
                case = cases[index]
                leases.keep(case.policy, case.resource, verdicts[index], series[index])
        return [verdicts[index] for index in range(len(cases))]

    def answers(
        self, wanted: Mapping[Scope, Collection[Query[object]]], now: datetime, patience: Patience
    ) -> Iterable[tuple[Scope, Answers]]:
        """What was asked in each scope; no metrics, which would have to be paid for."""

        def answered(scope: Scope) -> Answers:
            with patience.asking(scope, wanted[scope]):
                return self._evidence.answer(scope, wanted[scope], now)

        asked = [scope for scope in sorted(wanted) if wanted[scope]]
        return zip(asked, self._crew.each(answered, asked), strict=True)

    def _held(self, cases: Sequence[Case], leases: Leases, verdicts: dict[int, Verdict], now: datetime) -> list[int]:
        """Give what holds, and return what must be judged."""
        leases.begin({case.policy.name: case.policy for case in cases}.values(), now)
        pending, saved = [], 0
        for index, case in enumerate(cases):
            if lease := leases.find(case.policy, case.resource, now):
                verdicts[index] = lease.verdict
                saved += lease.series
            else:
                pending.append(index)
        if verdicts:
            self._reporter.report(LeasesUsed(run_id="", verdicts=len(verdicts), series=saved))
        return pending

    def _ask(
        self,
        cases: Sequence[Case],
        pending: Sequence[int],
        verdicts: dict[int, Verdict],
        now: datetime,
        patience: Patience,
    ) -> Counter[int]:
        """Judge every pending case, round by round; how many metric series each asked for."""
        # By scope too: two databases in two regions may have one name, and then one question.
        answers: defaultdict[Scope, dict[Query[object], object]] = defaultdict(dict)
        series: Counter[int] = Counter()
        for _ in range(MAX_ROUNDS):
            needs = self._judge(cases, pending, verdicts, answers, now, patience.cut_off)
            if not needs:
                return series
            series.update({index: need.series for index, need in needs.items()})
            self._answer(cases, needs, answers, now, patience)
            pending = sorted(needs)
        for index in pending:
            verdicts[index] = Verdict.unknown(
                Reason.RULE_ASKED_TOO_OFTEN, f"the rule asked for more evidence {MAX_ROUNDS} times over"
            )
        return series

    def _judge(
        self,
        cases: Sequence[Case],
        pending: Sequence[int],
        verdicts: dict[int, Verdict],
        answers: Mapping[Scope, Mapping[Query[object], object]],
        now: datetime,
        cut_off: Counter[str],
    ) -> dict[int, Needs]:
        """Judge what can be judged; return what cannot yet, and what it needs."""
        needs: dict[int, Needs] = {}
        with self._cutoff.watching():
            for index in pending:
                # At each: ten thousand rules that are slow, and not slow enough to be cut off, take hours.
                self._alive()
                policy = cases[index].policy
                if cut_off[policy.name] >= MAX_CUT_OFFS:
                    verdicts[index] = Verdict.unknown(Reason.RULE_CUT_OFF, "not tried: the rule kept running too long")
                    continue
                resource = cases[index].resource
                known = answers[resource.scope]
                result = evaluate(policy, resource, now=now, answers=known, cutoff=self._cutoff)
                if isinstance(result, Needs):
                    needs[index] = result
                    continue
                verdicts[index] = result
                if result.cause is not None and result.cause.reason == Reason.RULE_CUT_OFF:
                    cut_off[policy.name] += 1
        self._alive()
        return needs

    def _answer(
        self,
        cases: Sequence[Case],
        needs: Mapping[int, Needs],
        answers: Mapping[Scope, dict[Query[object], object]],
        now: datetime,
        patience: Patience,
    ) -> None:
        demands = self._demands(cases, needs, answers, now, patience)
        tried = {one.scope: parts for one in demands if (parts := self._muteness.parted(one)) is not None}
        self._put([few for few, _ in tried.values()], answers, now, patience)
        rest = {one.scope: one for one in demands}
        for scope, parts in tried.items():
            rest[scope], told = self._muteness.spared(*parts)
            answers[scope].update(told)
        self._put(list(rest.values()), answers, now, patience)

    def _put(
        self,
        demands: Sequence[Demand],
        answers: Mapping[Scope, dict[Query[object], object]],
        now: datetime,
        patience: Patience,
    ) -> None:
        """Ask what the budget allows, each demand's scope beside the others."""
        if self._budget is not None:
            spend(self._budget, demands, now)
        readings: list[Reading] = []

        def answered(demand: Demand) -> Mapping[Query[object], object]:
            queries = demand.queries
            if not queries:
                return {}
            began = self._timer()
            with patience.asking(demand.scope, queries):
                found = self._evidence.answer(demand.scope, queries, now)
            readings.append(
                Reading(place=asked_in(demand.scope), began=began, ended=self._timer(), size=size_of(queries))
            )
            return found

        for demand, found in zip(demands, self._crew.each(answered, demands), strict=True):
            self._muteness.heed(demand.scope, found)
            answers[demand.scope].update(found)
            answers[demand.scope].update(dict.fromkeys(demand.refused, Unreadable(cause=OVER_BUDGET)))
            self._reporter.report(
                MetricsRequested(run_id="", scope=demand.scope, requested=demand.requested, shared=demand.shared)
            )
        patience.drag.add(readings, self._threads)

    def _demands(
        self,
        cases: Sequence[Case],
        needs: Mapping[int, Needs],
        answers: Mapping[Scope, dict[Query[object], object]],
        now: datetime,
        patience: Patience,
    ) -> list[Demand]:
        """What to ask in each scope; where nothing is asked any more, that is the answer."""
        wants: defaultdict[Scope, list[Want]] = defaultdict(list)
        for index, need in needs.items():
            case = cases[index]
            wants[case.resource.scope] += [Want(policy=case.policy, query=query) for query in need.queries]
        demands = []
        for scope in sorted(wants):
            demand = Demand(scope, first_first(wants[scope], now))
            if (refusal := patience.drag.refusal(asked_in(scope))) is not None:
                answers[scope].update(dict.fromkeys(demand.queries, Unreadable(cause=refusal)))
            else:
                demands.append(demand)
        return demands
