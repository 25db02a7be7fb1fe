"""The journal: chained, append-only, and provably whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from cloudwarden.core.errors import StoreError, StoreUnusable
from cloudwarden.store import SqlStore, verification, verify
from cloudwarden.store.chain import GENESIS, canonical, digest
from journals import append, tamper


def test_entries_are_numbered_and_chained(store: SqlStore, noon: datetime) -> None:
    """The first follows nothing, each next one the hash before it, across transactions."""
    append(store, 2, noon)
    append(store, 1, noon)
    with store.reading() as tx:
        entries = tx.journal.entries()
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert [entry.previous for entry in entries] == [GENESIS, entries[0].hash, entries[1].hash]


def test_what_append_gives_is_what_is_kept(store: SqlStore) -> None:
    """Details of any mapping or sequence, and an instant of any zone, read back equal."""
    at = datetime.fromisoformat("2026-03-01T14:00:00.000007+02:00")
    with store.transaction() as tx:
        given = tx.journal.append(at=at, event="paused", details=MappingProxyType({"why": ("a", 1.5, None)}))
        assert tx.journal.entries() == [given]
    assert given.at == at
    assert given.at.tzinfo is UTC
    assert given.details == {"why": ["a", 1.5, None]}


def test_an_entry_proves_itself(store: SqlStore, noon: datetime) -> None:
    """Whoever holds an exported entry can compute its hash from its other fields."""
    append(store, 1, noon)
    with store.reading() as tx:
        (entry,) = tx.journal.entries()
    assert entry.hash == digest(
        seq=1,
        at="2026-03-01T12:00:00.000000+00:00",
        event="intended",
        run_id="r1",
        action_id="a1",
        details={"step": 1, "kept": {"a": "☃", "b": 1}},
        previous=GENESIS,
    )


def test_the_canonical_form_is_fixed() -> None:
    """Old journals must verify for ever: the text that is hashed never changes its form."""
    assert canonical({"b": [1, 1.5, None], "a": "é"}) == '{"a":"\\u00e9","b":[1,1.5,null]}'


@pytest.mark.parametrize("wrong", [float("nan"), datetime(2026, 3, 1, tzinfo=UTC)])
def test_details_that_are_no_json_are_refused(store: SqlStore, noon: datetime, wrong: float) -> None:
    """Nothing is appended that a reader elsewhere could not parse."""
    with store.transaction() as tx:
        with pytest.raises((ValueError, TypeError)):
            tx.journal.append(at=noon, event="intended", details={"x": wrong})
        assert tx.journal.entries() == []


def test_entries_by_action_and_page(store: SqlStore, noon: datetime) -> None:
    """An action's entries alone; after a number; at most so many."""
    append(store, 5, noon)
    with store.reading() as tx:
        assert [entry.seq for entry in tx.journal.entries(action_id="a4")] == [4]
        assert [entry.seq for entry in tx.journal.entries(after=2, most=2)] == [3, 4]
        assert tx.journal.entries(after=4, action_id="a4") == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET event = 'x' WHERE seq = 1",
        "DELETE FROM journal WHERE seq = 1",
        "INSERT OR REPLACE INTO journal SELECT seq, at, 'x', run_id, action_id, details, previous, hash FROM journal",
    ],
)
def test_the_database_refuses_to_change_an_entry(store: SqlStore, noon: datetime, statement: str) -> None:
    """Update, delete and replace all fail, and say why."""
    append(store, 1, noon)
    with pytest.raises(StoreError, match="append-only"), store.transaction() as tx:
        tx.connection.exec_driver_sql(statement)


def test_a_whole_journal_verifies(store: SqlStore, noon: datetime) -> None:
    """An empty one, and one of several batches, within a transaction or without."""
    assert verify(store).ok
    append(store, verification.BATCH + 1, noon)
    result = verify(store)
    assert (result.ok, result.entries, result.first_bad_seq) == (True, verification.BATCH + 1, None)
    with store.transaction() as tx:
        assert verify(tx) == result


@pytest.mark.parametrize(
    "change",
    [
        "at = '2026-03-01T12:00:00.000001+00:00'",
        "at = 'yesterday'",
        "event = 'succeeded'",
        "event = x'00ff'",
        "run_id = ''",
        "action_id = 'a1'",
        """details = '{"step":3}'""",
        "details = details || ' '",
        "details = 'not json'",
        f"previous = '{GENESIS}'",
        f"hash = '{GENESIS}'",
    ],
)
def test_an_altered_field_is_found(file_store: SqlStore, path: Path, noon: datetime, change: str) -> None:
    """Whatever field of the second of three entries is altered, verifying names the second."""
    append(file_store, 3, noon)
    tamper(path, f"UPDATE journal SET {change} WHERE seq = 2")  # noqa: S608
    result = verify(file_store)
    assert (result.ok, result.entries, result.first_bad_seq) == (False, 1, 2)
    assert "entry 2" in result.what


def test_a_renumbered_entry_is_found(file_store: SqlStore, path: Path, noon: datetime) -> None:
    """An entry under another number leaves its place empty."""
    append(file_store, 3, noon)
    tamper(path, "UPDATE journal SET seq = -5 WHERE seq = 3")
    assert verify(file_store).first_bad_seq == -5


@pytest.mark.parametrize(("gone", "found_at"), [(1, 2), (2, 3), (3, 3)])
def test_a_deleted_entry_is_found(file_store: SqlStore, path: Path, noon: datetime, gone: int, found_at: int) -> None:
    """At the beginning, in the middle, and at the end."""
    append(file_store, 3, noon)
    tamper(path, f"DELETE FROM journal WHERE seq = {gone}")  # noqa: S608
    result = verify(file_store)
    assert (result.ok, result.first_bad_seq) == (False, found_at)


def test_a_cut_off_end_stays_visible(file_store: SqlStore, path: Path, noon: datetime) -> None:
    """Appending after the last entries were deleted does not close the gap."""
    append(file_store, 3, noon)
    tamper(path, "DELETE FROM journal WHERE seq > 1")
    append(file_store, 2, noon + timedelta(hours=1))
    result = verify(file_store)
    assert (result.ok, result.first_bad_seq) == (False, 4)
    assert "entry 2 is missing" in result.what


def test_a_forged_entry_is_found(file_store: SqlStore, path: Path, noon: datetime) -> None:
    """An entry whose own hash was computed anew breaks the chain after it."""
    append(file_store, 3, noon)
    with file_store.reading() as tx:
        first, second, _ = tx.journal.entries()
    forged = digest(
        seq=2,
        at="2026-03-01T12:00:00.000000+00:00",
        event="succeeded",
        run_id="r1",
        action_id="a2",
        details=second.details,
        previous=first.hash,
    )
    tamper(path, f"UPDATE journal SET event = 'succeeded', hash = '{forged}' WHERE seq = 2")  # noqa: S608
    result = verify(file_store)
    assert (result.ok, result.first_bad_seq) == (False, 3)


def test_an_entry_that_cannot_be_read_is_unusable(file_store: SqlStore, path: Path, noon: datetime) -> None:
    """Listing a journal with a broken entry says so, and makes nothing up."""
    append(file_store, 1, noon)
    tamper(path, "UPDATE journal SET details = 'not json'")
    with file_store.reading() as tx, pytest.raises(StoreUnusable, match="journal"):
        tx.journal.entries()
