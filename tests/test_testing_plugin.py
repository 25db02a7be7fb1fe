"""The pytest plugin, in test runs of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing-a-policy.md").read_text(), re.DOTALL)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A policy author's directory, with the shipped policies."""
    shutil.copytree(ROOT / "policies", tmp_path / "policies", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\nfilterwarnings = ["error"]\n')
    return tmp_path


def run(home: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A test run that knows of Cloudwarden only what is installed."""
    (home / "test_it.py").write_text(test)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_documented_tests_pass(home: Path, example: str) -> None:
    """As they stand, on the shipped policies, with nothing more than Cloudwarden and pytest."""
    told = run(home, example)
    assert told.returncode == 0, told.stdout
    assert f"{example.count('def test_')} passed" in told.stdout


def test_the_first_example_is_ten_lines() -> None:
    """Blank ones not counted."""
    assert len([line for line in EXAMPLES[0].splitlines() if line]) <= 10


def test_policies_are_where_the_configuration_says(home: Path) -> None:
    """From the root directory on."""
    (home / "policies").rename(home / "elsewhere")
    told = run(home, EXAMPLES[0], "-o", "cloudwarden_policies=elsewhere")
    assert told.returncode == 0, told.stdout


def test_a_refused_policy_file_is_an_error_that_says_what_to_write(home: Path) -> None:
    """The loader's own words, and no traceback."""
    (home / "policies" / "half.py").write_text("from cloudwarden import Polic\n")
    told = run(home, EXAMPLES[0])
    assert "1 error" in told.stdout
    assert "half.py:1" in told.stdout
    assert "Policy" in told.stdout
    assert "cloudwarden_pytest.py" not in told.stdout


def test_runs_that_do_not_ask_for_it_do_not_pay_for_it(home: Path) -> None:
    """The package is not even imported."""
    told = run(home, "import sys\n\ndef test_free():\n    assert 'cloudwarden' not in sys.modules\n", "--trace-config")
    assert "cloudwarden_pytest" in told.stdout
    assert told.returncode == 0, told.stdout


def test_a_fixture_of_the_same_name_is_the_users_own(home: Path) -> None:
    """Whoever had a `bench` before keeps it."""
    test = (
        "import pytest\n\n@pytest.fixture\ndef bench():\n    return 7\n\ndef test_mine(bench):\n    assert bench == 7\n"
    )
    told = run(home, test)
    assert told.returncode == 0, told.stdout


def test_the_product_runs_where_pytest_is_not() -> None:
    """Production has no pytest; builders and bench need none."""
    program = "import sys; sys.modules['pytest'] = None; import cloudwarden.testing, cloudwarden.cli"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
