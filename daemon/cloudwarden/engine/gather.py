"""Gather: one inventory pass for all policies, then what their rules ask for, round by round."""

from __future__ import annotations

import contextvars
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cloudwarden.core.errors import CloudwardenError
from cloudwarden.core.evidence import Query
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Reason, Verdict
from cloudwarden.engine.events import Listed
from cloudwarden.engine.judge import Needs, evaluate
from cloudwarden.ports import Cutoff, EvidenceSource, Inventory, Listing, Reporter

MAX_ROUNDS = 8
"""Rounds of questions one verdict may take. Each costs calls; a rule that asks more is a loop, not a rule."""

MAX_CUT_OFFS = 3
"""Evaluations of one policy cut off in one sweep before the rest of it is not tried."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Target = tuple[type[Resource], Scope]


class StopAsked(CloudwardenError):
    """The daemon was asked to leave in the middle of a sweep; nothing of the sweep is kept."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Case:
    """One resource before one policy."""

    policy: AnyPolicy
    resource: Resource


class Gatherer:
    """Reads what is needed and judges it, `threads` calls at a time.

    `alive` is called often; it may raise StopAsked.
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
    ) -> None:
        self._inventory = inventory
        self._evidence = evidence
        self._cutoff = cutoff
        self._reporter = reporter
        self._threads = threads
        self._alive = alive

    def listings(self, targets: Iterable[Target], run_id: str) -> Mapping[Target, Listing]:
        """List every kind in every scope, each once."""

        def listed(target: Target) -> Listing:
            kind, scope = target
            began = time.perf_counter()
            listing = self._inventory.list(kind, scope)
            self._reporter.report(
                Listed(
                    run_id=run_id,
                    kind=kind.kind,
                    scope=scope,
                    resources=len(listing.resources),
                    problem=listing.problem,
                    seconds=time.perf_counter() - began,
                )
            )
            return listing

        wanted = sorted(set(targets), key=lambda target: (target[1], target[0].kind))
        return dict(zip(wanted, self._in_parallel(listed, wanted), strict=True))

    def verdicts(self, cases: Sequence[Case], now: datetime) -> list[Verdict]:
        """A verdict for every case, in their order; questions are gathered together, each once."""
        verdicts: dict[int, Verdict] = {}
        # By scope too: two databases in two regions may have one name, and then one question.
        answers: defaultdict[Scope, dict[Query[object], object]] = defaultdict(dict)
        pending = list(range(len(cases)))
        for _ in range(MAX_ROUNDS):
            needs = self._judge(cases, pending, verdicts, answers, now)
            if not needs:
                return [verdicts[index] for index in range(len(cases))]
            self._answer(cases, needs, answers, now)
            pending = sorted(needs)
        for index in pending:
            verdicts[index] = Verdict.unknown(
                Reason.RULE_ASKED_TOO_OFTEN, f"the rule asked for more evidence {MAX_ROUNDS} times over"
            )
        return [verdicts[index] for index in range(len(cases))]

    def _judge(
        self,
        cases: Sequence[Case],
        pending: Sequence[int],
        verdicts: dict[int, Verdict],
        answers: Mapping[Scope, Mapping[Query[object], object]],
        now: datetime,
    ) -> dict[int, Needs]:
        """Judge what can be judged; return what cannot yet, and what it needs."""
        needs: dict[int, Needs] = {}
        cut_off: Counter[str] = Counter()
        with self._cutoff.watching():
            for index in pending:
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
        self._alive()
        return needs

    def _answer(
        self,
        cases: Sequence[Case],
        needs: Mapping[int, Needs],
        answers: Mapping[Scope, dict[Query[object], object]],
        now: datetime,
    ) -> None:
        by_scope: defaultdict[Scope, dict[Query[object], None]] = defaultdict(dict)
        for index, need in needs.items():
            by_scope[cases[index].resource.scope].update(dict.fromkeys(need.queries))

        def answered(scope: Scope) -> Mapping[Query[object], object]:
            return self._evidence.answer(scope, by_scope[scope], now)

        scopes = sorted(by_scope)
        for scope, found in zip(scopes, self._in_parallel(answered, scopes), strict=True):
            answers[scope].update(found)

    def _in_parallel(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """`work` on each item, in threads that carry this thread's context; results in the items' order."""
        if len(items) <= 1:
            return [work(item) for item in items]
        with ThreadPoolExecutor(max_workers=min(self._threads, len(items))) as pool:
            futures = [pool.submit(contextvars.copy_context().run, work, item) for item in items]
            results = []
            try:
                for future in futures:
                    results.append(future.result())
                    self._alive()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            return results
