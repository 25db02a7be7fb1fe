"""How the record itself is kept, in every store, in memory or in a file."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from cloudwarden import ports
from cloudwarden.store import SqlStore


def test_a_shipment_comes_back_whole(store: SqlStore, noon: datetime) -> None:
    """One for each target, the latest word of each; the branches that were left among it."""
    first = ports.Shipment(target="a", branch="b1")
    moved = ports.Shipment(target="a", branch="b2", left=("b0", "b1"), seq=7, hash="f" * 64, shipped_at=noon)
    with store.transaction() as tx:
        assert tx.keeping.shipments() == []
        tx.keeping.save_shipment(first)
        tx.keeping.save_shipment(ports.Shipment(target="b", branch="c1"))
        tx.keeping.save_shipment(moved)
    with store.reading() as tx:
        assert tx.keeping.shipments() == [moved, ports.Shipment(target="b", branch="c1")]


def test_the_latest_restoration_counts(store: SqlStore, noon: datetime) -> None:
    """Of several; none when there never was one."""
    first = ports.Restoration(at=noon, by="ada", origin="cli", reason="", file="a", sha256="0", seq=3)
    second = replace(first, at=noon + timedelta(seconds=1), file="b")
    with store.transaction() as tx:
        assert tx.keeping.restored() is None
        for one in (second, first):
            tx.keeping.save_restoration(one)
        assert tx.keeping.restored() == second


def test_the_journal_says_which_restoration_is_the_latest(store: SqlStore, noon: datetime) -> None:
    """A clock may have been set back between two of them."""
    first = ports.Restoration(at=noon, by="ada", origin="cli", reason="", file="a", sha256="0", seq=3)
    second = replace(first, at=noon - timedelta(hours=1), seq=4)
    with store.transaction() as tx:
        tx.keeping.save_restoration(first)
        tx.keeping.save_restoration(second)
        assert tx.keeping.restored() == second


def test_the_journals_last_number(store: SqlStore, noon: datetime) -> None:
    """That of the newest entry, and 0 before the first."""
    with store.transaction() as tx:
        assert tx.journal.last() == 0
        tx.journal.append(at=noon, event="x", details={})
        assert tx.journal.last() == 1
