"""CloudWatch's history of the demo's instances and databases, and how it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from cloudwarden.demo.cast import PERIOD_SECONDS, Load

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import MetricDatumTypeDef

PERIOD = timedelta(seconds=PERIOD_SECONDS)

DATA_PER_CALL = 1000
"""PutMetricData takes as many ("PutMetricData", Amazon CloudWatch API Reference)."""


class History:
    """Datapoints of every reporting instance, one per period, recorded up to an instant and then further."""

    def __init__(self, cloudwatch: CloudWatchClient, loads: Mapping[str, tuple[int, Load]], since: datetime) -> None:
        """`loads` maps instance ids to the member's number in its fleet and what it shows."""
        self._cloudwatch = cloudwatch
        self._loads = loads
        self._next = _period(since)

    def record(self, until: datetime, running: Callable[[str], bool] = lambda _: True) -> int:
        """Put every datapoint that is due by `until` and not yet there; returns how many."""
        data = [
            datum
            for period in range(self._next, _period(until) + 1)
            for instance, (member, load) in self._loads.items()
            if running(instance)
            for datum in _data(instance, load.at(period, member), period)
        ]
        for start in range(0, len(data), DATA_PER_CALL):
            self._cloudwatch.put_metric_data(Namespace="AWS/EC2", MetricData=data[start : start + DATA_PER_CALL])
        self._next = max(self._next, _period(until) + 1)
        return len(data)


class Connected:
    """Datapoints of the databases' connections, one per period, recorded up to an instant and then further."""

    def __init__(self, cloudwatch: CloudWatchClient, connections: Mapping[str, int], since: datetime) -> None:
        """`connections` maps a database to how many there are."""
        self._cloudwatch = cloudwatch
        self._connections = connections
        self._next = _period(since)

    def record(self, until: datetime, running: Callable[[str], bool] = lambda _: True) -> None:
        """Put every datapoint that is due by `until` and not yet there."""
        data: list[MetricDatumTypeDef] = [
            {
                "MetricName": "DatabaseConnections",
                "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": database}],
                "Timestamp": datetime.fromtimestamp(period * PERIOD_SECONDS, UTC),
                "Value": count,
            }
            for period in range(self._next, _period(until) + 1)
            for database, count in self._connections.items()
            if running(database)
        ]
        for start in range(0, len(data), DATA_PER_CALL):
            self._cloudwatch.put_metric_data(Namespace="AWS/RDS", MetricData=data[start : start + DATA_PER_CALL])
        self._next = max(self._next, _period(until) + 1)


class Life:
    """A thread in which time goes on: calls `tick` with 0, 1, 2 and so on, every so often until stopped."""

    def __init__(self, tick: Callable[[int], object], *, every_seconds: float) -> None:
        self._tick = tick
        self._every_seconds = every_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go, name="demo-life", daemon=True)

    def start(self) -> None:
        """Let time go on."""
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait for the end."""
        self._stop.set()
        self._thread.join()

    def _go(self) -> None:
        for number in count():
            if self._stop.wait(self._every_seconds):
                return
            self._tick(number)


def _period(moment: datetime) -> int:
    return int(moment.timestamp()) // PERIOD_SECONDS


def _data(instance: str, shown: tuple[float, float] | None, period: int) -> Iterator[MetricDatumTypeDef]:
    if shown is None:
        return
    cpu, network = shown
    for metric, value in (("CPUUtilization", cpu), ("NetworkIn", network), ("NetworkOut", network)):
        yield {
            "MetricName": metric,
            "Dimensions": [{"Name": "InstanceId", "Value": instance}],
            "Timestamp": datetime.fromtimestamp(period * PERIOD_SECONDS, UTC),
            "Value": value,
        }
