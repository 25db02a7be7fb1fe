"""The floor: plain boto3 asking the same two questions as a careful engineer would by hand, and keeping nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

WINDOW = timedelta(hours=6)
PERIOD_SECONDS = 300
QUERIES = 500


class Floor:
    """Clients made once; `work` is one pass."""

    def __init__(self, endpoint: str) -> None:
        session = boto3.Session(
            aws_access_key_id="testing", aws_secret_access_key="testing", region_name="eu-central-1"
        )
        self._ec2: Any = session.client("ec2", endpoint_url=endpoint)
        self._cloudwatch: Any = session.client("cloudwatch", endpoint_url=endpoint)

    def work(self) -> tuple[int, int]:
        """How many instances are idle, and how many groups are open."""
        running = [
            instance["InstanceId"]
            for page in self._ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 1000})
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
            if instance["State"]["Name"] == "running"
        ]
        quiet = self._below(running, "CPUUtilization", "Maximum", 5.0)
        for metric in ("NetworkIn", "NetworkOut"):
            quiet = self._below(quiet, metric, "Sum", 1000.0 * PERIOD_SECONDS)
        pages = self._ec2.get_paginator("describe_security_groups").paginate(PaginationConfig={"PageSize": 1000})
        opened = [
            group["GroupId"]
            for page in pages
            for group in page["SecurityGroups"]
            if any(
                source["CidrIp"] == "0.0.0.0/0"
                for permission in group["IpPermissions"]
                for source in permission["IpRanges"]
            )
        ]
        return len(quiet), len(opened)

    def _below(self, ids: list[str], metric: str, statistic: str, limit: float) -> list[str]:
        now = datetime.now(UTC)
        below = []
        for first in range(0, len(ids), QUERIES):
            batch = ids[first : first + QUERIES]
            answer = self._cloudwatch.get_metric_data(
                StartTime=now - WINDOW,
                EndTime=now,
                MetricDataQueries=[
                    {
                        "Id": f"m{number}",
                        "MetricStat": {
                            "Metric": {
                                "Namespace": "AWS/EC2",
                                "MetricName": metric,
                                "Dimensions": [{"Name": "InstanceId", "Value": name}],
                            },
                            "Period": PERIOD_SECONDS,
                            "Stat": statistic,
                        },
                    }
                    for number, name in enumerate(batch)
                ],
            )
            for name, result in zip(batch, answer["MetricDataResults"], strict=True):
                if result["Values"] and max(result["Values"]) < limit:
                    below.append(name)
        return below
