"""Fingerprints of policy files: an edit that may change what a policy does takes trust away, and no other."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cloudwarden import Severity
from cloudwarden.core.packages import package_text
from cloudwarden.loading import PolicyText, load, rebuilt
from fingerprinted import EDITS, HARMLESS, LARGE, POLICY, SMALL


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of packages that policies can import, and one of policies."""
    packages = tmp_path / "packages"
    (packages / "large").mkdir(parents=True)
    (packages / "small.py").write_text(SMALL)
    for name, text in LARGE.items():
        (packages / "large" / name).write_text(text)
    (tmp_path / "policies").mkdir()
    monkeypatch.syspath_prepend(str(packages))
    return tmp_path


def forget_packages() -> None:
    """As another process has it."""
    package_text.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] in ("small", "large")]:
        del sys.modules[name]


def fingerprint(home: Path, text: str = POLICY) -> str:
    """The policy's, of a file with this text."""
    forget_packages()
    (home / "policies" / "big.py").write_text(text)
    loaded = load(home / "policies", {})
    assert loaded.problems == ()
    return loaded.policies["big"].fingerprint


def edited(edit: tuple[str, str]) -> str:
    """The policy's text after an edit."""
    old, new = edit
    assert POLICY.count(old) == 1
    return POLICY.replace(old, new)


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_may_change_what_a_policy_does_changes_its_fingerprint(home: Path, edit: tuple[str, str]) -> None:
    """Whatever its rule or its actions can reach in their file, and whom it spares."""
    assert fingerprint(home, edited(edit)) != fingerprint(home)


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=HARMLESS)
def test_what_changes_nothing_keeps_the_fingerprint(home: Path, edit: tuple[str, str]) -> None:
    """Trust is not lost for a comment, another policy, or for when and how many."""
    assert fingerprint(home, edited(edit)) == fingerprint(home)


@pytest.mark.parametrize(("file", "edit"), [("small.py", ("71", "72")), ("large/inner.py", ("81", "82"))])
def test_an_imported_helper_changes_the_fingerprint(home: Path, file: str, edit: tuple[str, str]) -> None:
    """A package that is neither Python's nor the product's counts by all of its text, however deep."""
    before = fingerprint(home)
    path = home / "packages" / file
    path.write_text(path.read_text().replace(*edit))
    assert fingerprint(home) != before


def test_every_process_reads_the_same(home: Path) -> None:
    """Whatever order its sets are in, and wherever things are in its memory; and so does one that is given the text."""
    expected = fingerprint(home)
    script = (
        "from pathlib import Path; from cloudwarden.loading import load; "
        f"print(load(Path({str(home / 'policies')!r}), {{}}).policies['big'].fingerprint)"
    )
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(home / "packages")}
        found = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == expected
    text = PolicyText(path=Path("elsewhere.py"), content=POLICY.encode())
    assert rebuilt([text], {})["big"].fingerprint == expected


def test_a_fingerprint_is_of_what_was_loaded(home: Path) -> None:
    """What a rule changes while it runs is not another version."""
    text = POLICY.replace("def unrelated", "def spoil() -> None:\n    KINDS.clear()\n\n\ndef unrelated")
    before = fingerprint(home, text)
    policy = load(home / "policies", {}).policies["big"]
    policy.rule.function.__globals__["spoil"]()
    assert policy.fingerprint == replace(policy, severity=Severity.HIGH).fingerprint == before


def test_what_cannot_be_read_is_a_problem_of_its_file(home: Path) -> None:
    """A policy whose versions nobody can tell apart does not run."""
    deep = "DEEP = []\nfor _ in range(100_000):\n    DEEP = [DEEP]\n\n\n@rule\n@counted(9)"
    text = edited(("@rule\n@counted(9)", deep)).replace("if not helper(instance) or", "if DEEP or")
    (home / "policies" / "big.py").write_text(text)
    (problem,) = load(home / "policies", {}).problems
    assert "RecursionError" in problem.what
