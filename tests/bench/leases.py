"""Metrics asked for in a simulated day, with leases and without, beside the least that equal findings can cost.

    python tests/bench/leases.py [1000]

Sweeps every 15 minutes, a window of six hours. Why nothing less can be asked for is in docs/decisions/0016.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

from cloudwarden import Policy, every, hours, minutes
from cloudwarden.core.metric import Series
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.engine.cutoff import NoCutoff
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.engine.leases import Leases
from cloudwarden.library.compute import Idle, idle
from cloudwarden.memory import MemoryCloud
from cloudwarden.testing import instance

START = datetime(2026, 3, 2, tzinfo=UTC)
INTERVAL, SWEEPS = minutes(15), 96
PARAMS = Idle()
POLICY: AnyPolicy = Policy(name="idle", rule=idle, params=PARAMS, schedule=every(minutes=15))
GRACE_SWEEPS = hours(2) // INTERVAL
"""For how many sweeps in a row an instance is found idle before it is stopped, where the policy acts."""

SERIES = 3
"""What an idle instance is asked for: its CPU, and its network in and out."""

WANTED = 10
"""Times fewer."""


class Silent:
    """Hears nothing."""

    def report(self, event: object) -> None:
        """Let it pass."""


@dataclass(frozen=True, kw_only=True)
class Estate:
    """Running instances that stay all day as they are: busy on the CPU, busy on the network alone, or idle.

    Where idle ones are `stopped`, each is once it was found for the whole of its grace.
    """

    busy: int
    on_network: int
    idle: int
    stopped: bool = False

    @property
    def least(self) -> int:
        """The fewest series by which a day's findings can be equal.

        An idle instance's every series, at every sweep; of a busy one the series that proves it, once in a window.
        """
        per_window = PARAMS.window // INTERVAL
        sweeps_idle = GRACE_SWEEPS if self.stopped else SWEEPS
        return sweeps_idle * SERIES * self.idle + math.ceil(SWEEPS / per_window) * (self.busy + self.on_network)


def day(estate: Estate, leases: Leases | None) -> tuple[int, list[tuple[bool, ...]]]:
    """Metric series asked for, and who was a violation at each sweep."""
    cloud = MemoryCloud()
    boxes = [instance(id=f"i-{number}") for number in range(estate.busy + estate.on_network + estate.idle)]
    gatherer = Gatherer(inventory=cloud, evidence=cloud, cutoff=NoCutoff(), reporter=Silent(), threads=1)
    asked, found = 0, []
    for sweep in range(SWEEPS):
        now = START + INTERVAL * sweep
        moments = tuple(now - minutes(5 * age) for age in range(73))
        quiet, busy = Series(moments=moments, values=(0.0,) * 73), Series(moments=moments, values=(1e9,) * 73)
        for number, box in enumerate(boxes):
            on_network = estate.busy <= number < estate.busy + estate.on_network
            cloud.series["CPUUtilization", box.id] = busy if number < estate.busy else quiet
            cloud.series["NetworkIn", box.id] = busy if on_network else quiet
            cloud.series["NetworkOut", box.id] = quiet
        cloud.asked.clear()
        verdicts = gatherer.verdicts([Case(policy=POLICY, resource=box) for box in boxes], now, leases)
        asked += len(cloud.asked)
        found.append(tuple(verdict.violation is not None for verdict in verdicts))
        if estate.stopped and len(found) == GRACE_SWEEPS:
            ends = zip(boxes, found[-1], strict=True)
            boxes = [instance(id=box.id, state="stopped") if idle_still else box for box, idle_still in ends]
    return asked, found


def share_for(times_fewer: float, series: int) -> float:
    """The share of instances busy on the CPU from which on leases can ask so many times fewer.

    Of B busy ones and 1 - B idle ones, each sweep asks B + series (1 - B) without leases; with them series (1 - B),
    and each busy one once in a window.
    """
    renewed = INTERVAL / PARAMS.window
    return series * (times_fewer - 1) / (series * (times_fewer - 1) + 1 - times_fewer * renewed)


def main(instances: int) -> None:
    """Print the figures."""
    out = sys.stdout.write
    reached = math.ceil(instances * share_for(WANTED, SERIES))
    out(f"{instances} instances, {SWEEPS} sweeps; findings are equal at each\n")
    out(f"{'CPU busy':>9}{'network':>9}{'idle':>6}{'each time':>11}{'leases':>9}{'least':>9}{'times fewer':>13}")
    out(f"{'at most':>9}\n")
    many = instances * 9 // 10
    for estate in (
        Estate(busy=many, on_network=0, idle=instances - many),
        Estate(busy=instances * 6 // 10, on_network=instances * 3 // 10, idle=instances // 10),
        Estate(busy=many, on_network=0, idle=instances - many, stopped=True),
        Estate(busy=reached, on_network=0, idle=instances - reached),
        Estate(busy=instances * 99 // 100, on_network=0, idle=instances // 100),
        Estate(busy=instances, on_network=0, idle=0),
    ):
        (without, found), (leased, found_leased) = day(estate, None), day(estate, Leases())
        assert found == found_leased
        acts = "  the idle are stopped" if estate.stopped else ""
        out(
            f"{estate.busy:9}{estate.on_network:9}{estate.idle:6}{without:11,}{leased:9,}{estate.least:9,}"
            f"{without / leased:13.1f}{without / estate.least:9.1f}{acts}\n"
        )
    out(
        f"{WANTED} times fewer from {share_for(WANTED, SERIES):.1%} busy on; were one series enough to know an idle "
        f"one, from {share_for(WANTED, 1):.1%}\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
