"""What a sweep of many resources costs, beside the least that as many signed calls and their bytes can cost.

    python tests/bench/estate.py --accounts 10 1000 --regions 17 --each 6 [--threads 8] [--workers 1 2]

The floor signs, sends and reads with ElementTree, in a bare loop, the very calls that the sweep makes. Figures are of
the second sweep, each subject in a process of its own, with its workers; `cpu s` is theirs alone. The stub that answers
takes its time from the same cores: `stub s` says how much, and wall times hold where nothing else runs. `clients` are
those of the process that sweeps; each worker comes to as many.
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
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from bench.estate_stub import REGIONS  # noqa: E402  # as a program, only this file's own directory is known

KINDS = {
    "ec2.Address": "DescribeAddresses",
    "ec2.Image": "DescribeImages",
    "ec2.Instance": "DescribeInstances",
    "ec2.NatGateway": "DescribeNatGateways",
    "ec2.NetworkInterface": "DescribeNetworkInterfaces",
    "ec2.SecurityGroup": "DescribeSecurityGroups",
    "ec2.Snapshot": "DescribeSnapshots",
    "ec2.Volume": "DescribeVolumes",
    "ec2.Vpc": "DescribeVpcs",
    "rds.Database": "DescribeDBInstances",
}
"""Kinds that are listed, each for a policy that wants an owner of it."""

LISTED = tuple(KINDS.values())


Subject = tuple[Callable[[], object], Callable[[], int]]
"""What is measured, and how many clients of AWS it has come to."""


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
    head = "from cloudwarden import OBSERVE, Policy, every\nfrom cloudwarden.aws import ec2, rds\n"
    return (
        head
        + "from cloudwarden.library.tagging import RequiredTags, required_tags\n"
        + "".join(
            f'{kind.lower().replace(".", "_")} = Policy(name="own-{kind.lower().replace(".", "-")}", '
            f"rule=required_tags.on({kind}), "
            'params=RequiredTags(keys=("owner",)), schedule=every(minutes=15), mode=OBSERVE)\n'
            for kind in KINDS
        )
    )


def product(address: str, asked: argparse.Namespace, folder: str) -> Subject:
    """One sweep of the ordinary app, and how many clients it has in this process."""
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
            "aws": aws_settings(address, asked.accounts[0], asked.regions),
        }
    )
    app = build(settings, begins=True)
    loaded = app.load()
    assert not loaded.problems, loaded.problems

    def sweep() -> int:
        with unhurried():
            result = app.sweeper.sweep(tuple(loaded.policies.values()), loaded.policies)
        assert result.complete, next(one.problem for one in result.judgements if one.problem)
        return len(result.findings)

    return sweep, lambda: len(app.sessions.pool)


def floor(address: str, asked: argparse.Namespace) -> Subject:
    """Sign, send, and read with ElementTree, one call after another."""
    import urllib3  # noqa: PLC0415
    from botocore.auth import SigV4Auth  # noqa: PLC0415
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    pool = urllib3.PoolManager(maxsize=1)
    credentials = Credentials("testing", "testing")
    regions = REGIONS[: asked.regions] * asked.accounts[0]
    signers = [(SigV4Auth(credentials, "ec2", region), SigV4Auth(credentials, "rds", region)) for region in regions]

    def page(signer: SigV4Auth, operation: str, fields: Mapping[str, str]) -> ET.Element:
        data = urlencode({"Action": operation, **fields})
        request = AWSRequest("POST", address, data=data)
        request.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        signer.add_auth(request)
        sent = request.prepare()
        raw = pool.urlopen("POST", address, body=sent.body, headers=dict(sent.headers.items())).data
        return ET.fromstring(raw)  # noqa: S314  # our own stub's

    def read(signer: SigV4Auth, operation: str, fields: Mapping[str, str], token: str, path: str) -> int:
        following: str | None = ""
        count = 0
        while following is not None:
            root = page(signer, operation, {**fields, token: following} if following else fields)
            count += len(root[1]) if token == "NextToken" else len(root[0][-1])
            following = root.findtext(path)
        return count

    def work() -> int:
        count = 0
        for ec2, rds in signers:
            for operation in LISTED[:-1]:
                count += read(ec2, operation, {"Version": "2016-11-15", "MaxResults": "1000"}, "NextToken", _NEXT)
            count += read(rds, LISTED[-1], {"Version": "2014-10-31", "MaxRecords": "100"}, "Marker", _MARKER)
        return count

    return work, lambda: 1


_NEXT = "{http://ec2.amazonaws.com/doc/2016-11-15/}nextToken"
_MARKER = "/".join(
    f"{{http://rds.amazonaws.com/doc/2014-10-31/}}{tag}" for tag in ("DescribeDBInstancesResult", "Marker")
)


def measure(subject: str, address: str, asked: argparse.Namespace) -> dict[str, object]:
    """The first pass, and the second one, in this process and those that it started."""
    os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing")
    with tempfile.TemporaryDirectory() as folder:
        work, clients = floor(address, asked) if subject == "floor" else product(address, asked, folder)
        told: dict[str, object] = {}
        for name in ("cold", "warm"):
            _asked(address)
            wall, cpu = time.perf_counter(), _cpu()
            found = work()
            took = {"wall": time.perf_counter() - wall, "cpu": _cpu() - cpu}
            calls, stub_cpu = _asked(address)
            told[name] = {**took, "found": found, "calls": calls, "stub": stub_cpu}
        told["peak_mb"] = _peaks()
        told["clients"] = clients()
    return told


def _asked(address: str) -> tuple[int, float]:
    """How many calls the stub answered since this was asked last, and the CPU seconds that it took."""
    with urllib.request.urlopen(f"{address}/count") as answer:
        told = json.load(answer)
    return sum(told["calls"].values()), told["cpu"]


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


def _head(resources: int) -> None:
    heads = (
        *("calls", "cold s", "warm s", "x floor", "cpu s", "x floor"),
        *("us each", "stub s", "peak MB", "worker MB", "clients", "found"),
    )
    print(f"\n{resources:,} resources\n{'':10}" + "".join(f"{head:>10}" for head in heads), flush=True)  # noqa: T201


def _row(subject: str, row: Mapping[str, Any], base: Mapping[str, Any], resources: int) -> None:
    warm, (own, largest) = row["warm"], row["peak_mb"]
    figures = (
        f"{warm['calls']}",
        f"{row['cold']['wall']:.1f}",
        f"{warm['wall']:.1f}",
        f"{warm['wall'] / base['wall']:.2f}",
        f"{warm['cpu']:.1f}",
        f"{warm['cpu'] / base['cpu']:.2f}",
        f"{warm['cpu'] / resources * 1e6:.0f}",
        f"{warm['stub']:.1f}",
        f"{own:.0f}",
        f"{largest:.0f}",
        f"{row['clients']}",
        f"{warm['found']}",
    )
    print(f"{subject:10}" + "".join(f"{figure:>10}" for figure in figures), flush=True)  # noqa: T201


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, nargs="+", default=[10, 100], help="a table for each number of them")
    parser.add_argument("--regions", type=int, default=len(REGIONS))
    parser.add_argument("--each", type=int, default=6, help="resources in each listing")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--subject", nargs=2, metavar=("NAME", "ADDRESS"), help="measure one, and print JSON")
    return parser.parse_args()


def main() -> None:
    """Print a table for each number of accounts."""
    asked = arguments()
    if asked.subject:
        sys.stdout.write(json.dumps(measure(asked.subject[0], asked.subject[1], asked)))
        return
    common = [f"--{name}={getattr(asked, name)}" for name in ("regions", "threads")]
    subjects = {"floor": 1} | {f"{count} worker{'s'[: count - 1]}": count for count in asked.workers}
    for accounts in asked.accounts:
        resources = asked.each * accounts * asked.regions * len(LISTED)
        _head(resources)
        with stub(asked.each) as address:
            base: Mapping[str, Any] = {}
            for subject, workers in subjects.items():
                words = [sys.executable, __file__, *common, f"--accounts={accounts}", f"--workers={workers}"]
                ended = subprocess.run([*words, "--subject", subject, address], stdout=subprocess.PIPE, check=True)
                row = json.loads(ended.stdout)
                base = base or row["warm"]
                _row(subject, row, base, resources)


if __name__ == "__main__":
    main()
