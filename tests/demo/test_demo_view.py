"""What the demo shows: verdicts, proposals, and lines that work when copied."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from cloudwarden.core.action import Plan
from cloudwarden.core.errors import SettingsError
from cloudwarden.core.finding import Proposal, ProposalState
from cloudwarden.core.policy import Mode
from cloudwarden.core.resource import Scope
from cloudwarden.demo.place import Place, place, policies_directory
from cloudwarden.demo.view import Board, View, folded
from cloudwarden.engine.events import DaemonStarted, LimitTripped, PolicyJudged
from cloudwarden.settings import load_settings

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SCOPE = Scope(account="111122223333", region="eu-west-1")


def proposal(number: int, policy: str = "stop-idle-instances") -> Proposal:
    """A pending proposal."""
    return Proposal(
        id=f"p-{number}",
        finding_id=f"f-{number}",
        policy=policy,
        scope=SCOPE,
        resource_id=f"i-{number}",
        plan=Plan(action="stop-instance", summary=f"stop instance i-{number}", steps=()),
        state=ProposalState.PENDING,
        created_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )


def drawn(view: View) -> str:
    """The view on a terminal of 120 columns."""
    console = Console(width=120, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(view.render())
    console.file.close()
    return console.export_text()


def view(board: Board, *pending: Proposal) -> View:
    """A view of a board, with these proposals waiting."""
    return View(board, Place(settings=Path("/tmp/demo/demo.toml")), lambda: pending, "an estate")  # noqa: S108


def test_the_view_gives_the_lines_to_copy() -> None:
    """One approves the first proposal with the demo's own settings, one reads the metrics."""
    board = Board(lambda: NOW)
    board.report(DaemonStarted(version="1", address="http://127.0.0.1:1234"))
    shown = drawn(view(board, proposal(1)))
    assert "--config /tmp/demo/demo.toml approve p-1" in " ".join(shown.replace("\\", "").split())
    assert "curl http://127.0.0.1:1234/metrics" in shown


def test_a_command_too_long_for_the_terminal_can_still_be_copied() -> None:
    """A shell reads the folded lines as one command, and each fits the terminal."""
    command = "cloudwarden --config /tmp/a-directory/demo.toml trust close-open-security-groups"
    lines = folded(command, 50).splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 50
    echoed = subprocess.run(["sh", "-c", f"echo {folded(command, 50)}"], capture_output=True, text=True, check=True)
    assert echoed.stdout == f"{command}\n"


def test_the_view_counts_verdicts_and_says_why_some_are_unknown() -> None:
    """The latest sweep of a policy is a row."""
    board = Board(lambda: NOW)
    judged = PolicyJudged(
        run_id="r-1",
        policy="stop-idle-instances",
        scope=SCOPE,
        verdicts={"compliant": 36, "unknown": 10},
        unknown={"not-enough-data": 10},
        population=46,
        seconds=0.1,
    )
    board.report(judged)
    (row,) = [line for line in drawn(view(board)).splitlines() if "stop-idle-instances" in line]
    assert row.split() == ["stop-idle-instances", "36", "0", "10", "not-enough-data", "(10)"]


def test_proposals_of_every_policy_are_among_those_shown() -> None:
    """Many of one policy do not hide the one of another."""
    many = [proposal(number) for number in range(9)]
    shown = drawn(view(Board(lambda: NOW), *many, proposal(99, policy="delete-unattached-volumes")))
    assert "p-99" in shown
    assert "10, 7 more not shown" in shown


def test_a_tripped_limit_is_news() -> None:
    """What held a whole batch is told with its time."""
    board = Board(lambda: NOW)
    board.report(LimitTripped(run_id="r-1", policy="stop-idle-instances", batch=6, detail="6 due, 5 allowed"))
    assert board.news() == ("12:00:00  LIMIT     stop-idle-instances: 6 due, 5 allowed",)


def test_the_settings_file_of_the_demo_is_one_that_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names what differs, and the environment of a real installation does not reach it."""
    monkeypatch.setenv("CLOUDWARDEN_DATABASE", "sqlite:////var/lib/cloudwarden/cloudwarden.db")
    with place("http://127.0.0.1:1", "eu-west-1", host="127.0.0.1", port=0, every="5s", grace="10s") as here:
        settings = load_settings(here.settings)
        assert settings.database == f"sqlite:///{here.settings.parent}/demo.db"
        assert settings.policy["close-open-security-groups"].mode is Mode.ENFORCE
        assert settings.policy["stop-idle-instances"].grace == timedelta(seconds=10)
    assert not here.settings.parent.exists()


def test_missing_policies_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installed package has no policies beside it: the message says where to run the demo."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="run it in a checkout"):
        policies_directory(tmp_path / "site-packages")
