"""Bad days of a database: busy, read-only, full, damaged, foreign, newer."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from alembic.script import ScriptDirectory

from cloudwarden.core.errors import StoreBusy, StoreError, StoreUnusable, StoreUnwritable
from cloudwarden.core.finding import Finding
from cloudwarden.store import SqlStore, migration, open_store
from cloudwarden.store.faults import fault
from pausing import paused
from unwritten_logs import leave_logs


def test_another_writer_makes_it_busy(file_store: SqlStore, path: Path) -> None:
    """While another process holds the write lock the store says busy, chained; reading goes on; then it works."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match=r"cloudwarden\.db.*try again") as busy, file_store.transaction():
        pass
    assert isinstance(busy.value.__cause__, sqlite3.OperationalError)
    with file_store.reading() as tx:
        assert tx.findings.standing() == []
    other.execute("ROLLBACK")
    other.close()
    with file_store.transaction() as tx:
        tx.decisions.save_pause(paused())


def end_soon(other: sqlite3.Connection) -> None:
    """End its transaction in a fifth of a second."""
    time.sleep(0.2)
    other.execute("COMMIT")


def test_it_waits_for_another_writer(url: str, path: Path) -> None:
    """A writer that ends within the busy timeout disturbs nobody."""
    store = open_store(url, busy_timeout_seconds=5)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(end_soon, other)
        with store.transaction() as tx:
            tx.decisions.save_pause(paused())
    other.close()
    store.close()


def test_a_read_only_file_is_unwritable(file_store: SqlStore, path: Path) -> None:
    """A database that may only be read opens, shows what it has, and refuses every transaction."""
    store = open_store(f"sqlite:///file:{path}?mode=ro&uri=true")
    with store.reading() as tx:
        assert tx.decisions.pauses() == []
    with pytest.raises(StoreUnwritable, match="read-only"), store.transaction() as tx:
        tx.decisions.save_pause(paused())
    store.close()


def test_a_full_disk_is_unwritable(store: SqlStore, finding: Callable[..., Finding], noon: datetime) -> None:
    """The transaction that met it is gone whole, its journal entry too; once there is space, the store works."""

    def fill() -> None:
        with store.transaction() as tx:
            tx.journal.append(at=noon, event="intended", details={})
            pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
            tx.findings.save(finding(f"f{number}") for number in range(500))

    with pytest.raises(StoreUnwritable, match="full"):
        fill()
    with store.transaction() as tx:
        assert tx.findings.standing() == []
        assert tx.journal.entries() == []
        tx.connection.exec_driver_sql("PRAGMA max_page_count = 100000")
        tx.findings.save(finding(f"f{number}") for number in range(500))


@pytest.mark.parametrize(
    ("name", "what"),
    [("absent/x.db", "there is no directory .*absent: make it"), (".", "is a directory: set `database`")],
)
def test_a_place_that_cannot_be_is_unwritable(tmp_path: Path, name: str, what: str) -> None:
    """The message says which directory to make, or that a file was meant."""
    with pytest.raises(StoreUnwritable, match=what):
        open_store(f"sqlite:///{tmp_path / name}")


def test_a_directory_nobody_may_write_in_is_unwritable() -> None:
    """Not even root can make a file in /proc."""
    with pytest.raises(StoreUnwritable, match="/proc"):
        open_store("sqlite:////proc/cloudwarden.db")


def test_a_file_system_that_is_mounted_read_only_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is sent to change an owner, who would make no difference: it is the disk that is to be looked at."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_RDONLY))
    with pytest.raises(StoreUnwritable, match=r"mounted read-only.*mount it writable again, or set `database`"):
        open_store(f"sqlite:///{tmp_path}/cloudwarden.db")


@pytest.mark.parametrize("url", ["postgresql://u:secret@h/d", "secret:word", "", "mysql+pymysql://u:secret@h/d"])
def test_another_database_is_refused(url: str) -> None:
    """The message says what to write, and repeats no password."""
    with pytest.raises(StoreUnusable, match="write sqlite://") as refused:
        open_store(url)
    assert "secret" not in str(refused.value)


