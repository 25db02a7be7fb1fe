"""The dashboard, asked of a real Prometheus that scrapes a real port."""

from __future__ import annotations

import json
import math
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from cloudwarden.telemetry.metrics import Metrics
from cloudwarden.web.health import Health
from cloudwarden.web.server import WebServer
from happenings import busy_day

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
WITHIN_SECONDS = 30

Answer = dict[str, Any]


class Prometheus:
    """A Prometheus of our own, asked over its HTTP API."""

    def __init__(self, port: int) -> None:
        self._root = f"http://127.0.0.1:{port}"
        self._until = time.monotonic() + WITHIN_SECONDS

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

    def numbers(self, query: str) -> list[float]:
        """What a query gives now, and waits for while it gives nothing: half a minute from the start on."""
        while True:
            result = self.get("/api/v1/query", query=query).get("result", [])
            numbers = [float(one["value"][1]) for one in result]
            if any(not math.isnan(number) for number in numbers) or time.monotonic() > self._until:
                return numbers
            time.sleep(0.5)


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    """Metrics that know how often a policy runs and what it does."""
    metrics = Metrics()
    metrics.schedule("stop-idle", 900, "stop")
    return metrics


@pytest.fixture(scope="module")
def target(metrics: Metrics) -> Iterator[str]:
    """The address of a server whose metrics move: a busy day, four times a second."""
    over = threading.Event()

    def live() -> None:
        while not over.wait(0.25):
            for event in busy_day():
                metrics.report(event)

    living = threading.Thread(target=live)
    server = WebServer("127.0.0.1", 0, metrics.registry, lambda: Health(live=True, ready=True))
    host, port = server.start()
    living.start()
    yield f"{host}:{port}"
    over.set()
    living.join()
    server.stop()


@pytest.fixture(scope="module")
def prometheus(target: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the target every second, with our rules."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.fail("prometheus is not on PATH: install the Debian package prometheus")
    home = tmp_path_factory.mktemp("prometheus")
    config = home / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
        f"rule_files: [{json.dumps(str(RULES))}]\n"
        "scrape_configs:\n"
        f"  - {{job_name: cloudwarden, static_configs: [{{targets: [{json.dumps(target)}]}}]}}\n"
    )
    port = _free_port()
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={home / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Prometheus(port)
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
    """A panel that stays empty on a busy day would stay empty always."""
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    assert "$" not in query
    # Half of such a query always answers; the other is the one in doubt.
    numbers = prometheus.numbers(query.removesuffix(" or vector(0)"))
    assert any(not math.isnan(number) for number in numbers)


def test_the_policy_variable_finds_policies(prometheus: Prometheus) -> None:
    """Its query names a label that exists."""
    (variable,) = [one for one in DASHBOARD["templating"]["list"] if one["name"] == "policy"]
    found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
    assert found
    assert prometheus.numbers(f'count by ({found[2]}) ({found[1]}{{{found[2]}="stop-idle"}})') == [1]


def test_the_alerts_of_a_busy_day_fire(prometheus: Prometheus) -> None:
    """What needs no waiting fires against what the daemon really exposes."""
    for alert in ("CloudwardenActionFailed", "CloudwardenLimitTripped", "CloudwardenJournalUnwritable"):
        assert prometheus.numbers(f'ALERTS{{alertname="{alert}", alertstate="firing"}}') == [1], alert
    pending = prometheus.numbers('ALERTS{alertname="CloudwardenInventoryPartial", kind="ec2.volume"}')
    assert pending == [1]


def test_no_rule_fails(prometheus: Prometheus) -> None:
    """A rule that joins what cannot be joined shows only against real series."""
    assert prometheus.numbers("up") == [1]
    rules = [rule for group in prometheus.get("/api/v1/rules")["groups"] for rule in group["rules"]]
    assert len(rules) == RULES.read_text().count("- alert: ")
    assert [rule["lastError"] for rule in rules if rule.get("lastError")] == []


def test_the_dashboard_speaks_of_metrics_that_exist(metrics: Metrics, target: str) -> None:
    """A renamed metric would leave its panel empty."""
    for event in busy_day():
        metrics.report(event)
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    exposed = {sample.name for family in families for sample in family.samples}
    named = set(re.findall(r"\b(?:cloudwarden|process)_[a-z_]+\b", json.dumps([panel["targets"] for panel in PANELS])))
    assert named
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
