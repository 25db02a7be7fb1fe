"""Backups are made beside a writer, proven before they have a name, and put in the database's place safely."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cloudwarden.core.errors import StoreError, StoreUnusable, StoreUnwritable
from cloudwarden.core.finding import Finding
from cloudwarden.store import SqlStore, open_store
from cloudwarden.store.backup import back_up, entries_above, examine, put_in_place, staged
from cloudwarden.store.segments import export_oldest
from journals import append, tamper


def pauses(file: Path) -> int:
    """How many there are in a database."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        return int(database.execute("SELECT count(*) FROM pauses").fetchone()[0])


def test_a_backup_is_the_database_at_one_instant(
    file_store: SqlStore, url: str, tmp_path: Path, noon: datetime, finding: Callable[..., Finding]
) -> None:
    """While a writer goes on: findings and their journal entries come together or not at all; one file, one reader."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            with file_store.transaction() as tx:
                tx.findings.save([finding(f"f{number}")])
                tx.journal.append(at=noon, event="intended", details={"number": number})
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    made = [back_up(url, tmp_path / f"{number}.backup", None) for number in range(5)]
    stop.set()
    writer.join()
    for one in made:
        assert one.journal is not None
        assert one.journal.ok
        with sqlite3.connect(one.file) as database:
            (findings,) = database.execute("SELECT count(*) FROM findings").fetchone()
        assert findings == one.journal.entries
        assert one.file.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in tmp_path.glob("*.backup*")) == [f"{number}.backup" for number in range(5)]


def test_a_backup_overwrites_nothing(file_store: SqlStore, url: str, tmp_path: Path) -> None:
    """Last week's may be the only good one."""
    taken = tmp_path / "taken"
    taken.write_text("last week's")
    with pytest.raises(StoreUnwritable, match="is not overwritten"):
        back_up(url, taken, None)
    assert taken.read_text() == "last week's"
    assert not list(tmp_path.glob("*.part*"))


def test_a_place_that_cannot_hold_it_is_said(file_store: SqlStore, url: str, tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(StoreUnwritable, match="absent is a directory with room"):
        back_up(url, tmp_path / "absent" / "x", None)


@pytest.mark.parametrize(
    ("url", "what"),
    [("postgresql://u:secret@h/d", "pg_dump"), ("sqlite://", "in memory"), ("sqlite:////tmp/absent.db", "no database")],
)
def test_what_cannot_be_backed_up_is_said(url: str, what: str, tmp_path: Path) -> None:
    """With what to use instead; nothing is made where a database should be."""
    with pytest.raises(StoreError, match=what) as refused:
        back_up(url, tmp_path / "x", None)
    assert "secret" not in str(refused.value)
    assert not (tmp_path / "x").exists()
    assert not Path("/tmp/absent.db").exists()  # noqa: S108


def test_a_journal_that_was_altered_makes_no_backup(
    file_store: SqlStore, url: str, path: Path, tmp_path: Path, noon: datetime
) -> None:
    """Whoever needs it one day must be able to believe it; the earlier ones may be better."""
    append(file_store, 5, noon)
    tamper(path, "UPDATE journal SET event = 'x' WHERE seq = 3")
    with pytest.raises(StoreUnusable, match=r"journal is not whole.*entry 3"):
        back_up(url, tmp_path / "x", None)
    assert not (tmp_path / "x").exists()


def backed_up(url: str, tmp_path: Path) -> Path:
    """A backup."""
    return back_up(url, tmp_path / "good.backup", None).file


def broken(file: Path) -> None:
    """Overwrite a page in the middle."""
    content = bytearray(file.read_bytes())
    middle = len(content) // 8192 * 4096
    content[middle : middle + 4096] = b"\xa5" * 4096
    file.write_bytes(content)


def newer(file: Path) -> None:
    """Have the schema of a later version."""
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")


def logged(file: Path) -> None:
    """Have a log beside it."""
    file.with_name(f"{file.name}-wal").write_bytes(b"x" * 100)


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (broken, "damaged"),
        (newer, "newer Cloudwarden"),
        (logged, "so it is a database and no backup"),
        (lambda file: file.write_bytes(b""), "the file is empty"),
        (lambda file: file.write_text("policies\n" * 1000), "not a database"),
        (lambda file: file.unlink(), "no such file"),
        (lambda file: tamper(file, "UPDATE journal SET event = 'x' WHERE seq = 2"), "journal is not whole"),
    ],
    ids=["damaged", "newer", "logged", "empty", "text", "missing", "altered"],
)
def test_a_bad_backup_is_refused(
    file_store: SqlStore, url: str, tmp_path: Path, noon: datetime, harm: Callable[[Path], object], what: str
) -> None:
    """Before anything of the database is touched."""
    append(file_store, 200, noon)
    file = backed_up(url, tmp_path)
    harm(file)
    with pytest.raises(StoreUnusable, match=what):
        examine(file, None)


