"""What a sweep of many resources costs, beside the least that as many signed calls and their bytes can cost.

    python tests/bench/estate.py --accounts 10 1000 --regions 17 --each 6 [--threads 8] [--cores 1 2]

The least is a bare loop that signs, sends and reads with ElementTree the very calls that the sweep makes. On one core
the sweep is one process beside one loop; on two it has two workers, beside two loops: what they make of the second core
is what it is worth. Loops run without end while second sweeps do, all of a table half a second each, in turn: `loop s`
is what as many calls as the sweep's take them. `cpu s` is the sweep's alone. The stub that answers takes its time from
the same cores: `stub s` says how much. `clients` are those of the process that sweeps; each worker comes to as many.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, cycle
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from bench.estate_stub import REGIONS  # noqa: E402  # as a program, only this file's own directory is known
from bench.run import stub  # noqa: E402
from bench.turns import Match, Player, play, player  # noqa: E402

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

CORES = sorted(os.sched_getaffinity(0))


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


def sweeps(address: str, asked: argparse.Namespace, folder: str) -> None:
    """The ordinary app: a line when it is ready, and after each sweep, which waits until it is told to begin."""
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
            "workers": asked.cores[0],
            "aws": aws_settings(address, asked.accounts[0], asked.regions),
        }
    )
    app = build(settings, begins=True)
    loaded = app.load()
    assert not loaded.problems, loaded.problems

    print("ready", flush=True)  # noqa: T201
    while sys.stdin.readline():
        with unhurried():
            result = app.sweeper.sweep(tuple(loaded.policies.values()), loaded.policies)
        assert result.complete, next(one.problem for one in result.judgements if one.problem)
        print(len(result.findings), len(app.sessions.pool), flush=True)  # noqa: T201


def loop(address: str, asked: argparse.Namespace) -> None:
    """Sign, send, and read with ElementTree, one call after another, without end; a line before the first."""
    import urllib3  # noqa: PLC0415
    from botocore.auth import SigV4Auth  # noqa: PLC0415
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    pool = urllib3.PoolManager(maxsize=1)
    credentials = Credentials("testing", "testing")
    regions = REGIONS[: asked.regions]
    signers = [(SigV4Auth(credentials, "ec2", region), SigV4Auth(credentials, "rds", region)) for region in regions]

    def page(signer: SigV4Auth, operation: str, fields: Mapping[str, str]) -> ET.Element:
        data = urlencode({"Action": operation, **fields})
        request = AWSRequest("POST", address, data=data)
        request.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        signer.add_auth(request)
        sent = request.prepare()
        raw = pool.urlopen("POST", address, body=sent.body, headers=dict(sent.headers.items())).data
        return ET.fromstring(raw)  # noqa: S314  # our own stub's

    def read(signer: SigV4Auth, operation: str, fields: Mapping[str, str], token: str, path: str) -> None:
        following: str | None = ""
        while following is not None:
            root = page(signer, operation, {**fields, token: following} if following else fields)
            following = root.findtext(path)

    print("ready", flush=True)  # noqa: T201
    for ec2, rds in cycle(signers):
        for operation in LISTED[:-1]:
            read(ec2, operation, {"Version": "2016-11-15", "MaxResults": "1000"}, "NextToken", _NEXT)
        read(rds, LISTED[-1], {"Version": "2014-10-31", "MaxRecords": "100"}, "Marker", _MARKER)


_NEXT = "{http://ec2.amazonaws.com/doc/2016-11-15/}nextToken"
_MARKER = "/".join(
    f"{{http://rds.amazonaws.com/doc/2014-10-31/}}{tag}" for tag in ("DescribeDBInstancesResult", "Marker")
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one subject's second sweep took, its first one's seconds, and what as many calls take the loops."""

    calls: int
    cold: float
    wall: float
    cpu: float
    loop_wall: float
    loop_cpu: float
    stub_cpu: float
    peaks: tuple[float, float]
    clients: int
    found: int


