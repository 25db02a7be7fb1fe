"""Backup, restore, and a copy beside the store, on the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import Result

from cloudwarden.clock import SystemClock
from cloudwarden.core.finding import Finding
from cloudwarden.keeping.file_copy import FileCopy
from cloudwarden.keeping.shipper import Shipper
from cloudwarden.ports import Restoration
from cloudwarden.store import SqlStore, own
from cloudwarden.store.segments import export_oldest
from journals import append
from stub_sessions import Heard
from unwritten_logs import leave_logs

Keep = Callable[..., Finding]
Cli = Callable[..., Result]


@pytest.fixture
def copy(home: Path) -> Path:
    """Where the installation ships its journal to."""
    file = home / "copy.jsonl"
    with (home / "cloudwarden.toml").open("a") as settings:
        settings.write(f'\n[journal]\nship_to = "{file}"\n')
    return file


def ship(store: SqlStore, file: Path) -> None:
    """What the daemon does every two seconds."""
    shipper = Shipper(store=store, copy=FileCopy(file), target=str(file), clock=SystemClock(), reporter=Heard())
    while shipper.turn():
        pass


def test_a_store_is_backed_up_and_restored(cli: Cli, keep: Keep, store: SqlStore, home: Path) -> None:
    """What was decided after the backup is not there any more, which is said; everything is paused and asked again."""
    keep("i-1")
    append(store, 3, datetime.now(UTC))
    made = json.loads(cli("backup", str(home / "b.db"), "--json").stdout)
    assert (made["journal"]["ok"], made["journal"]["entries"]) == (True, 3)
    assert cli("approve", "p-i-1", "--reason", "nobody uses it").exit_code == 0
    store.close()
    result = cli("restore", str(home / "b.db"), "--reason", "the disk died", "--by", "ada")
    assert result.exit_code == 0
    assert "ends with entry 3" in result.stdout
    assert "the database until now knows 1 entries beyond it" in result.stdout
    assert "1 proposal_approved" in result.stdout
    assert "everything is paused and no policy is trusted" in result.stdout
    assert json.loads(cli("proposals", "--json").stdout) == []
    (held,) = json.loads(cli("pauses", "--json").stdout)
    assert "restored from" in held["reason"]
    assert "restored from" in cli("findings").stderr
    assert cli("journal", "verify").exit_code == 0
    (aside,) = home.glob("cloudwarden.db.before-restore-*")
    assert str(aside) in result.stdout


def test_that_the_store_was_put_back_in_silence_is_said(cli: Cli, store: SqlStore) -> None:
    """By the verb that shows what is known, as after a restoration."""
    now = datetime.now(UTC)
    with store.transaction() as tx:
        tx.keeping.save_restoration(
            Restoration(at=now, by="cloudwarden", origin="", reason="", file="", sha256="", seq=7)
        )
    assert "the store was found to be put back in silence at" in cli("findings").stderr


def test_a_running_daemon_is_not_restored_under(cli: Cli, store: SqlStore, home: Path) -> None:
    """It would go on with what it knows, into a file that nobody reads."""
    cli("backup", str(home / "b.db"))
    with own(f"sqlite:///{home}/cloudwarden.db"):
        result = cli("restore", str(home / "b.db"), "--reason", "lost")
    assert result.exit_code == 4
    assert "another daemon" in result.stderr
    assert not list(home.glob("*.before-restore-*"))


def test_a_bad_backup_leaves_the_database_as_it_is(cli: Cli, keep: Keep, home: Path) -> None:
    """Refused with what to do, before anything is touched."""
    keep("i-1")
    (home / "b.db").write_text("not a database, by any means\n" * 1000)
    result = cli("restore", str(home / "b.db"), "--reason", "lost")
    assert (result.exit_code, "not a database" in result.stderr) == (4, True)
    assert len(json.loads(cli("findings", "--json").stdout)) == 1
    assert not list(home.glob("*restor*"))


def test_a_restoration_that_could_not_be_written_leaves_the_database_as_it_is(
    cli: Cli, store: SqlStore, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk, say: the backup alone in its place would be neither paused nor asked again."""
    assert cli("backup", str(home / "b.db")).exit_code == 0
    store.close()
    before = (home / "cloudwarden.db").read_bytes()
    with monkeypatch.context() as bad_day:
        leave_logs(bad_day)
        result = cli("restore", str(home / "b.db"), "--reason", "lost")
    assert result.exit_code == 4
    assert "has room" in result.stderr
    assert (home / "cloudwarden.db").read_bytes() == before
    assert not list(home.glob("*.before-restore-*"))


