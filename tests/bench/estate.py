"""What a sweep of many resources costs, beside the least that as many signed calls and their bytes can cost.

    python tests/bench/estate.py --accounts 1 --regions 17 --resources 10000 100000 [--threads 8] [--workers 1 2]

The floor signs, sends and reads with ElementTree, in a bare loop, the very calls that the sweep makes. Figures are of
the second sweep, each subject in a process of its own, with its workers.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from bench.estate_stub import REGIONS  # noqa: E402  # as a program, only this file's own directory is known

KINDS = {
    "Address": "DescribeAddresses",
    "Image": "DescribeImages",
    "Instance": "DescribeInstances",
    "NatGateway": "DescribeNatGateways",
    "NetworkInterface": "DescribeNetworkInterfaces",
    "SecurityGroup": "DescribeSecurityGroups",
    "Snapshot": "DescribeSnapshots",
    "Volume": "DescribeVolumes",
    "Vpc": "DescribeVpcs",
}
"""Kinds that are listed, each for a policy that wants an owner of it."""

LISTED = tuple(KINDS.values())

HUB = "123456789012"
"""The account of the daemon's own identity, as the stub has it."""


@contextmanager
def stub(per_listing: int) -> Iterator[str]:
    """An estate with so many resources in each listing; its address."""
    words = [sys.executable, str(HERE / "estate_stub.py"), str(per_listing)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def aws_settings(address: str, accounts: int, regions: int) -> Mapping[str, object]:
    """The `aws` table of a product that sweeps so many accounts: its own, or those that it assumes a role in."""
    table: dict[str, object] = {"regions": list(REGIONS[:regions]), "endpoint_url": address}
    if accounts > 1:
        table["accounts"] = {f"{210_000_000_000 + number}": {} for number in range(accounts)}
        table["member_role"] = "audit"
    return table


def policies() -> str:
    """A policy file: every kind wants an owner."""
    head = "from cloudwarden import OBSERVE, Policy, every\nfrom cloudwarden.aws import ec2\n"
    return (
        head
        + "from cloudwarden.library.tagging import RequiredTags, required_tags\n"
        + "".join(
            f'{kind.lower()} = Policy(name="own-{kind.lower()}", rule=required_tags.on(ec2.{kind}), '
            'params=RequiredTags(keys=("owner",)), schedule=every(minutes=15), mode=OBSERVE)\n'
            for kind in KINDS
        )
    )


def product(address: str, asked: argparse.Namespace, folder: str) -> Callable[[], object]:
    """One sweep of the ordinary app."""
    from cloudwarden.app import build  # noqa: PLC0415  # each subject is imported in its own process only
    from cloudwarden.collecting import unhurried  # noqa: PLC0415
    from cloudwarden.settings import Settings  # noqa: PLC0415

    place = Path(folder) / "policies"
    place.mkdir()
    (place / "owners.py").write_text(policies())
    settings = Settings.model_validate(
        {
            "database": f"sqlite:///{folder}/bench.db",
            "policies": place,
            "threads": asked.threads,
            "workers": asked.workers[0],
            "aws": aws_settings(address, asked.accounts, asked.regions),
        }
    )
    app = build(settings)
    loaded = app.load()
    assert not loaded.problems, loaded.problems

    def sweep() -> int:
        with unhurried():
            result = app.sweeper.sweep(tuple(loaded.policies.values()), loaded.policies)
        assert result.complete, next(one.problem for one in result.judgements if one.problem)
        return len(result.findings)

    return sweep


def floor(address: str, asked: argparse.Namespace) -> Callable[[], object]:
    """Sign, send, and read with ElementTree, one call after another."""
    import urllib3  # noqa: PLC0415
    from botocore.auth import SigV4Auth  # noqa: PLC0415
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    pool = urllib3.PoolManager(maxsize=1)
    credentials = Credentials("testing", "testing")
    signers = [SigV4Auth(credentials, "ec2", region) for region in REGIONS[: asked.regions]] * asked.accounts

    def page(signer: SigV4Auth, operation: str, token: str) -> tuple[int, str]:
        fields = {"Action": operation, "Version": "2016-11-15", "MaxResults": "1000"}
        request = AWSRequest("POST", address, data=urlencode(fields | ({"NextToken": token} if token else {})))
        request.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        signer.add_auth(request)
        sent = request.prepare()
        raw = pool.urlopen("POST", address, body=sent.body, headers=dict(sent.headers.items())).data
        root = ET.fromstring(raw)  # noqa: S314  # our own stub's
        return len(root[1]), root.findtext("{http://ec2.amazonaws.com/doc/2016-11-15/}nextToken") or ""

    def work() -> int:
        read = 0
        for signer in signers:
            for operation in LISTED:
                token = "0"
                while token:
                    count, token = page(signer, operation, "" if token == "0" else token)
                    read += count
        return read

    return work


def measure(subject: str, address: str, asked: argparse.Namespace) -> dict[str, object]:
    """The first pass, and the second one, in this process and those that it started."""
    os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing")
    with tempfile.TemporaryDirectory() as folder:
        work = floor(address, asked) if subject == "floor" else product(address, asked, folder)
        told: dict[str, object] = {}
        for name in ("cold", "warm"):
            with urllib.request.urlopen(f"{address}/count"):
                pass
            wall, cpu = time.perf_counter(), _cpu()
            found = work()
            told[name] = {"wall": time.perf_counter() - wall, "cpu": _cpu() - cpu, "found": found}
            with urllib.request.urlopen(f"{address}/count") as counted:
                told["calls"] = sum(json.load(counted).values())
        told["peak_mb"] = _peaks()
    return told


def _workers() -> list[Path]:
    """What the kernel tells of the processes that this one started and that still run."""
    mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [Path("/proc") / pid for pid in mine]


def _cpu() -> float:
    """Seconds of this process and of its workers."""
    mine = resource.getrusage(resource.RUSAGE_SELF)
    ticks = [int(used) for one in _workers() for used in (one / "stat").read_text().rpartition(")")[2].split()[11:13]]
    return mine.ru_utime + mine.ru_stime + sum(ticks) / os.sysconf("SC_CLK_TCK")


def _peaks() -> tuple[float, float]:
    """Megabytes at most: of this process, and of the largest of its workers."""
    status = [dict(line.split(":\t", 1) for line in (one / "status").read_text().splitlines()) for one in _workers()]
    theirs = max((int(one["VmHWM"].split()[0]) / 1024 for one in status), default=0.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, theirs


def _print(resources: int, rows: Mapping[str, dict[str, object]]) -> None:
    out = sys.stdout.write
    out(f"\n{resources:,} resources\n{'':10}{'calls':>8}{'cold s':>9}{'warm s':>9}{'x floor':>9}{'cpu s':>9}")
    out(f"{'x floor':>9}{'us each':>9}{'peak MB':>9}{'worker MB':>10}{'found':>9}\n")
    base = rows["floor"]["warm"]
    for subject, row in rows.items():
        cold, warm, peak = row["cold"], row["warm"], row["peak_mb"]
        assert isinstance(cold, dict)
        assert isinstance(warm, dict)
        assert isinstance(base, dict)
        assert isinstance(peak, list)
        out(
            f"{subject:10}{row['calls']:8}{cold['wall']:9.2f}{warm['wall']:9.2f}{warm['wall'] / base['wall']:9.2f}"
            f"{warm['cpu']:9.2f}{warm['cpu'] / base['cpu']:9.2f}{warm['cpu'] / resources * 1e6:9.0f}{peak[0]:9.0f}"
            f"{peak[1]:10.0f}{warm['found']:9}\n"
        )


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1)
    parser.add_argument("--regions", type=int, default=len(REGIONS))
    parser.add_argument("--resources", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--subject", nargs=2, metavar=("NAME", "ADDRESS"), help="measure one, and print JSON")
    return parser.parse_args()


def main() -> None:
    """Print a table for each number of resources."""
    asked = arguments()
    if asked.subject:
        sys.stdout.write(json.dumps(measure(asked.subject[0], asked.subject[1], asked)))
        return
    common = [f"--{name}={getattr(asked, name)}" for name in ("accounts", "regions", "threads")]
    subjects = {"floor": 1} | {f"{count} worker{'s'[: count - 1]}": count for count in asked.workers}
    for resources in asked.resources:
        per_listing = max(1, resources // (asked.accounts * asked.regions * len(LISTED)))
        with stub(per_listing) as address:
            rows = {}
            for subject, workers in subjects.items():
                words = [sys.executable, __file__, *common, f"--workers={workers}", "--subject", subject, address]
                ended = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
                rows[subject] = json.loads(ended.stdout)
        _print(per_listing * asked.accounts * asked.regions * len(LISTED), rows)


if __name__ == "__main__":
    main()
