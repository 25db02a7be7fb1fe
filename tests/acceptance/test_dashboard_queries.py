"""The dashboard and the alerts, asked of a real Prometheus that scrapes the real demo."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cloudwarden.cli import app

pytestmark = pytest.mark.timeout(300)

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules" / "cloudwarden.yml"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "cloudwarden.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for panel in PANELS
    for target in panel["targets"]
]
VARIABLES = {"$policy": ".*", "$__rate_interval": "10s"}

ZERO_IS_THE_NEWS = frozenset(
    {
        "max(cloudwarden_paused)",
        "sum by (why) (increase(cloudwarden_cloudwatch_metrics_saved_total[1h]))",
        'sum(increase(cloudwarden_policy_runs_missed_total{policy=~".*"}[1h]))',
        "sum(increase(cloudwarden_workers_lost_total[1h]))",
        'sum by (policy) (cloudwarden_notices_pending{policy=~".*"})',
    }
)
"""Queries whose answer in a good demo is 0: nobody paused it, no two policies ask for the same, none was too slow, no
worker was lost, and every owner was told."""

PROGRAM = Path(sys.executable).with_name("cloudwarden")
PATIENCE_SECONDS = 200
"""From the demo's start, on a busy machine: its first minute shows everything."""

Answer = dict[str, Any]


def until(holds: Callable[[], bool], what: str, deadline: float) -> None:
    """Wait until something holds; fail with its name when it does not in time."""
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {PATIENCE_SECONDS} s of the demo's start: {what}")
        time.sleep(0.2)


class Demo:
    """The demo as a newcomer starts it, but off a terminal; the operator's part is played through the command line."""

    def __init__(self, home: Path) -> None:
        self.port = _free_port()
        self.deadline = time.monotonic() + PATIENCE_SECONDS
        self._home = home
        self._log = home / "demo.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "demo", "--port", str(self.port)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
            )

    def told(self, pattern: str) -> bool:
        """Whether the demo told such a line."""
        return re.search(pattern, self._log.read_text()) is not None

    def until_told(self, pattern: str) -> str:
        """Wait for a line of the demo; what the pattern's group is there."""
        until(lambda: self.told(pattern), pattern, self.deadline)
        return re.findall(pattern, self._log.read_text())[0]  # type: ignore[no-any-return]

    def operator(self, *words: str) -> Any:
        """What a verb prints as JSON, with the demo's own settings."""
        done = CliRunner().invoke(app, ["--config", str(self.settings), *words, "--json"], env=self._environment())
        assert done.exit_code in (0, 1), done.output
        return json.loads(done.stdout)

    @property
    def settings(self) -> Path:
        """The settings file, as the lines to copy name it."""
        return Path(self.until_told(r"copy: .* --config (\S+) approve"))

    @contextmanager
    def database_held(self) -> Iterator[None]:
        """The database in another writer's hands, as a careless backup would have it."""
        with closing(sqlite3.connect(self.settings.with_name("demo.db"), isolation_level=None)) as backup:
            backup.execute("BEGIN IMMEDIATE")
            yield
            backup.execute("ROLLBACK")

    def metrics(self) -> str:
        """What it shows of itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
            return text

    def _environment(self) -> dict[str, str]:
        return {"HOME": str(self._home), "PATH": os.environ["PATH"]}


class Prometheus:
    """A Prometheus of our own, asked over its HTTP API."""

    def __init__(self, port: int, deadline: float) -> None:
        self._root = f"http://127.0.0.1:{port}"
        self._deadline = deadline

    def get(self, path: str, **parameters: str) -> Answer:
        """The data of an answer; empty while it does not answer."""
        address = f"{self._root}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                data: Answer = json.load(answer)["data"]
                return data
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            error.close()
            return {}
        except (ConnectionError, urllib.error.URLError):
            return {}

    def numbers(self, query: str, *, zero_will_do: bool = True) -> list[float]:
        """The numbers that a query gives, waited for until the deadline; empty when there are none by then."""
        while True:
            result = self.get("/api/v1/query", query=query).get("result", [])
            numbers = [number for one in result if not math.isnan(number := float(one["value"][1]))]
            if any(number or zero_will_do for number in numbers):
                return numbers
            if time.monotonic() > self._deadline:
                return []
            time.sleep(0.5)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo, running; it must leave in order when asked to."""
    demo = Demo(tmp_path_factory.mktemp("home"))
    with _ended(demo.process):
        yield demo
    assert demo.process.returncode == 0


@pytest.fixture(scope="module")
def prometheus(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the demo every second, with our rules, while an operator is at work."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.fail("prometheus is not on PATH: install the Debian package prometheus")
    home, port = tmp_path_factory.mktemp("prometheus"), _free_port()
    config = home / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
        f"rule_files: [{json.dumps(str(RULES))}]\n"
        "scrape_configs:\n"
        f"  - {{job_name: cloudwarden, static_configs: [{{targets: ['127.0.0.1:{demo.port}']}}]}}\n"
    )
    data, address = f"--storage.tsdb.path={home / 'data'}", f"--web.listen-address=127.0.0.1:{port}"
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [program, f"--config.file={config}", data, address], stdout=log, stderr=subprocess.STDOUT
        )
        with _ended(process):
            operate(demo)
            yield Prometheus(port, demo.deadline)