def test_the_database_until_now_is_kept(file_store: SqlStore, url: str, path: Path, tmp_path: Path) -> None:
    """Whole, under a dated name, what was in its log included; the backup takes its place, its mode and its owner."""
    file = backed_up(url, tmp_path)
    with file_store.transaction() as tx:
        tx.connection.exec_driver_sql(
            "INSERT INTO pauses (policy, account, by, at, reason, origin) VALUES ('a', 'b', 'c', '2026-01-01', '', '')"
        )
    file_store.close()
    path.chmod(0o640)
    aside = put_in_place(staged(file, path), path, datetime(2026, 3, 1, 12))  # noqa: DTZ001
    assert aside is not None
    assert aside == path.with_name("cloudwarden.db.before-restore-20260301T120000000000Z")
    assert {one.name for one in path.parent.iterdir()} == {path.name, aside.name, file.name}
    assert path.stat().st_mode & 0o777 == 0o640
    assert (pauses(aside), pauses(path)) == (1, 0)


def test_a_restoration_that_is_cut_off_is_seen(
    file_store: SqlStore, url: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At whatever step: the old database or the new one is opened, or neither; never an empty one."""
    append(file_store, 3, datetime.fromisoformat("2026-03-01T12:00:00Z"))
    file = backed_up(url, tmp_path)
    file_store.close()
    for cut_at in range(5):
        steps = iter(range(100))

        def cut(descriptor: int, cut_at: int = cut_at, steps: object = steps) -> None:
            if next(steps) == cut_at:  # type: ignore[call-overload]  # an iterator
                raise OSError(5, "the power failed")

        draft = staged(file, path)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", cut)
            with contextlib.suppress(StoreUnwritable):
                put_in_place(draft, path, datetime(2026, 3, 1, 12, cut_at))  # noqa: DTZ001
        if path.with_name("cloudwarden.db.swapping").exists():
            with pytest.raises(StoreUnusable, match="interrupted"):
                open_store(url)
        else:
            store = open_store(url)
            with store.reading() as tx:
                assert tx.journal.last() == 3
            store.close()
    put_in_place(staged(file, path), path, datetime(2026, 3, 1, 13))  # noqa: DTZ001
    open_store(url).close()


def test_the_database_itself_is_no_backup(file_store: SqlStore, path: Path) -> None:
    """It would be restored from itself."""
    with pytest.raises(StoreUnusable, match="this is the database itself"):
        staged(path, path)


def test_what_a_database_knows_more_is_read(file_store: SqlStore, path: Path, noon: datetime) -> None:
    """All of it, above a number."""
    append(file_store, 1500, noon)
    entries, unread = entries_above(path, 300, None)
    assert ([entry.seq for entry in entries], unread) == (list(range(301, 1501)), [])


def test_what_a_database_exported_is_known_too(
    file_store: SqlStore, path: Path, tmp_path: Path, noon: datetime
) -> None:
    """Its files are read; one that is not there is named."""
    append(file_store, 1500, noon)
    exported = export_oldest(file_store, tmp_path / "journal", before=noon + timedelta(days=1), now=noon)
    assert exported is not None
    entries, unread = entries_above(path, 300, tmp_path / "journal")
    assert ([entry.seq for entry in entries], unread) == (list(range(301, 1502)), [])
    entries, unread = entries_above(path, 300, tmp_path)
    assert [entry.seq for entry in entries] == list(range(1001, 1502))
    assert [(one.segment.file, "not in" in one.why) for one in unread] == [(exported.file, True)]


def test_what_a_database_of_before_exports_knows_is_read(file_store: SqlStore, path: Path, noon: datetime) -> None:
    """It has no table of them."""
    append(file_store, 5, noon)
    tamper(path, "DROP TABLE journal_segments")
    entries, _ = entries_above(path, 3, None)
    assert [entry.seq for entry in entries] == [4, 5]
