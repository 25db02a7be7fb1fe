"""A copy beside its store shows what the store alone cannot: that it forgot, or that either was altered."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudwarden.engine.decide import Decider
from cloudwarden.engine.restore import restored
from cloudwarden.keeping.comparison import Compared, compare
from cloudwarden.store import open_store, verify
from cloudwarden.store.chain import digest
from cloudwarden.store.segments import SEGMENT, export_oldest
from copies import NOON, TARGET, Shipping
from journals import tamper

Lines = list[tuple[str, str]]


def lines(shipping: Shipping) -> Lines:
    """The copy's lines, to be altered."""
    return list(shipping.copy.lines())


def looked(shipping: Shipping, changed: Lines, shipped: int = 0) -> Compared:
    """What comparing these lines shows."""
    return compare(shipping.store, changed, shipped=shipped)


def with_entries(shipping: Shipping, count: int = 9) -> Lines:
    """A journal that was shipped."""
    shipping.write(count)
    shipping.ship()
    return lines(shipping)


def snapshot(path: Path) -> Path:
    """The database as it is now, in a file of its own."""
    saved = path.with_name("old.db")
    with sqlite3.connect(path) as source, sqlite3.connect(saved) as copy:
        source.backup(copy)
    return saved


def test_a_copy_that_is_the_same(shipping: Shipping) -> None:
    """Entries in both are counted; those that are not yet shipped are no fault."""
    with_entries(shipping)
    shipping.write(2)
    assert shipping.compared() == Compared(ok=True, entries=9, unshipped=2, left_behind=0)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda told: told.pop(4), "entries 5 to 5 are missing"),
        (lambda told: told.__delitem__(slice(0, 3)), "begins with entry 4"),
        (lambda told: told.__delitem__(slice(6, None)), "ends at entry 6, and entries up to 9 were shipped"),
        (lambda told: told.__setitem__(4, ("x line 5", told[4][1].replace('"step":5', '"step":6'))), "line 5.*altered"),
        (lambda told: told.insert(4, ("x line 5", '{"half')), "line 5: this is no entry"),
    ],
    ids=["a gap", "a beginning", "an end", "an alteration", "half a line"],
)
def test_what_is_wrong_with_a_copy_is_said(shipping: Shipping, change: Callable[[Lines], object], what: str) -> None:
    """Where, and what, in a sentence."""
    told = with_entries(shipping)
    change(told)
    found = looked(shipping, told, shipped=9)
    assert not found.ok
    assert re.search(what, found.what), found.what


def test_a_line_that_was_cut_and_came_again_is_sound(shipping: Shipping) -> None:
    """A full disk tears a line, and its batch is written again: nothing is wrong with that."""
    told = with_entries(shipping)
    told.insert(4, ("x line 5", told[4][1][:30]))
    assert looked(shipping, told).ok


def test_a_batch_that_came_twice_is_counted_once(shipping: Shipping) -> None:
    """At least once is what is promised."""
    told = with_entries(shipping)
    assert looked(shipping, told[:5] + told) == Compared(ok=True, entries=9, unshipped=0, left_behind=0)


def test_an_entry_that_was_put_in_is_found(shipping: Shipping) -> None:
    """Sound by itself, but it follows nothing."""
    told = with_entries(shipping)
    fields: dict[str, Any] = {
        "seq": 5,
        "at": "x",
        "event": "x",
        "run_id": "",
        "action_id": "",
        "details": {},
        "previous": "f" * 64,
    }
    told.insert(5, ("x line 6", json.dumps(fields | {"hash": digest(**fields), "branch": "aaaa"})))
    assert "entry 5 follows no entry that is known" in looked(shipping, told).what


