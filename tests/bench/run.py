"""The measures, side by side: a resident daemon's sweep, the same with one policy more, and plain boto3.

Each is measured in a process of its own against a stub that answers from memory after 30 ms. Figures are
medians of warm passes; quote the ratios, for machines differ.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
PASSES = 5
SIZES = (1_000, 10_000)
MAKE_STORE = "import sys; from cloudwarden.store import open_store; open_store(sys.argv[1]).close()"


@contextmanager
def stub(size: int, program: str = "stub.py") -> Iterator[str]:
    """A stub with so many instances, or whatever the program counts; its address."""
    words = [sys.executable, str(HERE / program), str(size)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def calls(address: str) -> dict[str, int]:
    """The calls since this was asked last."""
    with urllib.request.urlopen(f"{address}/count") as answer:
        counted: dict[str, int] = json.load(answer)
        return counted


def daemon(address: str, *, twice: bool) -> Callable[[], object]:
    """One sweep of a warm daemon with the two shipped policies, or with a second one on the same metrics.

    Its web server serves, and its database was made before: so it is at every start but the first.
    """
    from cloudwarden.app import build  # noqa: PLC0415  # each subject is imported in its own process only
    from cloudwarden.collecting import unhurried  # noqa: PLC0415
    from cloudwarden.settings import Settings  # noqa: PLC0415
    from cloudwarden.web.health import Health  # noqa: PLC0415
    from cloudwarden.web.server import WebServer  # noqa: PLC0415

    os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing")
    folder = tempfile.mkdtemp()
    settings = Settings.model_validate(
        {
            "database": f"sqlite:///{folder}/bench.db",
            "policies": HERE.parents[1] / "policies",
            "aws": {"regions": ["eu-central-1"], "endpoint_url": address},
        }
    )
    subprocess.run([sys.executable, "-c", MAKE_STORE, settings.database], check=True)
    app = build(settings)
    good = Health(live=True, ready=True)
    WebServer("127.0.0.1", 0, app.metrics.registry, lambda: good, lambda: app.overview.board(good)).start()
    loaded = app.load().policies
    policies = {name: loaded[name] for name in ("stop-idle-instances", "close-open-security-groups")}
    if twice:
        policies["stop-idle-too"] = replace(policies["stop-idle-instances"], name="stop-idle-too")
    app.sessions.scopes()

    def sweep() -> object:
        with unhurried():
            return app.sweeper.sweep(tuple(policies.values()), policies)

    return sweep


def floor(address: str) -> Callable[[], object]:
    """One pass of plain boto3."""
    sys.path.insert(0, str(HERE.parent))
    from bench.floor import Floor  # noqa: PLC0415

    return Floor(address).work


def measure(subject: str, address: str) -> dict[str, object]:
    """Medians of warm passes in this process."""
    before = _peak_mb()
    work = floor(address) if subject == "floor" else daemon(address, twice=subject == "daemon, a second idle policy")
    idle = _peak_mb()
    found = work()
    calls(address)
    wall, cpu = [], []
    for _ in range(PASSES):
        wall_began, cpu_began = time.perf_counter(), time.process_time()
        found = work()
        wall.append(time.perf_counter() - wall_began)
        cpu.append(time.process_time() - cpu_began)
    counted = {name: count / PASSES for name, count in calls(address).items()}
    return {
        "calls": counted,
        "found": _found(found),
        "wall": statistics.median(wall),
        "cpu": statistics.median(cpu),
        "peak_mb": _peak_mb(),
        "grew_mb": _peak_mb() - max(idle, before),
    }


def _found(answer: object) -> list[int]:
    """Idle instances and open groups: the floor says so itself, a sweep by its findings."""
    if isinstance(answer, tuple):
        return list(answer)
    policies = [finding.policy for finding in answer.findings]  # type: ignore[attr-defined]  # a SweepResult
    return [policies.count("stop-idle-instances"), policies.count("close-open-security-groups")]


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    subjects = ("floor", "daemon", "daemon, a second idle policy")
    for size in SIZES:
        with stub(size) as address:
            rows = {
                subject: json.loads(
                    subprocess.run(
                        [sys.executable, __file__, subject, address], capture_output=True, text=True, check=True
                    ).stdout
                )
                for subject in subjects
            }
        _print(size, rows)


def _print(size: int, rows: dict[str, dict[str, object]]) -> None:
    out = sys.stdout.write
    out(f"\n{size:,} instances (one in ten idle), 500 groups, 30 ms a call; medians of {PASSES} warm passes\n")
    out(
        f"{'':30}{'calls':>7}{'wall s':>9}{'x floor':>9}{'cpu s':>9}{'x floor':>9}"
        f"{'us each':>9}{'peak MB':>9}{'MB/1000':>9}\n"
    )
    base = rows["floor"]
    for subject, row in rows.items():
        counted = row["calls"]
        assert isinstance(counted, dict)
        wall, cpu = float(str(row["wall"])), float(str(row["cpu"]))
        out(
            f"{subject:30}{sum(counted.values()):7.0f}{wall:9.3f}{wall / float(str(base['wall'])):9.2f}{cpu:9.3f}"
            f"{cpu / float(str(base['cpu'])):9.2f}{cpu / (size + 500) * 1e6:9.0f}{float(str(row['peak_mb'])):9.0f}"
            f"{float(str(row['grew_mb'])) / size * 1000:9.1f}\n"
        )
    out(f"calls of one sweep: {rows['daemon']['calls']}\n")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        sys.stdout.write(json.dumps(measure(sys.argv[1], sys.argv[2])))
