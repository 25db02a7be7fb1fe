"""One daemon per store."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from cloudwarden.core.errors import AlreadyRunning, StoreUnwritable
from cloudwarden.store import own
from owning import holder


def test_a_second_process_is_refused(url: str, path: Path) -> None:
    """The message names who holds which file and what to do; when the holder is killed, the store is free."""
    with holder(url) as process:
        with pytest.raises(AlreadyRunning) as refused, own(url):
            pass
        process.kill()
    for part in (f"pid {process.pid}", str(path), f"{path}.lock", "stop it first"):
        assert part in str(refused.value)
    with own(url):
        assert path.with_name("cloudwarden.db.lock").read_text() == f"{os.getpid()}\n"


def test_a_second_owner_in_one_process_is_refused(url: str) -> None:
    """The lock belongs to who entered it, and ends with its block, even one that raises."""
    with pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}"), own(url), own(url):
        pass
    with own(url):
        pass


def test_a_relative_url_is_the_same_store(url: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ways to name one file do not make two stores."""
    monkeypatch.chdir(path.parent)
    with own(url), pytest.raises(AlreadyRunning), own("sqlite:///cloudwarden.db"):
        pass


def test_a_store_in_memory_is_always_free() -> None:
    """Each is its maker's own."""
    with own("sqlite://"), own("sqlite://"):
        pass


def test_a_place_without_a_directory_is_unwritable(tmp_path: Path) -> None:
    """The lock cannot be made where the database could not be."""
    with pytest.raises(StoreUnwritable, match="absent"), own(f"sqlite:///{tmp_path}/absent/cloudwarden.db"):
        pass


def test_a_lock_that_cannot_be_written_is_an_error_of_the_store(url: str) -> None:
    """On a full disk, say: the start ends with what to mend, and not with a traceback."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(StoreUnwritable, match="cannot be made"), own(url):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_lock_that_is_a_link_is_refused(url: str, path: Path) -> None:
    """Its directory belongs to the daemon's user, who would have root empty and give away any file."""
    victim = path.with_name("of-root")
    victim.write_text("kept")
    Path(f"{path}.lock").symlink_to(victim)
    with pytest.raises(StoreUnwritable, match="no link"), own(url):
        pass
    assert victim.read_text() == "kept"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_lock_made_by_root_is_left_to_the_owner(url: str, path: Path) -> None:
    """Of the directory as long as there is no database: after a restoration by root the daemon's user must lock it."""
    os.chown(path.parent, 12345, 12346)
    with own(url):
        pass
    status = Path(f"{path}.lock").stat()
    assert (status.st_uid, status.st_gid) == (12345, 12346)
