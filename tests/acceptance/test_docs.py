"""The pages that repeat what the code says are up to date."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from cloudwarden.telemetry.metrics import Metrics
from happenings import busy_day

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the pages are written now."""
    folder = tmp_path_factory.mktemp("docs")
    subprocess.run([sys.executable, str(DOCS / "generate.py"), str(folder)], check=True)
    return folder


@pytest.mark.parametrize("page", ["settings.md", "metrics.md"])
def test_pages_are_what_the_code_says(written: Path, page: str) -> None:
    """When this fails, run `make docs`."""
    assert (DOCS / page).read_text() == (written / page).read_text(), "run `make docs`"


def test_every_metric_that_is_shown_is_described(written: Path) -> None:
    """With its labels, as Prometheus will see them."""
    metrics = Metrics()
    metrics.schedule("stop-idle", 900, "stop")
    for event in busy_day():
        metrics.report(event)
    page = (written / "metrics.md").read_text()
    rows = dict(re.findall(r"^\| `cloudwarden_(\w+)` \| \w+ \| ([\w, ]*) \|", page, re.MULTILINE))
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        if family.name.startswith("cloudwarden_"):
            name = family.name.removeprefix("cloudwarden_") + {"counter": "_total"}.get(family.type, "")
            shown = {label for sample in family.samples for label in sample.labels}
            assert shown - {"le", "version", "python"} == set(re.findall(r"\w+", rows.pop(name))), name
    assert not rows
