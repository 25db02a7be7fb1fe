"""How often AWS lets an account ask: the documented token buckets, and which of them a call draws from.

Sources: "Request throttling for the Amazon EC2 API" (request and resource token limits), "CloudWatch service quotas",
"IAM and AWS STS quotas", "Quotas in AWS CloudTrail", "Lambda quotas". Where AWS publishes no figure (Organizations,
S3's bucket operations, RDS and the rest) the figure is ours, and cautious.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """A token bucket of AWS: `burst` tokens when full, refilled by `rate` tokens a second.

    AWS counts most actions apart. We share one bucket among a class of them: an account's other tools draw from the
    same tokens, so that we had better be the ones who slow down first.
    """

    name: str
    burst: float
    rate: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Charge:
    """So many tokens of one bucket."""

    quota: Quota
    tokens: int = 1


def _per_second(name: str, calls: float) -> Quota:
    """So many calls in any second, without a store of unused ones."""
    return Quota(name=name, burst=calls, rate=calls)


_EC2_READ = Quota(name="non-mutating", burst=100, rate=20)
_EC2_WIDE = Quota(name="unfiltered", burst=50, rate=10)
_EC2_WRITE = Quota(name="mutating", burst=50, rate=5)

_EC2_RESOURCES: Mapping[str, Quota] = {
    "run_instances": Quota(name="start", burst=1000, rate=2),
    "start_instances": Quota(name="start", burst=1000, rate=2),
    "stop_instances": Quota(name="stop", burst=1000, rate=20),
    "terminate_instances": Quota(name="stop", burst=1000, rate=20),
}
"""Besides the request, these are counted by instance."""

GET_METRIC_DATA = _per_second("get-metric-data", 50)
"""What "CloudWatch service quotas" gave each account for years. It names 500 today, which what comes here never needs:
at 500 metrics a call, the datapoints run out first."""

_RECENT_DATAPOINTS = _per_second("recent-datapoints", 180_000)
_OLDER_DATAPOINTS = _per_second("older-datapoints", 396_000)
_RECENT = timedelta(hours=3)
_DATAPOINTS_A_PAGE = 100_800

_OPERATIONS: Mapping[tuple[str, str], Quota] = {
    ("cloudwatch", "get_metric_statistics"): _per_second("get-metric-statistics", 400),
    ("cloudwatch", "list_metrics"): _per_second("list-metrics", 25),
    ("cloudwatch", "describe_alarms"): _per_second("describe-alarms", 9),
    ("cloudtrail", "lookup_events"): _per_second("lookup-events", 2),
}

_SERVICES: Mapping[str, tuple[Quota, Quota]] = {
    "sts": (_per_second("all", 600), _per_second("all", 600)),
    "organizations": (Quota(name="read", burst=10, rate=5), Quota(name="write", burst=2, rate=1)),
    "s3": (Quota(name="read", burst=150, rate=50), Quota(name="write", burst=20, rate=5)),
    "s3control": (Quota(name="read", burst=20, rate=10), Quota(name="write", burst=10, rate=5)),
    # Across all operations. GetFunction and GetPolicy have quotas of their own, and nothing here asks them.
    "lambda": (_per_second("all", 15), _per_second("all", 15)),
    "rds": (Quota(name="read", burst=50, rate=10), Quota(name="write", burst=20, rate=5)),
}
"""What reads, and what writes."""

_OTHERS = (Quota(name="read", burst=20, rate=10), Quota(name="write", burst=10, rate=5))

_READING = ("describe_", "get_", "list_", "search_", "lookup_", "head_", "filter_", "simulate_")

_NARROWING = ("MaxResults", "NextToken", "Filters", "Filter")


def charges(service: str, operation: str, arguments: Mapping[str, Any]) -> tuple[Charge, ...]:
    """The tokens that a call takes; `operation` is in boto3's snake case. A dry run takes the same."""
    if service == "ec2":
        return _ec2(operation, arguments)
    if (service, operation) == ("cloudwatch", "get_metric_data"):
        return _metric_data(arguments)
    if quota := _OPERATIONS.get((service, operation)):
        return (Charge(quota=quota),)
    read, write = _SERVICES.get(service, _OTHERS)
    return (Charge(quota=read if operation.startswith(_READING) else write),)


def _ec2(operation: str, arguments: Mapping[str, Any]) -> tuple[Charge, ...]:
    if operation.startswith(_READING):
        wide = operation.startswith("describe_") and not any(_narrows(name) for name in arguments)
        return (Charge(quota=_EC2_WIDE if wide else _EC2_READ),)
    request = Charge(quota=_EC2_WRITE)
    if counted := _EC2_RESOURCES.get(operation):
        instances = len(arguments.get("InstanceIds", ())) or int(arguments.get("MaxCount", 1))
        return (request, Charge(quota=counted, tokens=max(1, instances)))
    return (request,)


def _metric_data(arguments: Mapping[str, Any]) -> tuple[Charge, ...]:
    """A call, and the datapoints that it may bring: those of requests that begin more than three hours ago are apart.

    Each page of an answer is counted as full. Windows end now.
    """
    call = Charge(quota=GET_METRIC_DATA)
    if not (queries := arguments.get("MetricDataQueries")):
        return (call,)
    span = arguments["EndTime"] - arguments["StartTime"]
    datapoints = sum(ceil(span / timedelta(seconds=query["MetricStat"]["Period"])) for query in queries)
    quota = _OLDER_DATAPOINTS if span > _RECENT else _RECENT_DATAPOINTS
    return (call, Charge(quota=quota, tokens=min(datapoints, arguments.get("MaxDatapoints", _DATAPOINTS_A_PAGE))))


def _narrows(argument: str) -> bool:
    return argument in _NARROWING or argument.endswith(("Ids", "Id", "Names", "Name"))
