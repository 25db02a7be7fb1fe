"""What the demo shows: verdicts, proposals, and lines that work when copied."""

from __future__ import annotations

import io
import shlex
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cloudwarden.core.action import Plan
from cloudwarden.core.errors import SettingsError
from cloudwarden.core.finding import Finding, Proposal, ProposalState, State
from cloudwarden.core.message import Message
from cloudwarden.core.pause import Pause
from cloudwarden.core.policy import Mode
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.demo.board import Board
from cloudwarden.demo.place import Place, place, policies_directory
from cloudwarden.demo.telling import told
from cloudwarden.demo.view import Known, View, commands, folded, held_back
from cloudwarden.engine.events import (
    DaemonStarted,
    LimitTripped,
    NoticesDelivered,
    NoticesFailed,
    PauseBegan,
    PauseEnded,
    PoliciesLoaded,
    PolicyJudged,
    ProposalMade,
)
from cloudwarden.notify.channels import AppriseChannels
from cloudwarden.settings import load_settings
from happenings import finding as made

PLACE = Place(settings=Path("/tmp/demo/demo.toml"))  # noqa: S108
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


def finding(number: int, **changes: Any) -> Finding:
    """An open finding of stop-idle-instances."""
    return made(id=f"f-{number}", resource_id=f"i-{number}", policy="stop-idle-instances", **changes)


def judged(**changes: Any) -> PolicyJudged:
    """stop-idle-instances was judged on 46 instances."""
    fields: dict[str, Any] = {
        "run_id": "r-1",
        "policy": "stop-idle-instances",
        "kind": "ec2.instance",
        "scope": SCOPE,
        "verdicts": {"compliant": 36, "unknown": 10},
        "unknown": {"not-enough-data": 10},
        "population": 46,
        "seconds": 0.1,
    }
    return PolicyJudged(**fields | changes)


def view(board: Board, *pending: Proposal, findings: Sequence[Finding] = ()) -> View:
    """A view of a board, with these proposals waiting and these findings standing."""
    known = Known(pending=pending, findings=findings)
    return View(board, PLACE, lambda: known, "an estate")


def drawn(view: View, width: int = 120, height: int = 40) -> str:
    """The view on a terminal."""
    console = Console(width=width, height=height, record=True, file=io.StringIO())
    console.print(view)
    return console.export_text()


def busy(*, pending: int = 45) -> View:
    """A view with more of everything than any terminal shows."""
    board = Board(lambda: NOW)
    board.report(DaemonStarted(version="1", address="http://127.0.0.1:12345"))
    for policy in range(6):
        board.report(judged(policy=f"require-owner-tags-on-security-{policy}"))
    for number in range(30):
        detail = f"{number} actions due and 0 taken since the last sweep, 5 allowed: none is taken"
        board.report(LimitTripped(run_id="r-1", policy="stop-idle-instances", batch=6, detail=detail))
    held = [finding(number, held=f"exemption: x-{number} by the owner of it, for a reason") for number in range(40)]
    return view(board, *(proposal(number) for number in range(pending)), findings=held)


SIZES = pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 50)])


@SIZES
def test_the_picture_fits_the_terminal_and_fills_it(width: int, height: int) -> None:
    """Nothing scrolls away, nothing is cut at the edge, and no room is left while there is more to say."""
    lines = [line.plain for line in busy().lines(width, height)]
    assert height - 4 <= len(lines) < height
    assert max(map(len, lines)) <= width
    assert max(map(len, lines)) > width * 0.8


@SIZES
def test_every_section_is_on_every_terminal(width: int, height: int) -> None:
    """With at least one entry, and the number of those that do not fit."""
    shown = drawn(busy(), width, height)
    for text in ("Waiting for a person's approval (45", "Verdicts", "Held, and why (46", "Latest"):
        assert text in shown
    assert "exemption: x-" in shown
    assert "29 actions due" in shown


