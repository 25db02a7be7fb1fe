"""An edit of the settings file is noticed, and holds what it is about until the daemon is started anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudwarden.engine.events import SettingsEdited
from cloudwarden.in_force import InForce
from cloudwarden.settings import load_settings
from reports import Reports

FREEZE = "[[freeze]]\nbegins = 2026-12-20T00:00:00Z\nuntil = 2026-12-27T00:00:00Z\nreason = 'x'\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of settings."""
    file = tmp_path / "cloudwarden.toml"
    file.write_text("threads = 4\n")
    return file


@pytest.fixture
def reports() -> Reports:
    """What is told."""
    return Reports()


@pytest.fixture
def in_force(file: Path, reports: Reports) -> InForce:
    """What watches over it, as the daemon has it since it started."""
    return InForce(load_settings(file), read=load_settings, reporter=reports)


def edited(reports: Reports) -> list[tuple[str, ...]]:
    """Which settings were told to differ, each time."""
    return [one.differing for one in reports.of(SettingsEdited) if isinstance(one, SettingsEdited)]


def test_what_was_not_edited_is_in_force(in_force: InForce, reports: Reports, file: Path) -> None:
    """A comment changes nothing."""
    file.write_text("# four\nthreads = 4\n")
    in_force.look()
    assert (in_force.doubt(), in_force.details(), edited(reports)) == (None, {}, [])


def test_an_edit_holds_before_it_is_read(in_force: InForce, file: Path) -> None:
    """A sweep may take minutes, and what it finds is acted on before the file is read again."""
    file.write_text("threads = 5\n")
    assert "not read yet" in (in_force.doubt() or "")
    in_force.look()
    assert in_force.doubt() is None


@pytest.mark.parametrize(
    "edit",
    [
        'database = "sqlite:///other.db"\n',
        FREEZE,
        'ceiling = "observe"\n',
        '[protect]\ntags = ["env=prod"]\n',
        '[aws]\nregions_exclude = ["eu-*"]\n',
    ],
)
def test_an_edit_of_what_may_be_done_holds(in_force: InForce, reports: Reports, file: Path, edit: str) -> None:
    """It is told once, and no more when it is taken back."""
    before = file.read_text()
    file.write_text(f"threads = 4\n{edit}")
    in_force.look()
    in_force.look()
    assert "restart the daemon" in str(in_force.doubt())
    assert in_force.details()["settings"] == f"nothing is done: {in_force.doubt()}"
    assert "not in force" in in_force.details()["settings"]
    file.write_text(before)
    in_force.look()
    assert in_force.doubt() is None
    assert [len(each) for each in edited(reports)] == [1, 0]


def test_an_edit_of_other_things_is_only_told(in_force: InForce, reports: Reports, file: Path) -> None:
    """How many threads there are holds no action."""
    file.write_text("threads = 5\n")
    in_force.look()
    assert (in_force.doubt(), edited(reports)) == (None, [("threads",)])
    assert "threads" in in_force.details()["settings"]


def test_a_broken_edit_holds(in_force: InForce, reports: Reports, file: Path) -> None:
    """It may be a freeze that nobody can read."""
    file.write_text("[[freeze]\n")
    in_force.look()
    assert "nobody can tell" in str(in_force.doubt())
    (told,) = reports.of(SettingsEdited)
    assert isinstance(told, SettingsEdited)
    assert told.problem


def test_a_file_that_is_gone_holds(in_force: InForce, file: Path) -> None:
    """What it said may have been what held things back; without it, nobody can tell what shall."""
    file.unlink()
    in_force.look()
    assert in_force.doubt() is not None


def test_without_a_file_there_is_nothing_to_edit(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the environment alone cannot change under a process."""
    monkeypatch.delenv("CLOUDWARDEN_CONFIG", raising=False)
    in_force = InForce(
        load_settings(Path("/dev/null")).stating(file=None, origins={}), read=load_settings, reporter=reports
    )
    in_force.look()
    assert (in_force.doubt(), edited(reports)) == (None, [])
