"""Cloud Custodian side by side: the same two questions, through the same counting, delaying stub.

Custodian is a program that is run again and again, so each of its passes is a cold start; the daemon's cold start
is shown apart from its resident sweep. At 10,000 instances Custodian takes minutes: its calls are shown as they go.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from bench import process  # noqa: E402  # as a program, only this file's own directory is known
from bench.run import calls, stub  # noqa: E402

CUSTODIAN = HERE.parents[1] / ".venv-bench" / "bin" / "custodian"
SIZES = (1_000, 10_000)
TARGETS = {"calls": 150.0, "wall": 20.0, "cpu": 10.0}
SAYS_EVERY_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One subject at one size. `found` are the idle instances and open groups; both must agree on them."""

    calls: int
    wall: float
    cpu: float
    peak_mb: float
    found: tuple[int, int]


def environment(address: str) -> dict[str, str]:
    """What makes an AWS client of the stub, and of nothing else."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def custodian(address: str) -> Row:
    """One run of Custodian, its cache off."""
    with tempfile.TemporaryDirectory() as folder:
        words = [str(CUSTODIAN), "run", "-s", folder, "--region", "eu-central-1", "--cache-period", "0"]
        cost = process.run(
            [*words, str(HERE / "custodian.yml")],
            env=environment(address),
            log=Path(folder) / "log",
            meanwhile=_progress(address),
        )
        found = [
            len(json.loads((Path(folder) / name / "resources.json").read_text())) for name in ("idle", "open-groups")
        ]
    return _row(address, cost, (found[0], found[1]))


def cold(address: str) -> Row:
    """`cloudwarden once` on an empty store: imports, migrations, policies, one sweep."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "policies").mkdir()
        for policy in ("stop_idle_instances.py", "close_open_security_groups.py"):
            (folder / "policies" / policy).write_text((HERE.parents[1] / "policies" / policy).read_text())
        settings = {"DATABASE": f"sqlite:///{folder}/bench.db", "POLICIES": f"{folder}/policies"}
        env = environment(address) | {f"CLOUDWARDEN_{key}": value for key, value in settings.items()}
        words = [sys.executable, "-m", "cloudwarden", "once", "--json"]
        cost = process.run(words, env=env, log=folder / "log", allowed=(0, 1, 2, 3))
        return _row(address, cost, _findings(folder / "bench.db"))


def resident(address: str) -> Row:
    """One warm sweep of the resident daemon: the median of some."""
    words = [sys.executable, str(HERE / "run.py"), "daemon", address]
    told = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    return Row(
        calls=round(sum(told["calls"].values())),
        wall=told["wall"],
        cpu=told["cpu"],
        peak_mb=told["peak_mb"],
        found=(told["found"][0], told["found"][1]),
    )


def _findings(database: Path) -> tuple[int, int]:
    from cloudwarden.store import open_store  # noqa: PLC0415  # after the measuring

    store = open_store(f"sqlite:///{database}")
    with store.reading() as tx:
        found = (
            len(tx.findings.standing("stop-idle-instances")),
            len(tx.findings.standing("close-open-security-groups")),
        )
    store.close()
    return found


def _row(address: str, cost: process.Cost, found: tuple[int, int]) -> Row:
    return Row(calls=sum(calls(address).values()), wall=cost.wall, cpu=cost.cpu, peak_mb=cost.peak_mb, found=found)


def _progress(address: str) -> Callable[[float], None]:
    said = time.monotonic()

    def say(seconds: float) -> None:
        nonlocal said
        if time.monotonic() - said < SAYS_EVERY_SECONDS:
            return
        said = time.monotonic()
        with urllib.request.urlopen(f"{address}/calls") as answer:
            sys.stderr.write(f"  custodian: {sum(json.load(answer).values()):,} calls after {seconds:.0f} s\n")

    return say


def _print(size: int, rows: dict[str, Row], memory_limit: float) -> None:
    out = sys.stdout.write
    base = rows["custodian"]
    out(f"\nCloud Custodian and Cloudwarden: {size:,} instances (one in ten idle), 500 groups, 30 ms a call\n")
    out(f"{'':28}{'calls':>8}{'x':>7}{'wall s':>9}{'x':>7}{'cpu s':>9}{'x':>7}{'peak MB':>9}{'found':>12}\n")
    for subject, row in rows.items():
        out(
            f"{subject:28}{row.calls:8}{base.calls / row.calls:7.0f}{row.wall:9.2f}{base.wall / row.wall:7.1f}"
            f"{row.cpu:9.2f}{base.cpu / row.cpu:7.1f}{row.peak_mb:9.0f}{row.found[0]:7} +{row.found[1]:3}\n"
        )
    swept = rows["resident daemon, a sweep"]
    for what, target in TARGETS.items():
        ratio = getattr(base, what) / getattr(swept, what)
        out(
            f"  {what}: {ratio:.1f} times less, {target:.0f} asked: {'reached' if ratio >= target else 'NOT REACHED'}\n"
        )
    within = "reached" if swept.peak_mb < memory_limit else "NOT REACHED"
    out(f"  peak: {swept.peak_mb:.0f} MB, under Custodian's {memory_limit:.0f} at 1,000 asked: {within}\n")


def main(sizes: tuple[int, ...]) -> None:
    """Print a table for each size."""
    memory_limit = 0.0
    for size in sizes:
        with stub(size) as address:
            rows = {
                "custodian": custodian(address),
                "daemon, cold: once": cold(address),
                "resident daemon, a sweep": resident(address),
            }
        memory_limit = memory_limit or rows["custodian"].peak_mb
        if len({row.found for row in rows.values()}) != 1:
            raise SystemExit(f"the subjects do not agree on what they found: {rows}")
        _print(size, rows, memory_limit)


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
