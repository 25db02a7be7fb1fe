"""That changes of policy files are noticed, whatever is done to their directory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from cloudwarden.loading import watch

SOON_SECONDS = 10.0
NOT_SECONDS = 0.9


@contextmanager
def watching(directory: Path, *, polling: bool | None = None) -> Iterator[threading.Event]:
    """An event that is set when a change is noticed; entered once the watch is known to be in place."""
    stop, changed = threading.Event(), threading.Event()
    thread = threading.Thread(target=watch, args=(directory, stop, changed.set), kwargs={"force_polling": polling})
    thread.start()
    try:
        for attempt in range(100):
            (directory / "probe.py").write_text(f"# {attempt}\n")
            if changed.wait(0.5):
                break
        while changed.is_set():
            changed.clear()
            changed.wait(0.5)
        yield changed
    finally:
        stop.set()
        thread.join(SOON_SECONDS)
        assert not thread.is_alive()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory of policies."""
    made = tmp_path / "policies"
    made.mkdir()
    (made / "a.py").write_text("a = 1\n")
    return made


@pytest.mark.parametrize("polling", [None, True])
def test_a_changed_file_is_noticed(directory: Path, polling: bool | None) -> None:  # noqa: FBT001
    """By the system's notice, or by polling where there is none."""
    with watching(directory, polling=polling) as changed:
        (directory / "a.py").write_text("a = 22\n")
        assert changed.wait(SOON_SECONDS)


def test_a_watch_that_breaks_is_made_anew(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the system's notices ended with: edits of a policy that nobody notices are the worst end."""
    made: list[object] = []

    def notify(*arguments: object) -> RustNotify:
        made.append(arguments)
        if len(made) == 1:
            raise WatchfilesRustInternalError("unknown")
        return RustNotify(*arguments)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr("watchfiles.main.RustNotify", notify)
    with watching(directory) as changed:
        (directory / "a.py").write_text("a = 22\n")
        assert changed.wait(SOON_SECONDS)
    assert len(made) > 1


def test_a_new_and_a_deleted_file_are_noticed(directory: Path) -> None:
    """Both change which policies run."""
    with watching(directory) as changed:
        (directory / "b.py").write_text("b = 1\n")
        assert changed.wait(SOON_SECONDS)
        changed.clear()
        (directory / "b.py").unlink()
        assert changed.wait(SOON_SECONDS)


def test_a_file_replaced_by_a_rename_is_noticed(directory: Path) -> None:
    """Which is how many editors save."""
    with watching(directory) as changed:
        (directory / "a.py.tmp").write_text("a = 2\n")
        (directory / "a.py.tmp").rename(directory / "a.py")
        assert changed.wait(SOON_SECONDS)


def test_other_files_are_not_noticed(directory: Path) -> None:
    """Neither an editor's litter nor what lies beside the directory, such as the database, causes a reload."""
    with watching(directory) as changed:
        (directory / "notes.txt").write_text("x")
        (directory / ".#a.py").write_text("x")
        (directory.parent / "cloudwarden.db").write_text("x")
        (directory.parent / "setup.py").write_text("x")
        assert not changed.wait(NOT_SECONDS)


def test_a_replaced_directory_is_watched_again(directory: Path) -> None:
    """A deployment that moves a new directory into place counts as a change, and later changes are seen too."""
    with watching(directory) as changed:
        new = directory.with_name("new")
        new.mkdir()
        (new / "a.py").write_text("a = 3\n")
        directory.rename(directory.with_name("old"))
        new.rename(directory)
        assert changed.wait(SOON_SECONDS)
        changed.clear()
        (directory / "a.py").write_text("a = 4\n")
        assert changed.wait(SOON_SECONDS)


def test_a_directory_that_comes_back_is_watched_again(directory: Path) -> None:
    """Even when it was away for longer than a moment."""
    with watching(directory) as changed:
        away = directory.rename(directory.with_name("away"))
        assert not changed.wait(NOT_SECONDS)
        away.rename(directory)
        assert changed.wait(SOON_SECONDS)


def test_a_swapped_link_to_a_directory_is_noticed(tmp_path: Path, directory: Path) -> None:
    """Releases are often switched by a link."""
    link, other = tmp_path / "current", tmp_path / "release-2"
    other.mkdir()
    (other / "a.py").write_text("a = 5\n")
    link.symlink_to(directory)
    with watching(link) as changed:
        (tmp_path / "next").symlink_to(other)
        (tmp_path / "next").rename(link)
        assert changed.wait(SOON_SECONDS)
        changed.clear()
        (other / "a.py").write_text("a = 6\n")
        assert changed.wait(SOON_SECONDS)


def test_a_swapped_data_link_inside_is_noticed(directory: Path) -> None:
    """A mounted ConfigMap changes by its `..data` link alone."""
    with watching(directory) as changed:
        (directory / "..next").symlink_to(directory.parent)
        (directory / "..next").rename(directory / "..data")
        assert changed.wait(SOON_SECONDS)
