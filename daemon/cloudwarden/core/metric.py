"""Metric evidence: what a series of datapoints proves, and what it leaves open."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar

from cloudwarden.core.evidence import Inquiry, Query, Unreadable
from cloudwarden.core.verdict import Cause, Reason

REQUIRED_SHARE = 0.9
"""Share of the expected datapoints below which "it stayed below" cannot be said.

One lost datapoint in ten is what a healthy agentless metric loses in practice; a gap longer than that may hide
the one busy hour."""

LATE = timedelta(minutes=15)
"""How long after the end of a period what was measured in it may still come in."""

NEVER_FALLS = frozenset({"Maximum", "Sum", "SampleCount"})
"""Statistics of a period that more samples can only raise (a sum: of what is counted, never below zero)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Datapoints of one metric, any order, `moments` aware and each the start of a period.

    `complete` says that the source gave all the datapoints it has; without it the points that came are still
    true, so they can prove activity and never its absence. Whatever numbers are given, `values` keeps them as eight
    bytes each: a sweep holds the series of a whole scope at once. Raises OverflowError for what no float can hold.
    """

    moments: tuple[datetime, ...]
    values: Sequence[float] = field(hash=False)
    complete: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", array("d", self.values))


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricQuery(Query[Series]):
    """One metric of one thing over the last `window`, one value of `statistic` each `period`."""

    holds: ClassVar[bool] = True

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    period: timedelta
    window: timedelta

    @property
    def series(self) -> MetricQuery:
        """What CloudWatch bills: the same series whatever the window, so one answer serves all windows of it."""
        return replace(self, window=timedelta(0))

    def __str__(self) -> str:
        return f"{self.metric} {self.statistic}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A question to ask of one or more series that mean the same thing (network in and network out, say).

    A missing datapoint is neither zero nor idle: it is unknown. So "it stayed below" is disproven by one datapoint, and
    proven only when at least nine in ten of the expected ones came, the newest among them; else nobody can tell. A
    period that is cut by the window's beginning can disprove it, and not prove it. A datapoint counts for the whole of
    its period, of however few samples it is. `per_second` divides values that are sums over a period.
    """

    inquiry: Inquiry
    name: str
    unit: str
    namespace: str
    metrics: tuple[str, ...]
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    per_second: bool = False

    def stayed_below(self, limit: float, *, over: timedelta) -> bool:
        """Whether every series was below `limit` (in `unit`) during the whole of the last `over`."""
        return all_stayed_below((self, limit), over=over)

    def _breached(self, limit: float, *, over: timedelta) -> bool:
        """Whether a datapoint of any series proves that it was not below; of several, the one that does so longest.

        Where it is not proven, nothing is: whoever concludes something from that has to ask `_prove_below`.
        """
        queries = tuple(self._query(metric, over) for metric in self.metrics)
        self.inquiry.need(queries)
        breaches = [
            (self._breach_holds_until(query, *breach, limit), *breach)
            for query in queries
            if isinstance(answer := self.inquiry.hear(query), Series) and (breach := self._breach(query, answer, limit))
        ]
        if not breaches:
            return False
        holds_until, moment, value = max(breaches, key=lambda breach: breach[:2])
        answer_given = f"no: {value:g} {self.unit} at {moment:%Y-%m-%d %H:%M}Z"
        self.inquiry.note(self._question(limit, over), answer_given, holds_until=holds_until)
        return True

    def _prove_below(self, limit: float, *, over: timedelta) -> None:
        """Note how high it rose, of series that did not breach `limit`; without enough datapoints nobody can tell."""
        queries = tuple(self._query(metric, over) for metric in self.metrics)
        peaks = [self._peak(query, self.inquiry.hear(query)) for query in queries]
        answer_given = f"yes: at most {max(peaks):g} {self.unit}"
        self.inquiry.note(self._question(limit, over), answer_given, holds_until=self.inquiry.now)

    def _question(self, limit: float, over: timedelta) -> str:
        return f"{self.name} below {limit:g} {self.unit} for {over}"

    def _query(self, metric: str, window: timedelta) -> MetricQuery:
        return MetricQuery(
            namespace=self.namespace,
            metric=metric,
            dimensions=self.dimensions,
            statistic=self.statistic,
            period=period_for(window),
            window=window,
        )

    def _within(self, query: MetricQuery, series: Series) -> Iterable[tuple[datetime, float]]:
        """Each datapoint of whose period something is in the window."""
        since = self.inquiry.now - query.window
        scale = query.period.total_seconds() if self.per_second else 1.0
        return (
            (moment, value / scale)
            for moment, value in zip(series.moments, series.values, strict=True)
            if since < moment + query.period and moment <= self.inquiry.now
        )

    def _breach(self, query: MetricQuery, series: Series, limit: float) -> tuple[datetime, float] | None:
        """The latest datapoint at or above the limit. NaN counts: what cannot be compared is not idle."""
        return max((point for point in self._within(query, series) if not point[1] < limit), default=None)

    def _breach_holds_until(self, query: MetricQuery, moment: datetime, value: float, limit: float) -> datetime:
        """When the breach leaves the window, which it does with the end of its period.

        Periods are aligned to the epoch, so later questions see the same datapoint under the same moment. While
        late samples may still come in, one that they could bring below the limit again proves this instant only;
        so does one that cannot be compared.
        """
        ended = moment + query.period
        settled = query.statistic in NEVER_FALLS or ended + LATE <= self.inquiry.now
        return ended + query.window if value >= limit and settled else self.inquiry.now

    def _peak(self, query: MetricQuery, answer: Series | Unreadable) -> float:
        if isinstance(answer, Unreadable):
            self.inquiry.cannot_tell(answer.cause)
        points = list(self._within(query, answer))
        expected = max(1, math.floor(query.window / query.period))
        required = math.ceil(expected * REQUIRED_SHARE)
        whole = sum(moment >= self.inquiry.now - query.window for moment, _ in points)
        if not answer.complete or whole < required or max(points)[0] + query.period + LATE < self.inquiry.now:
            newest = f", the newest {max(points)[0]:%Y-%m-%d %H:%M}Z" if points else ""
            detail = f"{query}: {whole} of {expected} datapoints, {required} needed{newest}"
            self.inquiry.cannot_tell(Cause(reason=Reason.NOT_ENOUGH_DATA, detail=detail))
        return max(value for _, value in points)


def all_stayed_below(*limits: tuple[Metric, float], over: timedelta) -> bool:
    """Whether each metric stayed below its limit, in its unit, during the whole of the last `over`.

    A breach anywhere is proof, whatever is missing elsewhere, and for as long as it is within the window: so all are
    looked at for one first. They are asked in their order, and the rest is not asked once one of them breached.
    """
    if any(metric._breached(limit, over=over) for metric, limit in limits):
        return False
    for metric, limit in limits:
        metric._prove_below(limit, over=over)
    return True


def period_for(window: timedelta) -> timedelta:
    """The finest period that keeps a series of `window` under 300 datapoints.

    Basic EC2 monitoring gives a datapoint every five minutes, so nothing finer helps.
    """
    if window <= timedelta(days=1):
        return timedelta(minutes=5)
    return timedelta(hours=1) if window <= timedelta(days=12) else timedelta(days=1)
