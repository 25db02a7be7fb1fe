"""Twelve hours of a resident daemon in minutes, then a year of its store: what grows?

    python tests/bench/endurance.py [--sweeps 720] [--days 365] [--schedule-seconds 60] [--trace]

Simulated: the clock and the cloud. Real: sweeps, settling, actions, the database in a file, metrics, upkeep, and
for the last table the scheduler. Instances turn idle and busy, stop and start; volumes come and go; a person approves.
`--trace` tells which lines allocated what grew; sweeps then take four times as long.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from cloudwarden import every  # noqa: E402
from cloudwarden.clock import SystemClock  # noqa: E402
from cloudwarden.core.evidence import Query  # noqa: E402
from cloudwarden.core.finding import ProposalState  # noqa: E402
from cloudwarden.core.metric import MetricQuery, Series  # noqa: E402
from cloudwarden.core.resource import Scope  # noqa: E402
from cloudwarden.engine.decide import approve  # noqa: E402
from cloudwarden.memory import MemoryCloud  # noqa: E402
from cloudwarden.scheduler import Scheduler  # noqa: E402
from cloudwarden.store import Retention, open_store, verify  # noqa: E402
from cloudwarden.telemetry.metrics import Metrics  # noqa: E402
from cloudwarden.upkeep import Upkeep  # noqa: E402
from world import World, delete_unattached, stop_idle  # noqa: E402  # as a program, only this directory is

INSTANCES = 300
INTERVAL = timedelta(minutes=1)
SLICE = 60
"""Sweeps whose median time is one figure."""


@dataclass(kw_only=True)
class Living(MemoryCloud):
    """A cloud whose metrics are always fresh, and which does not remember what it was asked."""

    cpu: dict[str, float] = field(default_factory=dict)

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> dict[Query[object], object]:
        """Two hours of datapoints up to now; nothing depends on anything."""
        others = [query for query in queries if not isinstance(query, MetricQuery)]
        answers = dict(super().answer(scope, others, now))
        self.asked.clear()
        moments = tuple(now - timedelta(minutes=5 * number) for number in range(24))
        return answers | {
            query: Series(moments=moments, values=(self.cpu.get(query.dimensions[0][1], 0.0),) * 24)
            for query in queries
            if isinstance(query, MetricQuery)
        }


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What was seen at one point of the run. Times in milliseconds, memory and files in megabytes."""

    sweep: int
    sweep_ms: float
    rss_mb: float
    descriptors: int
    database_mb: float
    log_mb: float
    findings: int
    entries: int