def refused_unchanged(path: Path, url: str, match: str) -> None:
    """Opening refuses the file and leaves every byte of it."""
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match=match):
        open_store(url)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(url: str, path: Path) -> None:
    """Something else under this name is not overwritten."""
    path.write_text("policies = 'policies'\n" * 100)
    refused_unchanged(path, url, "not a database.*restore a backup")


def damaged(path: Path, url: str, finding: Callable[..., Finding]) -> None:
    """A database of many pages, some of them overwritten in the middle."""
    store = open_store(url)
    with store.transaction() as tx:
        tx.findings.save(finding(f"f{number}") for number in range(2000))
    store.close()
    # While another store is open, closing leaves the pages in the log.
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 16384] = b"\xa5" * 16384
    path.write_bytes(content)


def test_a_damaged_file_is_refused(url: str, path: Path, finding: Callable[..., Finding]) -> None:
    """Damage in the middle of a file is found before anything is read from it, and nothing is made anew."""
    damaged(path, url, finding)
    refused_unchanged(path, url, "damaged")


def test_damage_while_running_is_unusable(url: str, path: Path, finding: Callable[..., Finding]) -> None:
    """A file that breaks under an open store stops it, rather than giving fewer findings."""
    store = open_store(url)
    damaged(path, url, finding)
    with pytest.raises(StoreUnusable, match="damaged"), store.transaction() as tx:
        tx.findings.standing()
    store.close()


def test_a_truncated_file_is_refused(url: str, path: Path, finding: Callable[..., Finding]) -> None:
    """Half a database is none."""
    store = open_store(url)
    with store.transaction() as tx:
        tx.findings.save(finding(f"f{number}") for number in range(500))
    store.close()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused_unchanged(path, url, "damaged")


@pytest.mark.parametrize(
    ("log", "what"), [(b"", "the file is empty: "), (b"x" * 100, "the file is empty, and its log")]
)
def test_an_empty_file_is_refused(url: str, path: Path, log: bytes, what: str) -> None:
    """SQLite would begin a new database here, and throw the log away with what it holds."""
    path.touch()
    path.with_name("cloudwarden.db-wal").write_bytes(log)
    refused_unchanged(path, url, f"{what}.*restore a backup.*Delete it to begin anew")


def test_a_log_without_its_database_is_refused(url: str, path: Path) -> None:
    """What was written and not yet written back is in it; SQLite would throw it away with a new database."""
    log = path.with_name("cloudwarden.db-wal")
    log.write_bytes(b"x" * 100)
    with pytest.raises(StoreUnusable, match="the file is missing, and its log"):
        open_store(url)
    assert (path.exists(), log.read_bytes()) == (False, b"x" * 100)


def test_a_new_database_appears_whole(url: str, path: Path) -> None:
    """Nothing half made is ever under its name, nor left beside it."""
    open_store(url).close()
    assert [one.name for one in path.parent.iterdir()] == ["cloudwarden.db"]


@pytest.mark.parametrize(
    ("replaced", "error", "what"),
    [
        (False, StoreUnwritable, "was deleted or moved while"),
        (True, StoreUnusable, "another file was put in its place"),
    ],
)
def test_a_file_that_is_taken_away_stops_everything(
    file_store: SqlStore, path: Path, *, replaced: bool, error: type[StoreError], what: str
) -> None:
    """Before SQLite writes where nobody will look; reading stops too, and nothing is made anew. Put back, it works."""
    away = path.rename(path.with_name("away.db"))
    if replaced:
        path.write_bytes(away.read_bytes())
    with pytest.raises(error, match=what), file_store.transaction():
        pass
    with pytest.raises(error, match=what), file_store.reading():
        pass
    assert path.exists() is replaced
    away.replace(path)
    with file_store.transaction() as tx:
        tx.decisions.save_pause(paused())


