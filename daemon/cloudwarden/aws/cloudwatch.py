"""Answers metric queries with CloudWatch's GetMetricData, in as few calls as possible."""

from __future__ import annotations

import contextvars
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cloudwarden.aws.access.clients import SpeakingClient
from cloudwarden.aws.metric_results import Results
from cloudwarden.aws.pages import pages
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import CloudError, InvalidRequest
from cloudwarden.core.evidence import Answers, Query, Unreadable
from cloudwarden.core.metric import MetricQuery, Series
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause

QUERIES_PER_CALL = 500
DATAPOINTS_PER_CALL = 100_800
"""GetMetricData takes no more of either; see "GetMetricData" of the CloudWatch API reference."""

THREADS = 4
"""Calls at once in one scope: enough to hide the latency, far below 50 calls a second."""

SPLITS = 12
"""Halvings of one refused call: nine find one bad series among 500."""

NO_METRIC = Cause(reason=InvalidRequest.reason, detail="CloudWatch answers metric queries only")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Answer = Series | Unreadable


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Series that one call asks for, over the widest of their windows."""

    series: tuple[MetricQuery, ...]

    @property
    def window(self) -> timedelta:
        """The widest window."""
        return max(series.window for series in self.series)

    @property
    def period(self) -> timedelta:
        """The coarsest period, which the call's times are aligned to."""
        return max(series.period for series in self.series)


class CloudWatchEvidence:
    """Answers MetricQuery with Series, or Unreadable with the cause.

    Queries that differ in their window only share one series of the widest: what else it holds is as true.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> Answers:
        """An answer for every query; one that is no MetricQuery is unreadable."""
        asked = [query for query in queries if isinstance(query, MetricQuery)]
        widest = merged(asked)
        answers: dict[Query[object], object] = dict.fromkeys(queries, Unreadable(cause=NO_METRIC))
        if asked:
            found = self._found(scope, tuple(widest.values()), now)
            answers.update((query, found[widest[query.series]]) for query in asked)
        return answers

    def _found(self, scope: Scope, series: Sequence[MetricQuery], now: datetime) -> dict[MetricQuery, Answer]:
        try:
            client = self._sessions.client("cloudwatch", scope)
        except CloudError as error:
            return dict.fromkeys(series, Unreadable(cause=Cause(reason=error.reason, detail=str(error))))
        planned = batches(series)
        found: dict[MetricQuery, Answer] = {}
        if len(planned) == 1:
            return _asked(client, planned[0], now)
        with ThreadPoolExecutor(max_workers=min(THREADS, len(planned))) as pool:
            # Each thread carries this one's context, so that what it logs keeps its run id.
            futures = [pool.submit(contextvars.copy_context().run, _asked, client, batch, now) for batch in planned]
            for future in futures:
                found.update(future.result())
        return found


def merged(queries: Iterable[MetricQuery]) -> dict[MetricQuery, MetricQuery]:
    """Each series (a query with no window) to the query for it with the widest window."""
    widest: dict[MetricQuery, MetricQuery] = {}
    for query in queries:
        known = widest.setdefault(query.series, query)
        if known.window < query.window:
            widest[query.series] = query
    return widest


def batches(series: Iterable[MetricQuery]) -> list[Batch]:
    """Series in calls that keep within the API's limits.

    A call has one time range for all its series. Those of one period go together, the widest windows first, so
    that few series are read over a longer time than was asked for.
    """
    by_period: defaultdict[timedelta, list[MetricQuery]] = defaultdict(list)
    for one in series:
        by_period[one.period].append(one)
    planned: list[Batch] = []
    for alike in by_period.values():
        alike.sort(key=lambda one: one.window, reverse=True)
        start = 0
        while start < len(alike):
            # The first has the widest window of the rest, so it bounds what each can give.
            most = max(1, min(QUERIES_PER_CALL, DATAPOINTS_PER_CALL // _datapoints(alike[start])))
            planned.append(Batch(series=tuple(alike[start : start + most])))
            start += most
    return planned


def _datapoints(query: MetricQuery) -> int:
    """The most that a series can give, with a period cut at either end of the window."""
    return math.ceil(query.window / query.period) + 1


def _asked(client: SpeakingClient, batch: Batch, now: datetime) -> dict[MetricQuery, Answer]:
    """The answer to each series of a batch.

    One series that the API refuses would take the others of its call with it: so a refused call is made again
    in halves, down to the one at fault, unless it looks as if everything were refused.
    """
    found: dict[MetricQuery, Answer] = {}
    waiting, splits = [batch], 0
    while waiting:
        part = waiting.pop()
        results = _results(client, part, now)
        if results.refused and len(part.series) > 1 and splits < SPLITS:
            splits += 1
            half = len(part.series) // 2
            waiting += [Batch(series=part.series[:half]), Batch(series=part.series[half:])]
        else:
            found.update(zip(part.series, results.answers(), strict=True))
    return found


def _results(client: SpeakingClient, batch: Batch, now: datetime) -> Results:
    results = Results(len(batch.series))
    try:
        for page in pages(client, "get_metric_data", _request(batch, now)):
            results.add(page)
    except CloudError as error:
        results.fail(error)
    return results


def _request(batch: Batch, now: datetime) -> dict[str, object]:
    """Aligned to the period, as the API's page advises: whole datapoints, and the same ones from sweep to sweep."""
    start = (now - batch.window - EPOCH) // batch.period
    end = -((EPOCH - now) // batch.period)
    return {
        "StartTime": EPOCH + start * batch.period,
        "EndTime": EPOCH + end * batch.period,
        "ScanBy": "TimestampDescending",
        "MetricDataQueries": [_asking(f"m{number}", query) for number, query in enumerate(batch.series)],
    }


def _asking(name: str, query: MetricQuery) -> Mapping[str, object]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": query.namespace,
                "MetricName": query.metric,
                "Dimensions": [{"Name": key, "Value": value} for key, value in query.dimensions],
            },
            "Period": int(query.period.total_seconds()),
            "Stat": query.statistic,
        },
        "ReturnData": True,
    }
