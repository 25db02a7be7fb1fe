"""What a sweep of many resources costs, beside the least that as many signed calls and their bytes can cost.

    python tests/bench/estate.py --accounts 1 --regions 17 --resources 10000 100000 [--threads 8]

The floor signs, sends and reads with ElementTree, in a bare loop, the very calls that the sweep makes. Figures are of
the second sweep, each subject in a process of its own; CPU and peaks count every process of the subject.
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

LISTED = ("DescribeInstances", "DescribeVolumes", "DescribeSecurityGroups")
"""The listings that today's kinds make; the stub knows seven more."""

POLICIES = ("require_owner_tags.py", "close_open_security_groups.py", "delete_unattached_volumes.py")


_WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


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
    """The `aws` table of a product that sweeps so many accounts. Today it sweeps one."""
    if accounts != 1:
        raise SystemExit("more than one account: say here how the settings name their roles")
    return {"regions": list(REGIONS[:regions]), "endpoint_url": address}


def product(address: str, asked: argparse.Namespace, folder: str) -> Callable[[], object]:
    """One sweep of the ordinary app."""
    from cloudwarden.app import build  # noqa: PLC0415  # each subject is imported in its own process only
    from cloudwarden.collecting import unhurried  # noqa: PLC0415
    from cloudwarden.settings import Settings  # noqa: PLC0415

    place = Path(folder) / "policies"
    place.mkdir()
    for name in POLICIES:
        (place / name).write_text((HERE.parents[1] / "policies" / name).read_text())
    settings = Settings.model_validate(
        {
            "database": f"sqlite:///{folder}/bench.db",
            "policies": place,
            "threads": asked.threads,
            "aws": aws_settings(address, asked.accounts, asked.regions),
        }
    )
    app = build(settings)
    policies = app.load().policies

    def sweep() -> int:
        with unhurried():
            return len(app.sweeper.sweep(tuple(policies.values()), policies).findings)

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
        told: dict[str, object] = {"before_mb": _peaks()[0]}
        for name in ("cold", "warm"):
            with urllib.request.urlopen(f"{address}/count"):
                pass
            wall, cpu = time.perf_counter(), _cpu()
            found = work()
            told[name] = {"wall": time.perf_counter() - wall, "cpu": _cpu() - cpu, "found": found}
            with urllib.request.urlopen(f"{address}/count") as counted:
                told["calls"] = sum(json.load(counted).values())
        return told | {"peak_mb": _peaks()}


def _cpu() -> float:
    used = [resource.getrusage(who) for who in _WHO]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _peaks() -> tuple[float, float]:
    """Of this process, and of the largest that it started and that ended."""
    mine, theirs = (resource.getrusage(who).ru_maxrss / 1024 for who in _WHO)
    return mine, theirs


def _print(resources: int, rows: Mapping[str, dict[str, object]]) -> None:
    out = sys.stdout.write
    out(f"\n{resources:,} resources\n{'':10}{'calls':>8}{'cold s':>9}{'warm s':>9}{'cpu s':>9}{'x floor':>9}")
    out(f"{'us each':>9}{'peak MB':>9}{'KB each':>9}{'found':>9}\n")
    base = rows["floor"]["warm"]
    for subject, row in rows.items():
        cold, warm, peak, before = row["cold"], row["warm"], row["peak_mb"], row["before_mb"]
        assert isinstance(cold, dict)
        assert isinstance(warm, dict)
        assert isinstance(base, dict)
        assert isinstance(peak, list)
        assert isinstance(before, float)
        out(
            f"{subject:10}{row['calls']:8}{cold['wall']:9.2f}{warm['wall']:9.2f}{warm['cpu']:9.2f}"
            f"{warm['cpu'] / base['cpu']:9.1f}{warm['cpu'] / resources * 1e6:9.0f}{peak[0]:9.0f}"
            f"{(peak[0] - before) / resources * 1024:9.2f}{warm['found']:9}\n"
        )


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1)
    parser.add_argument("--regions", type=int, default=len(REGIONS))
    parser.add_argument("--resources", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--subject", nargs=2, metavar=("NAME", "ADDRESS"), help="measure one, and print JSON")
    return parser.parse_args()


def main() -> None:
    """Print a table for each number of resources."""
    asked = arguments()
    if asked.subject:
        sys.stdout.write(json.dumps(measure(asked.subject[0], asked.subject[1], asked)))
        return
    common = [f"--{name}={getattr(asked, name)}" for name in ("accounts", "regions", "threads")]
    for resources in asked.resources:
        per_listing = max(1, resources // (asked.accounts * asked.regions * len(LISTED)))
        with stub(per_listing) as address:
            rows = {}
            for subject in ("floor", "product"):
                words = [sys.executable, __file__, *common, "--subject", subject, address]
                ended = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
                rows[subject] = json.loads(ended.stdout)
        _print(per_listing * asked.accounts * asked.regions * len(LISTED), rows)


if __name__ == "__main__":
    main()
