"""What a policy author gets wrong is rejected before it runs, by mypy and by pyright."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "tests" / "typing").glob("*.py"))

Line = tuple[str, int]


def rejected_by_mypy(scratch: Path) -> set[Line]:
    """The lines that mypy reports, with the project's own settings."""
    del scratch
    command = ["-m", "mypy", "--config-file", "pyproject.toml", "--output", "json", *map(str, EXAMPLES)]
    told = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    found = [json.loads(line) for line in told.stdout.splitlines()]
    return {(Path(each["file"]).name, each["line"]) for each in found if each["severity"] == "error"}


def rejected_by_pyright(scratch: Path) -> set[Line]:
    """The lines that pyright reports. It skips what the project excludes, so it is given copies."""
    for example in EXAMPLES:
        shutil.copy(example, scratch)
    settings = {"extraPaths": [str(ROOT / "daemon")], "pythonVersion": "3.11", "typeCheckingMode": "standard"}
    (scratch / "pyrightconfig.json").write_text(json.dumps(settings))
    command = ["-m", "pyright", "--pythonpath", sys.executable, "--outputjson", "-p", str(scratch)]
    told = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    report = json.loads(told.stdout)
    assert report["summary"]["filesAnalyzed"] == len(EXAMPLES)
    found = [each for each in report["generalDiagnostics"] if each["severity"] == "error"]
    return {(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in found}


def marked() -> set[Line]:
    """The lines that say of themselves that they must be rejected."""
    return {
        (example.name, number)
        for example in EXAMPLES
        for number, line in enumerate(example.read_text().splitlines(), start=1)
        if "# rejected" in line
    }


@pytest.mark.parametrize("rejected", [rejected_by_mypy, rejected_by_pyright])
def test_every_author_mistake_is_rejected_and_nothing_else(
    rejected: Callable[[Path], set[Line]], tmp_path: Path
) -> None:
    """Each marked line is reported, and no other line is."""
    assert rejected(tmp_path) == marked()


def test_the_examples_cover_each_author_mistake() -> None:
    """Every file but the accepted one holds a mistake; the accepted one holds none."""
    assert {name for name, _ in marked()} == {example.name for example in EXAMPLES} - {"accepted.py"}