class Life:
    """Changes the world a little before each sweep; always the same way."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "endurance.db"
        self.store = open_store(f"sqlite:///{self.database}")
        self.cloud = Living()
        self.metrics = Metrics()
        self.world = World(store=self.store, cloud=self.cloud, reports=self.metrics)  # type: ignore[arg-type]  # a reporter
        self.world.use(stop_idle(schedule=every(minutes=15)), delete_unattached())
        self.upkeep = Upkeep(
            clock=self.world.clock,
            ahead=timedelta,
            reporter=self.metrics,
            batches=Retention(
                store=self.store, findings=timedelta(days=90), journal=timedelta(days=400), directory=folder / "journal"
            ).batches,
        )
        self._random = random.Random(7)  # noqa: S311  # the same life each time
        self._volumes = 0
        for number in range(INSTANCES):
            self.world.add(f"i-{number}", cpu=None)
            self.cloud.cpu[f"i-{number}"] = 50.0

    def live(self, sweep: int) -> None:
        """Five instances change; a volume comes and one goes; at times somebody approves what waits."""
        for name in self._random.sample(sorted(self.cloud.cpu), 5):
            self.cloud.cpu[name] = self._random.choice((1.0, 50.0))
            self.cloud.change(name, state="running")
        if sweep % 10 == 0:
            self._volumes += 1
            self.world.add_volume(f"vol-{self._volumes}")
            self.cloud.resources.pop(f"vol-{self._volumes - 20}", None)
        if sweep % 40 == 0:
            self._approve()
        self.cloud.calls.clear()

    def _approve(self) -> None:
        for proposal in self.world.proposals():
            if proposal.state is ProposalState.PENDING:
                with self.store.transaction() as tx:
                    approve(tx, proposal.id, self.world.decider())

    def turn(self, sweep: int) -> float:
        """One turn of the daemon; the seconds of its sweep."""
        self.live(sweep)
        self.world.clock.advance(INTERVAL)
        began = time.perf_counter()
        self.world.sweeper.sweep(tuple(self.world.policies.values()), self.world.policies)
        took = time.perf_counter() - began
        self.upkeep.turn()
        return took

    def sample(self, sweep: int, times: list[float]) -> Sample:
        """How it is now."""
        gc.collect()
        with self.store.reading() as tx:
            findings, entries = (
                tx.connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()  # noqa: S608
                for table in ("findings", "journal")
            )
        return Sample(
            sweep=sweep,
            sweep_ms=statistics.median(times) * 1000,
            rss_mb=_rss_mb(),
            descriptors=len(list(Path("/proc/self/fd").iterdir())),
            database_mb=self.database.stat().st_size / 2**20,
            log_mb=self.database.with_name("endurance.db-wal").stat().st_size / 2**20,
            findings=findings,
            entries=entries,
        )


def twelve_hours(sweeps: int, *, trace: bool) -> None:
    """Print samples from the beginning to the end, and perhaps what allocated most in between."""
    with tempfile.TemporaryDirectory() as folder:
        life, times = Life(Path(folder)), []
        samples, marks = [], [SLICE, *(sweeps * quarter // 4 for quarter in (1, 2, 3, 4))]
        if trace:
            tracemalloc.start()
        before = None
        for sweep in range(1, sweeps + 1):
            times.append(life.turn(sweep))
            if sweep in marks:
                samples.append(life.sample(sweep, times[-SLICE:]))
                before = before or (tracemalloc.take_snapshot() if trace else None)
        grown = tracemalloc.take_snapshot().compare_to(before, "lineno")[:5] if before else []
        tracemalloc.stop()
        life.store.close()
    out = sys.stdout.write
    out(f"\n{sweeps} sweeps, {INTERVAL} apart: {sweeps * INTERVAL} simulated; {INSTANCES} instances\n")
    out(
        f"{'sweep':>7}{'sweep ms':>10}{'rss MB':>8}{'files':>7}{'db MB':>8}{'wal MB':>8}{'findings':>10}"
        f"{'journal':>9}\n"
    )
    for one in samples:
        out(
            f"{one.sweep:7}{one.sweep_ms:10.1f}{one.rss_mb:8.1f}{one.descriptors:7}"
            f"{one.database_mb:8.2f}{one.log_mb:8.2f}{one.findings:10}{one.entries:9}\n"
        )
    if trace:
        out("grew most since the first sample:\n" + "".join(f"  {one}\n" for one in grown))


def a_year(days: int) -> None:
    """Print the store's size over so many days of 40 findings and 200 entries each."""
    out = sys.stdout.write
    out(
        f"\n{days} days, findings kept 30 days and the journal 60\n{'day':>6}{'db MB':>8}{'findings':>10}{'journal':>9}"
    )
    out(f"{'upkeep ms':>11}{'longest ms':>12}\n")
    with tempfile.TemporaryDirectory() as folder:
        life = Life(Path(folder))
        for number in range(INSTANCES):
            life.cloud.cpu[f"i-{number}"] = 50.0
        kept = Retention(
            store=life.store,
            findings=timedelta(days=30),
            journal=timedelta(days=60),
            directory=Path(folder) / "journal",
        )
        for day in range(1, days + 1):
            _day(life, day)
            steps = _timed(kept, life.world.clock.now())
            if day in (10, 30, 60, 90, days // 2, days):
                sample = life.sample(day, [0.0])
                out(
                    f"{day:6}{sample.database_mb:8.2f}{sample.findings:10}{sample.entries:9}{sum(steps) * 1000:11.1f}"
                    f"{max(steps) * 1000:12.1f}\n"
                )
        whole = verify(life.store, Path(folder) / "journal")
        out(f"journal: {whole.entries} entries verified, files included: {'whole' if whole.ok else whole.what}\n")
        life.store.close()


def _day(life: Life, day: int) -> None:
    """Forty volumes are found and vanish, which leaves closed findings; each has its proposal and its entry."""
    names = [f"vol-{day}-{number}" for number in range(40)]
    for name in names:
        life.world.add_volume(name)
    life.world.clock.advance(timedelta(hours=12))
    life.world.sweeper.sweep(tuple(life.world.policies.values()), life.world.policies)
    for name in names:
        life.cloud.resources.pop(name)
    life.world.clock.advance(timedelta(hours=12))
    life.world.sweeper.sweep(tuple(life.world.policies.values()), life.world.policies)
    with life.store.transaction() as tx:
        for number in range(160):
            tx.journal.append(at=life.world.clock.now(), event="action_intended", details={"number": number})


def _timed(kept: Retention, now: datetime) -> list[float]:
    steps, began = [0.0], time.perf_counter()
    for _ in kept.batches(now):
        steps.append(time.perf_counter() - began)
        began = time.perf_counter()
    return steps


def schedule(seconds: int) -> None:
    """Print how late the real scheduler is, from the beginning to the end, with a policy a second."""
    scheduler = Scheduler(clock=SystemClock(), reporter=Metrics())
    scheduler.start()
    began = time.monotonic()
    scheduler.replace({"tick": stop_idle(name="tick", schedule=every(seconds=1))})
    fired: list[float] = []
    while time.monotonic() - began < seconds:
        if scheduler.due(timeout_seconds=2.0):
            fired.append(time.monotonic() - began)
            scheduler.finished()
    scheduler.stop()
    # The first is that of the start; the others keep the phase of the second.
    lags = [(moment - fired[1] - number) * 1000 for number, moment in enumerate(fired[1:])]
    third = max(1, len(lags) // 3)
    parts = {"start": lags[:third], "middle": lags[third : 2 * third], "end": lags[2 * third :]}
    sys.stdout.write(f"\nthe scheduler, every second for {seconds} s: {len(fired)} runs; ms late\n")
    for name, part in parts.items():
        if part:
            sys.stdout.write(f"  {name:8} median {statistics.median(part):6.1f}  most {max(part):6.1f}\n")


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=720)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--schedule-seconds", type=int, default=60)
    parser.add_argument("--trace", action="store_true")
    asked = parser.parse_args()
    twelve_hours(asked.sweeps, trace=asked.trace)
    a_year(asked.days)
    schedule(asked.schedule_seconds)


if __name__ == "__main__":
    main()
