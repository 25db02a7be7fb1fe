"""The bench: a clock of its own, made-up metrics and details, and no AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloudwarden.clock import FakeClock
from cloudwarden.core.detail import Detail
from cloudwarden.core.evidence import Query, Unreadable
from cloudwarden.core.metric import MetricQuery, Series
from cloudwarden.core.plain import Json
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource
from cloudwarden.core.verdict import Cause, Reason, Verdict
from cloudwarden.engine.cutoff import NoCutoff
from cloudwarden.engine.gather import MAX_ROUNDS
from cloudwarden.engine.judge import Needs, evaluate
from cloudwarden.testing.defaults import NOON


@dataclass(frozen=True, kw_only=True, slots=True)
class _Steady:
    """A series with the same value in every period, whenever it is looked at."""

    value: float

    def series(self, query: MetricQuery, now: datetime) -> Series:
        count = query.window // query.period
        moments = tuple(now - query.period * (age + 1) for age in range(count))
        return Series(moments=moments, values=(self.value,) * count)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Given:
    """Exactly these datapoints, oldest first, the last of them from the period before `at`."""

    values: tuple[float, ...]
    at: datetime
    complete: bool

    def series(self, query: MetricQuery, now: datetime) -> Series:
        del now
        count = len(self.values)
        moments = tuple(self.at - query.period * (count - place) for place in range(count))
        return Series(moments=moments, values=self.values, complete=self.complete)


class Bench:
    """Judges one resource by one policy, with metrics and details that the test makes up.

    A metric not given has no datapoints; a detail not given could not be read.
    """

    def __init__(self, now: datetime = NOON) -> None:
        self.clock = FakeClock(now)
        self._metrics: dict[tuple[str, str], _Steady | _Given | Unreadable] = {}
        self._details: dict[Detail, Json | Unreadable] = {}

    def metric(self, resource: Resource, name: str, values: float | Sequence[float], *, complete: bool = True) -> Bench:
        """Give a metric of a resource, in CloudWatch's unit (bytes per period for network).

        A number is its value in every period; a sequence is exactly the datapoints there are, oldest first, the
        last from the period just over. `complete=False` says that CloudWatch may hold more of them.
        """
        if isinstance(values, int | float):
            self._metrics[resource.id, name] = _Steady(value=values)
        else:
            self._metrics[resource.id, name] = _Given(values=tuple(values), at=self.clock.now(), complete=complete)
        return self

    def unreadable(self, resource: Resource, name: str, reason: str = "access-denied") -> Bench:
        """Make a metric of a resource one that AWS does not give."""
        self._metrics[resource.id, name] = Unreadable(cause=Cause(reason=reason, detail=f"{name} could not be read"))
        return self

    def knows(self, details: Mapping[Detail, Json]) -> Bench:
        """Give details: what the path of each finds in its service's answer, and None when nothing is configured."""
        self._details.update(details)
        return self

    def denied(self, *details: Detail) -> Bench:
        """Make details ones that the credentials may not read."""
        cause = Cause(reason="access-denied", detail="the bench denies it")
        self._details.update(dict.fromkeys(details, Unreadable(cause=cause)))
        return self

    def advance(self, by: timedelta) -> Bench:
        """Let time pass."""
        self.clock.advance(by)
        return self

    def judge(self, policy: AnyPolicy, resource: Resource) -> Verdict:
        """The policy's verdict now. Raises TypeError when its rule asks for what a bench cannot give."""
        answers: dict[Query[object], object] = {}
        for _ in range(MAX_ROUNDS):
            result = evaluate(policy, resource, now=self.clock.now(), answers=answers, cutoff=NoCutoff())
            if not isinstance(result, Needs):
                return result
            answers.update({query: self._answer(query) for query in result.queries})
        return Verdict.unknown(Reason.RULE_ASKED_TOO_OFTEN, f"the rule asked {MAX_ROUNDS} times over")

    def _answer(self, query: Query[object]) -> object:
        if isinstance(query, Detail):
            missing = Unreadable(cause=Cause(reason="not-given", detail=f"the bench was not given {query}"))
            return self._details.get(query, missing)
        if not isinstance(query, MetricQuery):
            raise TypeError(f"a bench gives metrics and details only, and the rule asks for {query}")
        known = self._metrics.get((query.dimensions[0][1], query.metric), Series(moments=(), values=()))
        return known if isinstance(known, Series | Unreadable) else known.series(query, self.clock.now())