def test_a_store_that_was_put_back_is_said_loudly(shipping: Shipping, path: Path) -> None:
    """The copy goes on where the store ends: this is what a copy off the machine is for."""
    shipping.write(4)
    old = snapshot(path)
    told = with_entries(shipping, 5)
    with_old = open_store(f"sqlite:///{old}")
    found = compare(with_old, told)
    with_old.close()
    assert not found.ok
    assert found.what.startswith("THE STORE WAS PUT BACK TO AN EARLIER STATE: its journal ends at entry 4")
    assert "5 more" in found.what


def test_a_store_that_was_put_back_and_went_on_is_said_loudly(shipping: Shipping, path: Path) -> None:
    """Its chain verifies, and its copy knows better."""
    shipping.write(4)
    old = snapshot(path)
    told = with_entries(shipping, 5)
    other = Shipping(store=open_store(f"sqlite:///{old}"), clock=shipping.clock, copy=shipping.copy)
    other.clock.advance(timedelta(hours=1))
    other.write(7)
    found = compare(other.store, told)
    other.store.close()
    assert "TELLS ANOTHER STORY THAN ITS COPY from entry 5" in found.what
    assert found.left_behind == 5


def test_a_rewritten_journal_is_found(shipping: Shipping, path: Path) -> None:
    """Whoever rewrites an entry and every hash after it has a chain that verifies; the copy has the old one."""
    told = with_entries(shipping)
    rewrite(path, from_seq=6)
    assert verify(shipping.store).ok
    assert "from entry 6 on" in looked(shipping, told).what


def rewrite(path: Path, *, from_seq: int) -> None:
    """Alter an entry, and every hash from it on."""
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT * FROM journal ORDER BY seq").fetchall()
    previous = ""
    for seq, at, _, run_id, action_id, details, _, hash_ in rows:
        if seq < from_seq:
            previous = hash_
            continue
        fields = {"seq": seq, "at": at, "event": "forged", "run_id": run_id, "action_id": action_id}
        sealed = digest(**fields, details=json.loads(details), previous=previous)
        statement = "UPDATE journal SET event = 'forged', previous = ?, hash = ? WHERE seq = ?"
        tamper(path, statement, previous, sealed, seq)
        previous = sealed


def test_what_a_restoration_left_behind_is_explained(shipping: Shipping, path: Path) -> None:
    """The journal itself says that it begins another story there; how much was left is counted, and nobody paused."""
    with_entries(shipping, 4)
    old = snapshot(path)
    with_entries(shipping, 5)
    other = Shipping(store=open_store(f"sqlite:///{old}"), clock=shipping.clock, copy=shipping.copy)
    with other.store.transaction() as tx:
        restored(tx, Decider(by="ada", origin="cli", reason="", now=NOON), file="x", sha256="y", copies={TARGET: ()})
    other.write(1)
    other.ship()
    found = other.compared()
    assert "rollback_found" not in other.events()
    other.store.close()
    assert found == Compared(ok=True, entries=6, unshipped=0, left_behind=5)


def test_entries_that_left_the_database_are_proven_by_the_copys_chain(shipping: Shipping, tmp_path: Path) -> None:
    """The copy keeps what retention exported: its chain leads to where the database's begins."""
    shipping.write(SEGMENT + 5)
    shipping.ship()
    later: datetime = NOON + timedelta(days=500)
    assert export_oldest(shipping.store, tmp_path / "old", before=later, now=later, shipped_to=TARGET)
    assert shipping.compared().ok
    told = lines(shipping)
    del told[10]
    assert not looked(shipping, told).ok


def test_what_is_not_shipped_is_not_exported(shipping: Shipping, tmp_path: Path) -> None:
    """Retention waits for the copy: an entry is in one place at least that nobody on this machine alters."""
    shipping.write(SEGMENT)
    later = NOON + timedelta(days=500)
    directory = tmp_path / "old"
    assert export_oldest(shipping.store, directory, before=later, now=later, shipped_to=TARGET) is None
    shipping.ship()
    assert export_oldest(shipping.store, directory, before=later, now=later, shipped_to=TARGET) is not None