def test_a_lost_database_is_restored(cli: Cli, store: SqlStore, home: Path) -> None:
    """Damaged or gone: what is there is kept, log and all."""
    append(store, 3, datetime.now(UTC))
    cli("backup", str(home / "b.db"))
    store.close()
    (home / "cloudwarden.db").write_bytes(b"\xa5" * 8192)
    assert cli("findings").exit_code == 4
    result = cli("restore", str(home / "b.db"), "--reason", "lost")
    assert result.exit_code == 0, result.stderr
    assert "the database until now knows beyond it nobody can tell" in result.stdout
    assert cli("findings").exit_code == 2
    (home / "cloudwarden.db").unlink()
    assert cli("restore", str(home / "b.db"), "--reason", "lost", "--json").exit_code == 0
    assert cli("journal", "verify").stdout == "the journal is whole: 4 entries\n"


def test_a_restoration_tells_what_the_copy_knows(cli: Cli, store: SqlStore, home: Path, copy: Path) -> None:
    """Even when the database is gone: so many entries of which the backup knows nothing, and what they were."""
    append(store, 3, datetime.now(UTC))
    ship(store, copy)
    cli("backup", str(home / "b.db"))
    assert cli("pause", "--reason", "a freeze").exit_code == 0
    ship(store, copy)
    store.close()
    (home / "cloudwarden.db").unlink()
    result = cli("restore", str(home / "b.db"), "--reason", "lost")
    assert f"the journal's copy at {copy} knows 1 entries beyond it" in result.stdout
    assert "1 paused" in result.stdout
    verified = cli("journal", "verify", "--copy", str(copy))
    assert verified.exit_code == 0, verified.stdout
    assert "1 entries are in the copy alone: a restoration left them behind" in verified.stdout


def test_a_restoration_tells_what_was_exported_since(cli: Cli, store: SqlStore, home: Path) -> None:
    """The database until now has no such entry any more, and its file does; where that is not there, it is said."""
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    append(store, 3, long_ago)
    cli("backup", str(home / "b.db"))
    with store.transaction() as tx:
        tx.journal.append(at=long_ago, event="paused", details={"by": "ada"})
    append(store, 1000, long_ago)
    exported = export_oldest(store, home / "journal", before=datetime.now(UTC), now=datetime.now(UTC))
    assert exported is not None
    store.close()
    shutil.copy(home / "cloudwarden.db", home / "kept.db")
    assert "1 paused" in cli("restore", str(home / "b.db"), "--reason", "lost").stdout
    shutil.move(home / "kept.db", home / "cloudwarden.db")
    (home / "journal" / exported.file).rename(home / exported.file)
    told = cli("restore", str(home / "b.db"), "--reason", "lost").stdout
    assert f"beside these nobody can tell all: entries 4 to 1000 are in {exported.file}" in told


def test_a_store_that_was_put_back_is_found_by_its_copy(cli: Cli, store: SqlStore, home: Path, copy: Path) -> None:
    """Past the verb: the chain of what is there verifies, and only the copy knows better."""
    append(store, 3, datetime.now(UTC))
    ship(store, copy)
    cli("backup", str(home / "b.db"))
    append(store, 4, datetime.now(UTC))
    ship(store, copy)
    store.close()
    (home / "cloudwarden.db").write_bytes((home / "b.db").read_bytes())
    for log in home.glob("cloudwarden.db-*"):
        log.unlink()
    assert cli("journal", "verify").exit_code == 0
    result = cli("journal", "verify", "--copy", str(copy))
    assert result.exit_code == 4
    assert "THE STORE WAS PUT BACK TO AN EARLIER STATE" in result.stdout


def test_a_copy_is_compared_in_json(cli: Cli, store: SqlStore, copy: Path) -> None:
    """For whoever checks it every night."""
    append(store, 3, datetime.now(UTC))
    ship(store, copy)
    told = json.loads(cli("journal", "verify", "--copy", str(copy), "--json").stdout)
    assert told["copy"] == {"ok": True, "entries": 3, "unshipped": 0, "left_behind": 0, "what": ""}


def test_a_backup_of_nothing_is_refused(cli_without_store: Cli, home: Path) -> None:
    """A wrong path must not look like a backup."""
    result = cli_without_store("backup", str(home / "b.db"))
    assert (result.exit_code, "no database to back up" in result.stderr) == (64, True)
    assert f"what `database` in {home}/cloudwarden.toml names" in result.stderr
    assert not (home / "cloudwarden.db").exists()
