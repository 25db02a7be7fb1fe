"""The demo's history goes on, and its thread ends."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from cloudwarden.demo.cast import LOADED, QUIET, Load
from cloudwarden.demo.history import PERIOD, History, Life

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class Sink:
    """Takes what would go to CloudWatch."""

    def __init__(self) -> None:
        self.calls: list[Sequence[object]] = []

    def put_metric_data(self, *, Namespace: str, MetricData: Sequence[object]) -> None:  # noqa: N803
        """Keep it."""
        assert Namespace == "AWS/EC2"
        self.calls.append(MetricData)


def history(sink: Sink, **loads: Load) -> History:
    """A history of these instances from START on."""
    members = {name: (number, load) for number, (name, load) in enumerate(loads.items())}
    return History(cast("CloudWatchClient", sink), members, since=START)


def test_each_period_is_recorded_once() -> None:
    """Recording again up to the same instant adds nothing; a later instant adds what came due."""
    recorded = history(Sink(), quiet=QUIET)
    assert recorded.record(START) == 3
    assert recorded.record(START + timedelta(minutes=4)) == 0
    assert recorded.record(START + 2 * PERIOD) == 6


def test_what_does_not_run_reports_nothing() -> None:
    """A stopped instance has no datapoints from then on."""
    recorded = history(Sink(), stopped=QUIET, running=LOADED)
    assert recorded.record(START, running=lambda instance: instance == "running") == 3


def test_many_datapoints_go_in_few_calls() -> None:
    """A call carries a thousand datapoints, the most that it may."""
    sink = Sink()
    history(sink, **{f"i{number}": QUIET for number in range(40)}).record(START + 11 * PERIOD)
    assert [len(call) for call in sink.calls] == [1000, 440]


def test_life_ticks_until_it_is_stopped() -> None:
    """Nothing ticks after stop has returned."""
    ticks: list[int] = []
    third = threading.Event()

    def tick(number: int) -> None:
        ticks.append(number)
        if number == 2:
            third.set()

    life = Life(tick, every_seconds=0.001)
    life.start()
    assert third.wait(5)
    life.stop()
    seen = list(ticks)
    assert seen == list(range(len(seen)))
    assert not threading.Event().wait(0.02)
    assert ticks == seen
