"""An installation in a folder, daemons that run on it as processes, and the simulated AWS they speak to."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.backends import get_backend
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner, Result

import blank_stores
from cloudwarden.cli import app
from images import amazon_image

ACCOUNT, REGION = "123456789012", "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
PATIENCE_SECONDS = 40.0

POLICY = """
from cloudwarden import PROPOSE, Limit, Policy, every, hours
from cloudwarden.aws import ec2
from cloudwarden.library.compute import Idle, idle

stop_idle = Policy(
    name="stop-idle",
    rule=idle,
    params=Idle(window=hours(1)),
    schedule=every(seconds=1),
    mode=PROPOSE,
    action=ec2.Stop(),
    limit=Limit(per_run=5, share=1.0),
)
"""


def children(pid: int) -> set[int]:
    """The processes that a process started, and theirs."""
    found = {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    return found.union(*(children(child) for child in found))


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds; fail with its name when it does not in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.1)
    pytest.fail(f"not within {PATIENCE_SECONDS:g} s: {what}")


@contextmanager
def simulated_aws() -> Iterator[str]:
    """A simulated AWS; its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def instance_state(aws: str, instance: str) -> str:
    """The state of an instance in the simulated AWS."""
    ec2 = boto3.client("ec2", region_name=REGION, endpoint_url=aws, aws_access_key_id="x", aws_secret_access_key="x")
    described: Any = ec2.describe_instances(InstanceIds=[instance])
    return str(described["Reservations"][0]["Instances"][0]["State"]["Name"])


@contextmanager
def idling(aws: str) -> Iterator[str]:
    """An instance that ran idle for hours; its id."""
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)
    ec2 = session.client("ec2", endpoint_url=aws)
    made = ec2.run_instances(ImageId=amazon_image(REGION), MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    backend = get_backend("ec2")[ACCOUNT][REGION]
    backend.get_instance(made).launch_time = datetime.now(UTC) - timedelta(days=2)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    now -= timedelta(minutes=now.minute % 5)
    cloudwatch = session.client("cloudwatch", endpoint_url=aws)
    for metric in ("CPUUtilization", "NetworkIn", "NetworkOut"):
        cloudwatch.put_metric_data(
            Namespace="AWS/EC2",
            MetricData=[
                {
                    "MetricName": metric,
                    "Dimensions": [{"Name": "InstanceId", "Value": made}],
                    "Timestamp": now + timedelta(minutes=5 * number),
                    "Value": 0.5,
                }
                # Some of them ahead, so that the series stays whole while the test runs.
                for number in range(-24, 4)
            ],
        )
    yield made
    ec2.terminate_instances(InstanceIds=[made])


class Installation:
    """A folder with settings, policies and an empty database, and daemons that run on it."""

    def __init__(self, folder: Path, endpoint: str, region: str = REGION) -> None:
        self.folder = folder
        self.policies = folder / "policies"
        self.policies.mkdir()
        (self.policies / "idle.py").write_text(POLICY)
        blank_stores.lay(self.database_file)
        self.config = folder / "cloudwarden.toml"
        self.config.write_text(
            f'policies = "{self.policies}"\n'
            f'database = "sqlite:///{self.database_file}"\n'
            'ceiling = "enforce"\nport = 0\nlog_format = "json"\nlog_level = "info"\n'
            f'[aws]\nregions = ["{region}"]\nendpoint_url = "{endpoint}"\n'
        )
        self.processes: list[subprocess.Popen[bytes]] = []
        self.logs: list[Path] = []

    @property
    def database_file(self) -> Path:
        """Where the database is."""
        return self.folder / "cloudwarden.db"

    def set(self, line: str) -> None:
        """Put a setting at the top of the file, instead of the one there."""
        name = line.partition(" ")[0]
        others = [one for one in self.config.read_text().splitlines() if not one.startswith(f"{name} ")]
        self.config.write_text("\n".join([line, *others]) + "\n")

    def command(self) -> list[str]:
        """The command line of a daemon."""
        return [sys.executable, "-m", "cloudwarden", "--config", str(self.config), "run"]

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start a daemon with more in its environment; its log goes to a file of its own."""
        log = self.folder / f"log-{len(self.logs)}"
        self.logs.append(log)
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **CREDENTIALS, **environment}
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command(),
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        self.processes.append(process)
        return process

    def start_ready(self) -> subprocess.Popen[bytes]:
        """Start a daemon and wait until it serves."""
        process = self.start()
        self.address()
        return process

    def events(self) -> list[dict[str, object]]:
        """The latest daemon's log lines."""
        lines = self.logs[-1].read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def said(self, event: str) -> bool:
        """Whether the latest daemon logged an event."""
        return any(line.get("event") == event for line in self.events())

    def address(self) -> str:
        """Where the latest daemon serves."""
        until(lambda: self.said("daemon_started"), f"daemon_started in {self.logs[-1].read_text()[-2000:]}")
        return str(next(line["address"] for line in self.events() if line.get("event") == "daemon_started"))

    def get(self, path: str) -> tuple[int, str]:
        """A page of the latest daemon: its status and text."""
        try:
            with urllib.request.urlopen(self.address() + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, line: str) -> bool:
        """Whether the metrics hold a line."""
        return line in self.get("/metrics")[1]

    def verb(self, *words: str) -> Result:
        """Run a verb on this installation in this process, another than the daemon's: it takes no start of Python."""
        environment = {"HOME": str(self.folder), **CREDENTIALS}
        return CliRunner().invoke(app, ["--config", str(self.config), *words], env=environment)

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a verb on this installation in a process of its own."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **CREDENTIALS}
        return subprocess.run(
            [sys.executable, "-m", "cloudwarden", "--config", str(self.config), *words],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            check=False,
        )

    def approve(self) -> str:
        """Wait for a proposal and approve it; the resource that it is about."""
        until(lambda: "proposed" in self.states(), "a proposal")
        ((proposal, resource),) = self.rows("select id, resource_id from proposals where state = 'pending'")
        approved = self.verb("approve", proposal, "--reason", "nobody uses it")
        assert approved.exit_code == 0, approved.output
        return str(resource)

    def journal(self) -> list[str]:
        """The journal's events, oldest first."""
        return [event for (event,) in self.rows("select event from journal order by seq")]

    def database(self) -> sqlite3.Connection:
        """The database, as another process sees it."""
        return sqlite3.connect(self.database_file, timeout=5, isolation_level=None)

    def end(self) -> None:
        """End the daemons that still run."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(10)

    def states(self) -> list[str]:
        """The states of all findings in the database."""
        self.address()  # from then on the database is there, with its tables
        return [state for (state,) in self.rows("select state from findings")]

    def rows(self, query: str) -> list[Any]:
        """What is in the database."""
        with closing(self.database()) as database:
            return database.execute(query).fetchall()