class Subject:
    """A product on so many cores, and as many loops, on the same ones; each side has a stub there. All stand still."""

    def __init__(self, cores: int, accounts: int, asked: argparse.Namespace, stack: ExitStack) -> None:
        self.cores = cores
        words = [sys.executable, __file__, f"--regions={asked.regions}", f"--threads={asked.threads}"]
        words += [f"--accounts={accounts}", f"--cores={cores}", "--subject"]
        os.sched_setaffinity(0, CORES[:cores])
        self._stub, self._loops_stub = (stack.enter_context(stub(asked.each, "estate_stub.py")) for _ in range(2))
        self._sweep = stack.enter_context(player([*words, "sweeps", self._stub]))
        self._sweep.line()
        began = time.perf_counter()
        self._sweep.go_on()
        self._sweep.line()
        self._cold = time.perf_counter() - began
        loops = [stack.enter_context(player([*words, "loop", self._loops_stub])) for _ in range(cores)]
        for one in loops:
            one.line()
            one.stop()
        self._before = self._used(loops)
        self._sweep.stop()
        self._sweep.go_on()
        self.match = Match(self._sweep, loops)

    def row(self) -> Row:
        """What was measured, once the sweep has said that it ended."""
        found, clients = map(int, self._sweep.line().split())
        (calls, stub_cpu, cpu), (loop_calls, _, loop_cpu) = self._used(self.match.endless)
        (_, _, cpu_before), (_, _, loop_cpu_before) = self._before
        return Row(
            calls=calls,
            cold=self._cold,
            wall=self._sweep.had,
            cpu=cpu - cpu_before,
            loop_wall=self.match.endless_had / loop_calls * calls,
            loop_cpu=(loop_cpu - loop_cpu_before) / loop_calls * calls,
            stub_cpu=stub_cpu,
            peaks=_peaks(self._sweep.pid),
            clients=clients,
            found=found,
        )

    def _used(self, loops: Sequence[Player]) -> list[tuple[int, float, float]]:
        """Of the sweep and of the loops: calls and stub's seconds since this was asked last, and CPU seconds in all."""
        sides = ((self._stub, [self._sweep]), (self._loops_stub, loops))
        return [(*_asked(where), sum(_cpu(one.pid) for one in players)) for where, players in sides]


def measure(accounts: int, asked: argparse.Namespace) -> Iterator[tuple[int, Row]]:
    """Sweep twice on each number of cores, the second time all in turns, with the loops."""
    with ExitStack() as stack:
        subjects = [Subject(cores, accounts, asked, stack) for cores in asked.cores]
        os.sched_setaffinity(0, CORES)
        play([one.match for one in subjects])
        yield from ((one.cores, one.row()) for one in subjects)


def _asked(address: str) -> tuple[int, float]:
    """How many calls the stub answered since this was asked last, and the CPU seconds that it took."""
    with urllib.request.urlopen(f"{address}/count") as answer:
        told = json.load(answer)
    return sum(told["calls"].values()), told["cpu"]


def _with_workers(pid: int) -> list[Path]:
    """What the kernel tells of a process, and of those that it started and that still run."""
    mine = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path("/proc") / one for one in (str(pid), *mine)]


def _cpu(pid: int) -> float:
    """Seconds of a process and of its workers."""
    used = [(one / "stat").read_text().rpartition(")")[2].split()[11:13] for one in _with_workers(pid)]
    return sum(int(ticks) for ticks in chain(*used)) / os.sysconf("SC_CLK_TCK")


def _peaks(pid: int) -> tuple[float, float]:
    """Megabytes at most: of a process, and of the largest of its workers."""
    status = [
        dict(line.split(":\t", 1) for line in (one / "status").read_text().splitlines()) for one in _with_workers(pid)
    ]
    own, *workers = (int(one["VmHWM"].split()[0]) / 1024 for one in status)
    return own, max(workers, default=0.0)


def _head(resources: int) -> None:
    heads = (
        *("calls", "cold s", "warm s", "loop s", "x loop", "cpu s", "loop cpu", "x loop"),
        *("us each", "stub s", "peak MB", "worker MB", "clients", "found"),
    )
    print(f"\n{resources:,} resources\n{'':10}" + "".join(f"{head:>10}" for head in heads), flush=True)  # noqa: T201


def _tell(cores: int, row: Row, resources: int) -> None:
    figures = (
        f"{row.calls}",
        f"{row.cold:.1f}",
        f"{row.wall:.1f}",
        f"{row.loop_wall:.1f}",
        f"{row.wall / row.loop_wall:.2f}",
        f"{row.cpu:.1f}",
        f"{row.loop_cpu:.1f}",
        f"{row.cpu / row.loop_cpu:.2f}",
        f"{row.cpu / resources * 1e6:.0f}",
        f"{row.stub_cpu:.1f}",
        *(f"{peak:.0f}" for peak in row.peaks),
        f"{row.clients}",
        f"{row.found}",
    )
    subject = f"{cores} core{'s'[: cores - 1]}"
    print(f"{subject:10}" + "".join(f"{figure:>10}" for figure in figures), flush=True)  # noqa: T201


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, nargs="+", default=[10, 100], help="a table for each number of them")
    parser.add_argument("--regions", type=int, default=len(REGIONS))
    parser.add_argument("--each", type=int, default=6, help="resources in each listing")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2], choices=range(1, len(CORES) + 1))
    parser.add_argument("--subject", nargs=2, metavar=("NAME", "ADDRESS"), help="measure one, and print JSON")
    return parser.parse_args()


def main() -> None:
    """Print a table for each number of accounts."""
    asked = arguments()
    if asked.subject:
        os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing")
        name, address = asked.subject
        if name == "loop":
            loop(address, asked)
        else:
            with tempfile.TemporaryDirectory() as folder:
                sweeps(address, asked, folder)
        return
    for accounts in asked.accounts:
        resources = asked.each * accounts * asked.regions * len(LISTED)
        _head(resources)
        for cores, row in measure(accounts, asked):
            _tell(cores, row, resources)


if __name__ == "__main__":
    main()
