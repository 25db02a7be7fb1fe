"""Metrics asked for in a simulated day, with leases and without: 15-minute sweeps, a window of six hours.

What is idle is asked for its three metrics at every sweep, or a finding would stand that is no longer true. So with
I of N instances idle all day, no equal answer asks fewer than 3 I at a sweep, against N + 2 I without leases: for one
in ten at most four times fewer. A thousand that are all idle need 3,000 series, six calls of 500, beside listings.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from cloudwarden import Policy, every, minutes
from cloudwarden.core.metric import Series
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.engine.cutoff import NoCutoff
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.engine.leases import Leases
from cloudwarden.library.compute import Idle, idle
from cloudwarden.memory import MemoryCloud
from cloudwarden.testing import instance

START = datetime(2026, 3, 2, tzinfo=UTC)
POLICY: AnyPolicy = Policy(name="idle", rule=idle, params=Idle(), schedule=every(minutes=15))


class Silent:
    """Hears nothing."""

    def report(self, event: object) -> None:
        """Let it pass."""


def day(instances: int, idle_ones: int, leases: Leases | None) -> tuple[int, list[tuple[bool, ...]]]:
    """Metric series asked for, and who was a violation at each sweep."""
    cloud = MemoryCloud()
    boxes = [instance(id=f"i-{number}") for number in range(instances)]
    gatherer = Gatherer(inventory=cloud, evidence=cloud, cutoff=NoCutoff(), reporter=Silent(), threads=1)
    asked, found = 0, []
    for sweep in range(96):
        now = START + timedelta(minutes=15 * sweep)
        moments = tuple(now - minutes(5 * age) for age in range(73))
        quiet, busy = Series(moments=moments, values=(0.0,) * 73), Series(moments=moments, values=(90.0,) * 73)
        for number, box in enumerate(boxes):
            cloud.series["CPUUtilization", box.id] = quiet if number < idle_ones else busy
            cloud.series["NetworkIn", box.id] = cloud.series["NetworkOut", box.id] = quiet
        cloud.asked.clear()
        verdicts = gatherer.verdicts([Case(policy=POLICY, resource=box) for box in boxes], now, leases)
        asked += len(cloud.asked)
        found.append(tuple(verdict.violation is not None for verdict in verdicts))
    return asked, found


def main(instances: int) -> None:
    """Print the figures."""
    for idle_ones in (instances // 10, instances // 100):
        without, with_leases = day(instances, idle_ones, None), day(instances, idle_ones, Leases())
        assert without[1] == with_leases[1]
        sys.stdout.write(
            f"{instances} instances, {idle_ones} idle all day: {without[0]:,} metrics a day, with leases "
            f"{with_leases[0]:,}: {without[0] / with_leases[0]:.1f} times fewer, equal findings\n"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