def test_a_file_that_goes_during_a_transaction_keeps_nothing(file_store: SqlStore, path: Path) -> None:
    """An intent that was committed to a deleted file would be believed, and lost."""

    def lost() -> None:
        with file_store.transaction() as tx:
            tx.decisions.save_pause(paused())
            path.rename(path.with_name("away.db"))

    with pytest.raises(StoreUnwritable, match="was deleted or moved"):
        lost()
    path.with_name("away.db").rename(path)
    with file_store.reading() as tx:
        assert tx.decisions.pauses() == []


def test_a_log_that_is_deleted_stops_writing(file_store: SqlStore, path: Path) -> None:
    """What SQLite writes to it afterwards nobody else sees, and nobody finds after a crash."""
    path.with_name("cloudwarden.db-wal").unlink()
    with pytest.raises(StoreUnwritable, match=r"its log .* was deleted"), file_store.transaction() as tx:
        tx.decisions.save_pause(paused())


def test_an_interrupted_restoration_is_refused(url: str, path: Path, file_store: SqlStore) -> None:
    """Whether the old or the new database is under the name nobody can tell; nothing is done on a guess."""
    path.with_name("cloudwarden.db.swapping").touch()
    refused_unchanged(path, url, "restoration was interrupted: run `cloudwarden restore` again")


def test_another_programs_database_is_refused(url: str, path: Path) -> None:
    """Its tables are not ours to add to; not even its journal mode is changed."""
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE songs (title)")
    other.close()
    refused_unchanged(path, url, "another program's database.*songs")


def test_a_newer_schema_is_refused(url: str, path: Path, file_store: SqlStore) -> None:
    """An older version does not touch what a newer one wrote; the message names both."""
    with file_store.transaction() as tx:
        tx.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    newest = ScriptDirectory.from_config(migration.configuration()).get_current_head()
    refused_unchanged(path, url, rf"newer Cloudwarden.*'9999'.*'{newest}'")


def test_a_lost_table_is_unusable(file_store: SqlStore) -> None:
    """A schema that somebody changed by hand is reported as that."""
    with file_store.transaction() as tx:
        tx.connection.exec_driver_sql("DROP TABLE pauses")
    with pytest.raises(StoreUnusable, match="no such table: pauses"), file_store.transaction() as tx:
        tx.decisions.pauses()


def test_every_sqlite_error_is_ours() -> None:
    """Any code of SQLite, extended or not, and an error without one, has a meaning here."""
    names = [name for name in dir(sqlite3) if name.startswith("SQLITE_IOERR") or name == "SQLITE_BUSY_SNAPSHOT"]
    for name in names:
        error = sqlite3.OperationalError(name)
        error.sqlite_errorcode = getattr(sqlite3, name)
        assert type(fault(error, "db")) is (StoreBusy if "BUSY" in name else StoreUnwritable)
    assert type(fault(sqlite3.ProgrammingError("closed"), "db")) is StoreError


def test_a_place_that_cannot_be_looked_at_is_unwritable(tmp_path: Path) -> None:
    """A directory that this user may not enter, say: nobody can tell what is there, and the error is ours."""
    beyond = tmp_path / ("too-long-a-name" * 20)
    with pytest.raises(StoreUnwritable, match="cannot look there"):
        open_store(f"sqlite:///{beyond}/cloudwarden.db")


def test_a_file_that_cannot_be_looked_at_any_more_ends_no_process(tmp_path: Path) -> None:
    """What the system refuses about the file while it is used is an error of the store, as a missing file is."""
    file = tmp_path / "kept" / "cloudwarden.db"
    file.parent.mkdir()
    store = open_store(f"sqlite:///{file}")
    (tmp_path / "kept").rename(tmp_path / "moved")
    (tmp_path / "kept").symlink_to("too-long-a-name" * 20)
    with pytest.raises(StoreUnwritable, match="cannot look there"), store.reading():
        pass
    store.close()


def test_a_database_whose_log_could_not_be_written_back_is_not_made(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file without it would be a damaged database, which is refused from then on; nothing is left instead."""
    leave_logs(monkeypatch)
    with pytest.raises(StoreUnwritable, match="has room"):
        open_store(url)
    assert list(path.parent.iterdir()) == []
