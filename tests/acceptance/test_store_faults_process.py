"""Bad days of the database, for the daemon as a process and for the verbs: refused with what to do, never made anew."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudwarden.store import open_store
from copies import NOON
from fault_proxy import FaultProxy
from installation import Installation, until
from journals import append


def made(file: Path) -> None:
    """A database with some pages."""
    store = open_store(f"sqlite:///{file}")
    append(store, 500, NOON)
    store.close()


def damaged(file: Path) -> None:
    """Pages overwritten in the middle."""
    made(file)
    content = bytearray(file.read_bytes())
    middle = len(content) // 8192 * 4096
    content[middle : middle + 16384] = b"\xa5" * 16384
    file.write_bytes(content)


def newer(file: Path) -> None:
    """The schema of a later version."""
    made(file)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")


def log_alone(file: Path) -> None:
    """A log whose database is gone."""
    file.with_name(f"{file.name}-wal").write_bytes(b"x" * 4096)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "damaged": (damaged, "the file is damaged"),
    "empty": (Path.touch, "the file is empty"),
    "text": (lambda file: file.write_text("policies\n" * 1000), "not a database"),
    "directory": (Path.mkdir, "is a directory: set `database` to a file in it"),
    "newer": (newer, "last used by a newer Cloudwarden"),
    "log-alone": (log_alone, "the file is missing, and its log"),
    "foreign": (lambda file: sqlite3.connect(file).executescript("CREATE TABLE songs (title)"), "another program's"),
}


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, but for the lock."""
    files = (one for one in folder.iterdir() if one.is_file() and not one.name.endswith((".lock", "-shm")))
    return {one.name: one.read_bytes() for one in files}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_database_is_refused_at_the_start(installation: Installation, bad: str) -> None:
    """What, where and what to do, in a line; not a byte of it changes."""
    harm, what = BAD[bad]
    folder = installation.folder / "state"
    folder.mkdir()
    harm(folder / "cloudwarden.db")
    installation.set(f'database = "sqlite:///{folder}/cloudwarden.db"')
    before = content(folder)
    refused = installation.verb("run")
    assert refused.exit_code == 4, refused.output
    assert what in refused.stderr
    assert str(folder / "cloudwarden.db") in refused.stderr
    assert "Traceback" not in refused.stderr
    assert content(folder) == before


def test_a_missing_directory_is_said(installation: Installation) -> None:
    """A disk that is not mounted must not become a new database."""
    installation.set(f'database = "sqlite:///{installation.folder}/absent/cloudwarden.db"')
    refused = installation.verb("run")
    assert refused.exit_code == 4
    assert f"{installation.folder}/absent exists" in refused.stderr
    assert not (installation.folder / "absent").exists()


def proposed(installation: Installation) -> Path:
    """A daemon that has a proposal; its database."""
    installation.start()
    until(lambda: "proposed" in installation.states(), "a proposal")
    return installation.folder / "cloudwarden.db"


def test_a_file_that_is_deleted_under_the_daemon_is_noticed(
    proxy: FaultProxy, installation: Installation, idle_instance: str
) -> None:
    """Nothing acts and no other file is made; not ready, alive, with what to do. Put back, it goes on."""
    database = proposed(installation)
    away = database.rename(installation.folder / "away.db")
    until(lambda: installation.get("/readyz")[0] == 503, "not ready")
    assert "deleted or moved while it was used: put it back" in installation.get("/readyz")[1]
    assert installation.get("/healthz")[0] == 200
    assert not database.exists()
    away.rename(database)
    until(lambda: installation.get("/readyz")[0] == 200, "ready again")
    installation.approve()
    until(lambda: installation.states() == ["fixed"], "and at work")
    assert proxy.counts["StopInstances"] == 1


def test_damage_under_the_daemon_stops_it_from_acting(
    proxy: FaultProxy, installation: Installation, idle_instance: str
) -> None:
    """An approved action is not carried out of a database that broke; it says so, and the restart refuses it."""
    database = proposed(installation)
    process = installation.processes[-1]
    process.send_signal(signal.SIGSTOP)
    installation.approve()
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    broken = bytearray(database.read_bytes())
    broken[4096:] = b"\xa5" * (len(broken) - 4096)
    with database.open("r+b") as file:
        file.write(broken)
    process.send_signal(signal.SIGCONT)
    until(lambda: installation.get("/readyz")[0] == 503, "not ready")
    assert "damaged" in installation.get("/readyz")[1]
    assert proxy.counts["StopInstances"] == 0
    process.kill()
    process.wait(10)
    assert "damaged" in installation.cli("run").stderr
    assert database.read_bytes()[4096:8192] == b"\xa5" * 4096
