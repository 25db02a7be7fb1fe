"""The daemon as a process against a simulated AWS: served, reloaded, refused twice, stopped, killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

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


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds; fail with its name when it does not in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.1)
    pytest.fail(f"not within {PATIENCE_SECONDS:g} s: {what}")


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """A simulated AWS with one idle instance; its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def idle_instance(aws: str) -> Iterator[str]:
    """An instance that ran idle for hours; its id."""
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)
    ec2 = session.client("ec2", endpoint_url=aws)
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
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
    """A folder with settings, policies and a database, and daemons that run on it."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder = folder
        self.policies = folder / "policies"
        self.policies.mkdir()
        (self.policies / "idle.py").write_text(POLICY)
        self.config = folder / "cloudwarden.toml"
        self.config.write_text(
            f'policies = "{self.policies}"\n'
            f'database = "sqlite:///{folder}/cloudwarden.db"\n'
            'ceiling = "enforce"\nport = 0\nlog_format = "json"\nlog_level = "info"\n'
            f'[aws]\nregions = ["{REGION}"]\nendpoint_url = "{endpoint}"\n'
        )
        self.processes: list[subprocess.Popen[bytes]] = []
        self.logs: list[Path] = []

    def start(self) -> subprocess.Popen[bytes]:
        """Start a daemon; its log goes to a file of its own."""
        log = self.folder / f"log-{len(self.logs)}"
        self.logs.append(log)
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **CREDENTIALS}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "cloudwarden", "--config", str(self.config), "run"],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        self.processes.append(process)
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

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a verb on this installation."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **CREDENTIALS}
        return subprocess.run(
            [sys.executable, "-m", "cloudwarden", "--config", str(self.config), *words],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            check=False,
        )

    def states(self) -> list[str]:
        """The states of all findings in the database."""
        self.address()  # from then on the database is there, with its tables
        with sqlite3.connect(self.folder / "cloudwarden.db", timeout=5) as database:
            return [state for (state,) in database.execute("select state from findings")]


@pytest.fixture
def installation(tmp_path: Path, aws: str) -> Iterator[Installation]:
    """A fresh installation; what still runs at the end is ended."""
    made = Installation(tmp_path, aws)
    yield made
    for process in made.processes:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def test_idle_instance_is_proposed_approved_and_stopped(
    installation: Installation, idle_instance: str, aws: str
) -> None:
    """The whole way: found, proposed, approved on the command line, stopped in AWS, journalled."""
    installation.start()
    until(lambda: installation.get("/readyz")[0] == 200, "ready")
    until(lambda: "proposed" in installation.states(), "a proposal")
    (proposal,) = json.loads(installation.cli("proposals", "--json").stdout)
    approved = installation.cli("approve", proposal["id"], "--reason", "nobody uses it")
    assert approved.returncode == 0, approved.stderr
    ec2 = boto3.client("ec2", region_name=REGION, endpoint_url=aws, aws_access_key_id="x", aws_secret_access_key="x")

    def stopped() -> bool:
        described = ec2.describe_instances(InstanceIds=[idle_instance])
        return described["Reservations"][0]["Instances"][0]["State"]["Name"] == "stopped"

    until(stopped, "the instance stopped")
    until(lambda: installation.states() == ["fixed"], "the finding fixed")
    assert 'outcome="succeeded",policy="stop-idle"} 1.0' in installation.get("/metrics")[1]
    assert installation.cli("journal", "verify").returncode == 0


def test_broken_file_keeps_the_last_good_version(installation: Installation, idle_instance: str) -> None:
    """A broken edit is shown in metrics and health, and the old version goes on; a good edit ends it."""
    installation.start()
    until(lambda: installation.metric("cloudwarden_config_last_reload_successful 1.0"), "loaded")
    (installation.policies / "idle.py").write_text(POLICY.replace("Idle(window", "Idle(windw"))
    until(lambda: installation.metric("cloudwarden_config_last_reload_successful 0.0"), "refused")
    assert "idle.py" in installation.get("/readyz")[1]
    assert 'cloudwarden_policies{mode="propose",status="loaded"} 1.0' in installation.get("/metrics")[1]
    (installation.policies / "idle.py").write_text(POLICY)
    until(lambda: installation.metric("cloudwarden_config_last_reload_successful 1.0"), "mended")


def test_hangup_reloads(installation: Installation) -> None:
    """SIGHUP reads the policies again."""
    process = installation.start()
    installation.address()
    process.send_signal(signal.SIGHUP)
    until(lambda: sum(line.get("event") == "policies_loaded" for line in installation.events()) >= 2, "reloaded")
    assert process.poll() is None


def test_second_daemon_is_refused(installation: Installation) -> None:
    """Two daemons on one store: the second says who is first, and ends with 4."""
    first = installation.start()
    installation.address()
    second = installation.cli("run")
    assert second.returncode == 4
    assert str(first.pid) in second.stderr
    assert first.poll() is None


def test_terminate_leaves_in_order_and_in_time(installation: Installation) -> None:
    """SIGTERM ends the daemon within its stated time, with its last words and exit code 0."""
    process = installation.start()
    installation.address()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert installation.said("daemon_stopped")


def test_kill_loses_no_finding(installation: Installation, idle_instance: str) -> None:
    """After SIGKILL the next daemon goes on with what the first one found."""
    first = installation.start()
    until(lambda: "proposed" in installation.states(), "a proposal")
    (before,) = json.loads(installation.cli("proposals", "--json").stdout)
    first.kill()
    first.wait(10)
    installation.start()
    until(lambda: installation.get("/readyz")[0] == 200, "ready again")
    (after,) = json.loads(installation.cli("proposals", "--json").stdout)
    assert after["id"] == before["id"]


def test_no_answer_from_aws_is_no_verdict(installation: Installation) -> None:
    """With nobody at the endpoint the daemon lives, is not ready, and says why."""
    text = installation.config.read_text()
    installation.config.write_text(text.replace('endpoint_url = "http://', 'endpoint_url = "http://127.0.0.1:9/'))
    installation.start()
    until(lambda: installation.said("sweep_failed"), "the failure is logged")
    status, page = installation.get("/readyz")
    assert status == 503
    assert "sweep" in page
    assert installation.get("/healthz")[0] == 200