@SIZES
def test_nothing_stands_beside_what_is_to_be_copied(width: int, height: int) -> None:
    """Whole rows, since a terminal copies whole rows; a shell takes folded ones for one command."""
    lines = [line.plain.rstrip() for line in busy().lines(width, height)]
    joined = "\n".join(lines).replace(" \\\n  ", " ").splitlines()
    for words in ("approve p-0 --reason looked", "trust close-open-security-groups --reason looked", "proposals"):
        (line,) = [line for line in joined if line.endswith(f"--config /tmp/demo/demo.toml {words}")]
        assert len(shlex.split(line)) == 3 + len(words.split())
    assert "curl http://127.0.0.1:12345/metrics" in joined


def test_the_view_gives_the_lines_to_copy() -> None:
    """One approves the first proposal with the demo's own settings, one reads the metrics."""
    board = Board(lambda: NOW)
    board.report(DaemonStarted(version="1", address="http://127.0.0.1:1234"))
    shown = drawn(view(board, proposal(1)))
    assert "--config /tmp/demo/demo.toml approve p-1" in " ".join(shown.replace("\\", "").split())
    assert "curl http://127.0.0.1:1234/metrics" in shown


def test_a_line_to_copy_begins_as_this_process_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script, or the package by its name: its own file is no program."""
    here = Place(settings=Path("/tmp/demo.toml"))  # noqa: S108  # named, not made
    for started, begins in (
        ("/opt/bin/cloudwarden", "/opt/bin/cloudwarden --config"),
        ("/opt/cloudwarden/__main__.py", "/opt/bin/python -m cloudwarden --config"),
    ):
        monkeypatch.setattr("sys.argv", [started])
        monkeypatch.setattr("sys.executable", "/opt/bin/python")
        assert here.command("proposals").startswith(begins)


def test_a_line_that_reads_the_estate_brings_its_credentials() -> None:
    """A shell has none, or real ones, which sign nothing that goes to the demo."""
    (line,) = (one for one in commands(PLACE, "", [proposal(1)]) if " explain " in one)
    assert line.startswith("AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo AWS_DEFAULT_REGION=eu-west-1 AWS_SESSION")
    assert line.endswith("--config /tmp/demo/demo.toml explain stop-idle-instances i-1")


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
    board.report(judged())
    shown = drawn(view(board)).splitlines()
    assert ["stop-idle-instances", "36", "0", "10"] in [line.split() for line in shown]
    assert "  10  stop-idle-instances: cannot tell: not-enough-data" in shown


def test_what_was_not_read_is_not_counted_as_nothing() -> None:
    """A failed listing is no listing of nothing, on the screen too."""
    board = Board(lambda: NOW)
    board.report(judged(verdicts={}, unknown={}, population=None))
    assert ["stop-idle-instances", "?", "?", "?"] in [line.split() for line in drawn(view(board)).splitlines()]


def test_what_is_held_is_told_with_why_and_how_often() -> None:
    """What a person can mend comes first; what only observes, last."""
    board = Board(lambda: NOW)
    board.report(
        PoliciesLoaded(
            policies=(("stop-idle-instances", "propose"), ("tags", "observe")), problems=(), kinds=frozenset()
        )
    )
    findings = [
        made(id="f-9", policy="tags"),
        finding(1, state=State.EXEMPTED, held="tag keep-running"),
        finding(2, state=State.EXEMPTED, held="tag keep-running"),
        finding(3),
        finding(4, unknown=Cause(reason="throttled", detail="page 2")),
        finding(5, state=State.APPROVED, held="limit: 6 due, 5 allowed"),
        finding(6, state=State.PROPOSED),
    ]
    assert held_back(findings, board) == [
        "   1  stop-idle-instances: limit: 6 due, 5 allowed",
        "   1  stop-idle-instances: cannot tell now: throttled: page 2",
        "   2  stop-idle-instances: exempted by tag keep-running",
        "   1  stop-idle-instances: grace: watched before it is due",
        "   1  tags: the policy only observes",
    ]


def test_news_of_the_same_kind_in_a_row_is_one_line() -> None:
    """Forty proposals at once do not push everything else away."""
    board = Board(lambda: NOW)
    for number in range(3):
        board.report(ProposalMade(run_id="r-1", proposal=proposal(number)))
    board.report(ProposalMade(run_id="r-1", proposal=proposal(9, policy="delete-unattached-volumes")))
    assert board.news() == (
        "12:00:00  proposed  p-0: stop instance i-0 (and 2 more)",
        "12:00:00  proposed  p-9: stop instance i-9",
    )


def test_proposals_of_every_policy_are_among_those_shown() -> None:
    """Many of one policy do not hide the one of another."""
    many = [proposal(number) for number in range(20)]
    shown = drawn(view(Board(lambda: NOW), *many, proposal(99, policy="delete-unattached-volumes")), 80, 24)
    assert "p-99" in shown
    assert "more not shown" in shown


def test_a_tripped_limit_is_news() -> None:
    """What held a whole batch is told with its time."""
    board = Board(lambda: NOW)
    board.report(LimitTripped(run_id="r-1", policy="stop-idle-instances", batch=6, detail="6 due, 5 allowed"))
    assert board.news() == ("12:00:00  LIMIT     stop-idle-instances: 6 due, 5 allowed",)


def test_a_pause_is_news() -> None:
    """Whoever tries the switch beside the demo sees that it holds, and when it does no more."""
    board = Board(lambda: NOW)
    switch = Pause(by="ada", at=NOW, reason="all stop")
    board.report(PauseBegan(pause=switch))
    board.report(PauseEnded(pause=switch))
    assert board.news() == (f"12:00:00  PAUSED    {switch}", "12:00:00  resumed   everything")


def test_the_settings_file_of_the_demo_is_one_that_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names what differs, and the environment of a real installation does not reach it."""
    monkeypatch.setenv("CLOUDWARDEN_DATABASE", "sqlite:////var/lib/cloudwarden/cloudwarden.db")
    with place("http://127.0.0.1:1", "eu-west-1", host="127.0.0.1", port=0, every="5s", grace="10s") as here:
        settings = load_settings(here.settings)
        assert settings.database == f"sqlite:///{here.settings.parent}/demo.db"
        assert settings.policy["close-open-security-groups"].mode is Mode.ENFORCE
        assert settings.policy["stop-idle-instances"].grace == timedelta(seconds=10)
        assert settings.policy["delete-unattached-volumes"].notice is not None
    assert not here.settings.parent.exists()


