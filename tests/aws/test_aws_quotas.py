"""Which bucket a call draws from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudwarden.aws.quotas import charges


def series(number: int, *, window: timedelta) -> dict[str, Any]:
    """The arguments of GetMetricData for so many series of five minutes."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    query = {"Id": "m", "MetricStat": {"Metric": {}, "Period": 300, "Stat": "Average"}}
    return {"StartTime": now - window, "EndTime": now, "MetricDataQueries": [query] * number}


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "drawn"),
    [
        ("ec2", "describe_instances", {"MaxResults": 1000}, [("non-mutating", 100, 20, 1)]),
        ("ec2", "describe_instances", {"InstanceIds": ["i-1"]}, [("non-mutating", 100, 20, 1)]),
        ("ec2", "describe_volumes", {}, [("unfiltered", 50, 10, 1)]),
        ("ec2", "describe_volumes", {"DryRun": True}, [("unfiltered", 50, 10, 1)]),
        ("ec2", "delete_volume", {"VolumeId": "v"}, [("mutating", 50, 5, 1)]),
        ("ec2", "start_instances", {"InstanceIds": ["a", "b"]}, [("mutating", 50, 5, 1), ("start", 1000, 2, 2)]),
        ("ec2", "stop_instances", {"InstanceIds": ["a"]}, [("mutating", 50, 5, 1), ("stop", 1000, 20, 1)]),
        ("ec2", "terminate_instances", {"InstanceIds": ["a"]}, [("mutating", 50, 5, 1), ("stop", 1000, 20, 1)]),
        ("cloudwatch", "get_metric_data", {}, [("get-metric-data", 50, 50, 1)]),
        (
            "cloudwatch",
            "get_metric_data",
            series(2, window=timedelta(hours=1)),
            [("get-metric-data", 50, 50, 1), ("recent-datapoints", 180_000, 180_000, 24)],
        ),
        (
            "cloudwatch",
            "get_metric_data",
            series(2, window=timedelta(hours=6)),
            [("get-metric-data", 50, 50, 1), ("older-datapoints", 396_000, 396_000, 144)],
        ),
        (
            "cloudwatch",
            "get_metric_data",
            series(500, window=timedelta(days=14)),
            [("get-metric-data", 50, 50, 1), ("older-datapoints", 396_000, 396_000, 100_800)],
        ),
        ("cloudwatch", "describe_alarms", {}, [("describe-alarms", 9, 9, 1)]),
        ("sts", "assume_role", {}, [("all", 600, 600, 1)]),
        ("rds", "stop_db_instance", {}, [("write", 20, 5, 1)]),
        ("lambda", "list_functions", {}, [("all", 15, 15, 1)]),
        ("lambda", "delete_function", {}, [("all", 15, 15, 1)]),
        ("dynamodb", "list_tables", {}, [("read", 20, 10, 1)]),
        ("dynamodb", "delete_table", {}, [("write", 10, 5, 1)]),
    ],
)
def test_a_call_draws_from_its_documented_bucket(
    service: str, operation: str, arguments: dict[str, Any], drawn: list[tuple[str, float, float, int]]
) -> None:
    """Name, burst, tokens a second, and how many it takes; what has no figure of its own gets a cautious one."""
    taken = charges(service, operation, arguments)
    assert [(one.quota.name, one.quota.burst, one.quota.rate, one.tokens) for one in taken] == drawn
