"""What the composition root joins."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudwarden import ENFORCE
from cloudwarden.app import build
from cloudwarden.core.acceptance import Discovery
from cloudwarden.engine.survey import Assignment, Survey
from cloudwarden.settings import Settings
from cloudwarden.settings.journal import JournalSettings
from world import SCOPE, stop_idle


class Discovering:
    """Sessions that say that they live while they discover."""

    def discover(self, alive: Callable[[], None]) -> Discovery:
        """Nothing."""
        alive()
        return Discovery(scopes=())


def test_the_daemon_lives_while_scopes_are_discovered(tmp_path: Path) -> None:
    """It is not ended by its watchdog for that."""
    app = build(Settings(database=f"sqlite:///{tmp_path}/cloudwarden.db"), begins=True)
    beats: list[int] = []
    app.alive = lambda: beats.append(1)
    vars(app)["sessions"] = Discovering()
    try:
        assert app.enroller.known()
    finally:
        app.close()
    assert beats


class Told:
    """Sessions that know a role, and workers that keep what they are given."""

    def __init__(self) -> None:
        self.given: list[Assignment] = []

    def role(self, account: str) -> str:
        """A role of any account."""
        return f"arn:aws:iam::{account}:role/found"

    def survey(self, assignments: list[Assignment], _policies: object) -> list[Survey]:
        """Nothing."""
        self.given += assignments
        return []

    def close(self) -> None:
        """Nothing to end."""


def test_workers_are_told_the_role_that_was_found(tmp_path: Path) -> None:
    """They discover none themselves."""
    app = build(Settings(database=f"sqlite:///{tmp_path}/cloudwarden.db", workers=2), begins=True)
    told = vars(app)["sessions"] = vars(app)["workers"] = Told()
    try:
        app.survey([Assignment(run_id="r", scope=SCOPE, policies=())], {})
    finally:
        app.close()
    assert [one.role for one in told.given] == [told.role(SCOPE.account)]


@pytest.mark.parametrize("scope", [SCOPE, None], ids=["not accepted", "not told"])
def test_where_nobody_accepted_anything_policies_only_observe(tmp_path: Path, scope: object) -> None:
    """And where nobody knows where it is."""
    app = build(Settings(database=f"sqlite:///{tmp_path}/cloudwarden.db", ceiling=ENFORCE), begins=True)
    try:
        assert str(app.mode_of(stop_idle(), scope)) == "observe"  # type: ignore[arg-type]
        lasting = str(app.lasting_mode_of(stop_idle(), scope))  # type: ignore[arg-type]
        assert lasting == ("observe" if scope else "propose"), "what nobody knows undoes no word"
    finally:
        app.close()


def test_nothing_is_done_before_the_journals_copy_was_compared(tmp_path: Path) -> None:
    """Where it cannot be read at the start, an approved action waits, and an undo too; a sweep does not."""
    copy = tmp_path / "late" / "journal.jsonl"
    settings = Settings(database=f"sqlite:///{tmp_path}/cloudwarden.db", journal=JournalSettings(ship_to=str(copy)))
    app = build(settings, begins=True)
    try:
        assert app.shipper is not None
        app.shipper.turn()
        assert "was not compared yet" in str(app.standstill())
        copy.parent.mkdir()
        app.shipper.turn()
        assert app.standstill() is None
    finally:
        app.close()


class Here:
    """A surveyor that says on which cores it works."""

    def __init__(self) -> None:
        self.cores: list[set[int]] = []

    def survey(self, _assignments: list[Assignment], _policies: object) -> list[Survey]:
        """Nothing."""
        self.cores.append(os.sched_getaffinity(0))
        return []


def test_what_one_process_reads_by_itself_it_reads_on_one_core(tmp_path: Path) -> None:
    """Its threads would wake one another across cores; when they have ended, the process has all of them again."""
    app = build(Settings(database=f"sqlite:///{tmp_path}/cloudwarden.db", workers=1), begins=True)
    vars(app)["surveyor"] = here = Here()
    before = os.sched_getaffinity(0)
    assert list(app.survey([Assignment(run_id="r", scope=SCOPE, policies=())], {})) == []
    app.close()
    assert [len(one) for one in here.cores] == [1]
    assert os.sched_getaffinity(0) == before