def operate(demo: Demo) -> None:
    """What an operator does in a first minute: approve, too much at once; exempt; and hold the database too long."""
    # In whichever order, and perhaps in two sweeps.
    for proposed in ("snapshot volume", "stop instance", "revoke from"):
        demo.until_told(f"proposed .* {proposed}")
    proposals = {
        policy: [one for one in demo.operator("proposals") if one["policy"] == policy]
        for policy in ("stop-idle-instances", "close-open-security-groups")
    }
    findings = demo.operator("findings", "--policy", "stop-idle-instances")
    (protected,) = (one["resource"] for one in findings if one["name"] == "mail-relay")
    idle = sorted(proposals["stop-idle-instances"], key=lambda one: one["resource"] != protected)
    groups = proposals["close-open-security-groups"]
    demo.operator("approve", *(one["id"] for one in (*groups[:3], *idle[:6])), "--reason", "looked")
    demo.until_told("LIMIT")
    demo.operator("exempt", "stop-idle-instances", idle[5]["resource"], "--for", "30d", "--reason", "in use")
    until(lambda: refused(demo, protected), "a stop that AWS refuses", demo.deadline)
    with demo.database_held():
        demo.until_told("journal")
    demo.until_told("accepted")


def refused(demo: Demo, protected: str) -> bool:
    """Whether AWS refused to stop the protected instance, whose stop is approved as often as it is proposed.

    What was approved while nobody could read what depends on it is proposed anew once that can be read.
    """
    for one in demo.operator("proposals"):
        if one["resource"] == protected and one["state"] == "pending":
            demo.operator("approve", one["id"], "--reason", "looked")
    return demo.told("failed")


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_of_every_panel_returns_data(prometheus: Prometheus, query: str) -> None:
    """A panel that stays empty, or at 0 where something happened, would stay so always."""
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    assert "$" not in query
    # Half of such a query always answers; the other is the one in doubt.
    assert prometheus.numbers(query.removesuffix(" or vector(0)"), zero_will_do=query in ZERO_IS_THE_NEWS)


@pytest.mark.parametrize(
    "query",
    [
        'cloudwarden_aws_requests_total{outcome="throttled"} > 0',
        'cloudwarden_aws_requests_total{outcome="access-denied"} > 0',
        'min_over_time(cloudwarden_inventory_complete{kind="ec2.volume"}[1m]) == 0',
        'cloudwarden_inventory_complete{kind="ec2.volume"} == 1',
        'cloudwarden_sweeps_total{outcome="partial"} > 0',
        "min_over_time(cloudwarden_config_last_reload_successful[1m]) == 0",
        "cloudwarden_config_last_reload_successful == 1",
        'max_over_time(cloudwarden_policies{status="refused"}[1m]) > 0',
        'cloudwarden_policy_unknown_total{reason="not-enough-data"} > 0',
        'cloudwarden_actions_total{outcome="succeeded", action="revoke-ingress"} == 3',
        'cloudwarden_actions_total{outcome="succeeded", action="stop-instance"} == 4',
        'cloudwarden_actions_total{outcome="failed", action="stop-instance"} == 1',
        'cloudwarden_actions_held_total{guard="limit"} > 0',
        'cloudwarden_exemptions{state="active"} == 1',
    ],
)
def test_the_demo_shows_what_goes_wrong_and_right(prometheus: Prometheus, query: str) -> None:
    """Whoever learns the metrics by the demo meets what they will look for one day."""
    assert prometheus.numbers(query)


@pytest.mark.parametrize(
    "alert",
    [
        '{alertname="CloudwardenActionFailed", alertstate="firing"}',
        '{alertname="CloudwardenLimitTripped", alertstate="firing"}',
        '{alertname="CloudwardenJournalUnwritable", alertstate="firing"}',
        '{alertname="CloudwardenReloadFailed", alertstate="pending"}',
        '{alertname="CloudwardenInventoryPartial", alertstate="pending", kind="ec2.volume"}',
    ],
)
def test_alerts_of_what_went_wrong_rise(prometheus: Prometheus, alert: str) -> None:
    """At once, or pending for a while, against what the daemon really exposes."""
    assert prometheus.numbers(f"count_over_time(ALERTS{alert}[1m])")


def test_the_policy_variable_finds_policies(prometheus: Prometheus) -> None:
    """Its query names a label that exists."""
    (variable,) = [one for one in DASHBOARD["templating"]["list"] if one["name"] == "policy"]
    found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
    assert found
    assert prometheus.numbers(f'count by ({found[2]}) ({found[1]}{{{found[2]}="stop-idle-instances"}})') == [1]


def test_no_rule_fails(prometheus: Prometheus) -> None:
    """A rule that joins what cannot be joined shows only against real series."""
    assert prometheus.numbers("up") == [1]
    rules = [rule for group in prometheus.get("/api/v1/rules")["groups"] for rule in group["rules"]]
    assert len(rules) == RULES.read_text().count("- alert: ")
    assert [rule["lastError"] for rule in rules if rule.get("lastError")] == []


def test_dashboard_and_alerts_speak_of_metrics_that_exist(demo: Demo, prometheus: Prometheus) -> None:
    """A renamed metric would silence an alert that nobody has met yet."""
    del prometheus  # it has waited until everything is there
    # What has no series at the moment has its help.
    exposed = set(re.findall(r"^(?:# HELP )?([a-z_]+)", demo.metrics(), re.MULTILINE))
    expressions = [target["expr"] for panel in PANELS for target in panel["targets"]]
    expressions += [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    named = set(re.findall(r"\b(?:cloudwarden|process)_[a-z_]+\b", " ".join(expressions)))
    assert len(named) > 20
    assert named <= exposed


def test_every_panel_follows_the_chosen_data_source() -> None:
    """Whoever imports the dashboard chooses their own Prometheus, and reads what each panel means."""
    for panel in PANELS:
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["description"]


def test_no_panel_covers_another() -> None:
    """Grafana would push them apart, each time otherwise."""
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
