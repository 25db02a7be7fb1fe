"""The alerts, judged by Prometheus's own tool."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from cloudwarden.telemetry.metrics import Metrics
from happenings import busy_day

PROMETHEUS = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES = PROMETHEUS / "rules" / "cloudwarden.yml"
RULE_TESTS = sorted((PROMETHEUS / "rules").glob("cloudwarden*_test.yml"))
ALERT = re.compile(r"^ {6}- alert: (\w+)$", re.MULTILINE)


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool; a machine without it cannot say that the alerts work."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.fail("promtool is not on PATH: install the Debian package prometheus")
    return subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=60, check=False)


def alerts() -> dict[str, str]:
    """Each alert's name and the text that defines it."""
    _, *parts = ALERT.split(RULES.read_text())
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", PROMETHEUS / "prometheus.yml"),
        ("check", "rules", RULES),
        ("test", "rules", *RULE_TESTS),
    ],
)
def test_prometheus_accepts_what_we_ship(arguments: tuple[str | Path, ...]) -> None:
    """The configuration and the rules are valid, and each alert fires when it should and not otherwise."""
    done = promtool(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", alerts())
def test_every_alert_is_tested(alert: str) -> None:
    """Both that it fires and that it does not."""
    checks = "".join(file.read_text() for file in RULE_TESTS).split("- expr: ")
    mine = [check for check in checks if f'alertname="{alert}"' in check]
    assert any("exp_samples: []" in check for check in mine)
    assert any("value: 1" in check for check in mine)


@pytest.mark.parametrize("part", ["severity: ", "summary: ", "description: ", "runbook: "])
@pytest.mark.parametrize("alert", alerts())
def test_every_alert_says_what_is_wrong_and_what_to_do(alert: str, part: str) -> None:
    """Whoever is woken finds all they need in the alert."""
    assert re.search(rf"^ +{part}\S", alerts()[alert], re.MULTILINE)


def test_alerts_speak_of_metrics_that_exist() -> None:
    """A renamed metric would leave its alert silent for ever."""
    metrics = Metrics()
    metrics.schedule("stop-idle", 900, "stop")
    for event in busy_day():
        metrics.report(event)
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    exposed = {sample.name for family in families for sample in family.samples}
    named = set(re.findall(r"\b(?:cloudwarden|process)_[a-z_]+\b", re.sub(r"(#|- name: ).*", "", RULES.read_text())))
    assert named
    assert named <= exposed
