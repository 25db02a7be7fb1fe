"""Retention of the journal: its old entries go for files, which verify with what is left."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cloudwarden.core.errors import StoreError, StoreUnusable, StoreUnwritable
from cloudwarden.engine.events import OldRemoved
from cloudwarden.store import SqlStore, open_store, verify
from cloudwarden.store.backup import back_up
from cloudwarden.store.segments import SEGMENT
from journals import append, tamper
from retaining import LATER, MONTH, policy


def test_old_entries_leave_for_a_file_and_the_chain_goes_on(store: SqlStore, tmp_path: Path, noon: datetime) -> None:
    """A whole segment is exported; the rest, and what is appended after it, verifies with the file and without."""
    append(store, SEGMENT + 1, noon)
    folder = tmp_path / "journal"
    assert list(policy(store, folder).batches(noon + LATER)) == [OldRemoved(entries=SEGMENT)]
    append(store, 2, noon + LATER)
    with store.reading() as tx:
        assert [entry.seq for entry in tx.journal.entries()] == [1001, 1002, 1003, 1004]
    assert verify(store, folder).entries == SEGMENT + 4
    without = verify(store, tmp_path)
    assert (without.ok, without.entries) == (True, 4)
    assert without.absent == ("journal-000000000001-000000001000.jsonl.gz",)


def test_an_exported_file_is_the_journal_line_by_line(store: SqlStore, tmp_path: Path, noon: datetime) -> None:
    """Whoever holds it needs no Cloudwarden to read an entry with its hash."""
    append(store, SEGMENT, noon)
    with store.reading() as tx:
        before = tx.journal.entries()
    list(policy(store, tmp_path).batches(noon + LATER))
    (file,) = tmp_path.glob("journal-*.gz")
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert [line["hash"] for line in lines] == [entry.hash for entry in before]
    assert lines[0]["details"] == before[0].details


def test_a_file_of_another_history_is_never_written_over(file_store: SqlStore, tmp_path: Path, noon: datetime) -> None:
    """After a restoration the same numbers are exported again: both files are kept, and each proves its own journal."""
    folder = tmp_path / "journal"
    other = open_store(f"sqlite:///{tmp_path}/other.db")
    for store, at in ((file_store, noon), (other, noon + timedelta(hours=1))):
        append(store, SEGMENT, at)
        assert list(policy(store, folder).batches(noon + LATER)) == [OldRemoved(entries=SEGMENT)]
    assert len(list(folder.iterdir())) == 2
    assert [verify(store, folder).entries for store in (file_store, other)] == [SEGMENT + 1, SEGMENT + 1]
    other.close()


def test_a_file_that_a_crash_left_is_used(file_store: SqlStore, path: Path, tmp_path: Path, noon: datetime) -> None:
    """It was written, and not yet recorded: the same bytes need no other name."""
    append(file_store, SEGMENT, noon)
    back_up(f"sqlite:///{path}", tmp_path / "again.db", None)
    list(policy(file_store, tmp_path).batches(noon + LATER))
    again = open_store(f"sqlite:///{tmp_path}/again.db")
    list(policy(again, tmp_path).batches(noon + LATER))
    assert len(list(tmp_path.glob("journal-*"))) == 1
    again.close()


def test_young_entries_and_parts_of_a_segment_stay(store: SqlStore, tmp_path: Path, noon: datetime) -> None:
    """One entry that is not old keeps its whole segment; too few old ones are no segment."""
    append(store, SEGMENT - 1, noon)
    assert list(policy(store, tmp_path).batches(noon + LATER)) == []
    append(store, 1, noon + LATER)
    assert list(policy(store, tmp_path).batches(noon + LATER)) == []


def test_an_entry_of_a_clock_that_was_ahead_keeps_nothing(store: SqlStore, tmp_path: Path, noon: datetime) -> None:
    """It is as old as those around it; where all of a segment is from the future, nobody can tell how old that is."""
    append(store, 1, noon + 100 * MONTH)
    append(store, SEGMENT - 1, noon)
    append(store, SEGMENT, noon + 100 * MONTH)
    assert list(policy(store, tmp_path).batches(noon + LATER)) == [OldRemoved(entries=SEGMENT)]


def test_nothing_is_deleted_when_the_file_cannot_be_written(store: SqlStore, tmp_path: Path, noon: datetime) -> None:
    """The error says what to do; the journal is as it was."""
    append(store, SEGMENT, noon)
    (tmp_path / "taken").write_text("a file where the directory should be")
    with pytest.raises(StoreUnwritable, match=r"retention\.directory"):
        list(policy(store, tmp_path / "taken").batches(noon + LATER))
    assert verify(store).entries == SEGMENT


def test_a_broken_journal_is_not_exported(file_store: SqlStore, path: Path, tmp_path: Path, noon: datetime) -> None:
    """What shows an alteration must not be taken away."""
    append(file_store, SEGMENT, noon)
    tamper(path, "UPDATE journal SET event = 'x' WHERE seq = 7")
    with pytest.raises(StoreUnusable, match="entry 7 was altered"):
        list(policy(file_store, tmp_path).batches(noon + LATER))


def test_only_exported_entries_may_be_deleted(store: SqlStore, tmp_path: Path, noon: datetime) -> None:
    """The database refuses the rest, and refuses to change what it knows of a segment."""
    append(store, SEGMENT, noon)
    list(policy(store, tmp_path).batches(noon + LATER))
    for statement in ("DELETE FROM journal", "DELETE FROM journal_segments", "UPDATE journal_segments SET file = 'x'"):
        with pytest.raises(StoreError, match="append-only"), store.transaction() as tx:
            tx.connection.exec_driver_sql(statement)


@pytest.mark.parametrize("content", [b"", gzip.compress(b'{"seq": 1}\n', mtime=0)])
def test_an_altered_file_is_found(store: SqlStore, tmp_path: Path, noon: datetime, content: bytes) -> None:
    """Verifying names it."""
    append(store, SEGMENT, noon)
    list(policy(store, tmp_path).batches(noon + LATER))
    (file,) = tmp_path.glob("journal-*.gz")
    file.write_bytes(content)
    result = verify(store, tmp_path)
    assert (result.ok, result.first_bad_seq) == (False, 1)
    assert file.name in result.what


def test_a_beginning_cut_off_under_pretence_is_found(file_store: SqlStore, path: Path, noon: datetime) -> None:
    """A segment that no entry of the chain speaks of was not exported by us."""
    append(file_store, 3, noon)
    with file_store.reading() as tx:
        first = tx.journal.entries()[0]
    tamper(
        path,
        "INSERT INTO journal_segments VALUES "  # noqa: S608
        f"(1, 1, '{first.hash}', 'journal-1.jsonl.gz', '', '2026-03-01 12:00:00')",
    )
    tamper(path, "DELETE FROM journal WHERE seq = 1")
    result = verify(file_store)
    assert (result.ok, result.first_bad_seq) == (False, 2)
    assert "exported" in result.what