def test_what_an_owner_is_told_is_a_file_to_read() -> None:
    """By the channel of the demo's own settings, and its line to copy is there as soon as it came."""
    with place("http://127.0.0.1:1", "eu-west-1", host="127.0.0.1", port=0, every="5s", grace="10s") as here:
        settings = load_settings(here.settings)
        url = settings.channels["mailbox"].url.get_secret_value()
        assert not [line for line in commands(here, "", []) if line.startswith("cat ")]
        AppriseChannels({"mailbox": lambda: url}).send("mailbox", Message(title="Ahead", body="vol-1 is deleted"))
        (line,) = (line for line in commands(here, "", []) if line.startswith("cat "))
        assert Path(line.removeprefix("cat ")).read_text() == "Ahead\n\nvol-1 is deleted\n"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            NoticesDelivered(channel="mailbox", owner="data", notices=3, findings=("f-1", "f-2", "f-3")),
            "told      data, by the channel mailbox: what is ahead for 3 findings",
        ),
        (
            NoticesFailed(channel="", owner="", notices=1, attempts=1, detail="no owner is known"),
            "untold    no owner, so nothing is done: no owner is known",
        ),
    ],
)
def test_whom_it_tells_is_news(event: object, line: str) -> None:
    """And whom it could not tell."""
    assert told(event) == line


def test_missing_policies_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installed package has no policies beside it: the message says where to run the demo."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="run it in a checkout"):
        policies_directory(tmp_path / "site-packages")
