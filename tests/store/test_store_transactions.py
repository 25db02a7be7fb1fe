"""Transactions: all or nothing, one writer at a time, readers beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import pytest

from cloudwarden.core.errors import StoreBusy, StoreUnwritable
from cloudwarden.core.finding import Finding
from cloudwarden.store import SqlStore
from pausing import paused

Findings = Callable[..., Finding]


def test_a_block_that_raises_keeps_nothing(store: SqlStore, finding: Findings, noon: datetime) -> None:
    """Findings and journal go back together, whatever was raised, even what is no Exception."""

    def interrupted() -> None:
        with store.transaction() as tx:
            tx.findings.save([finding()])
            tx.journal.append(at=noon, event="intended", details={})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with store.transaction() as tx:
        assert tx.findings.standing() == []
        assert tx.journal.entries() == []


def test_a_second_transaction_waits_and_gives_up(store: SqlStore) -> None:
    """A transaction begun within another cannot begin: it is busy, and the outer one is unharmed."""
    with store.transaction() as outer:
        outer.decisions.save_pause(paused())
        with pytest.raises(StoreBusy), store.transaction():
            pass
    with store.transaction() as tx:
        assert tx.decisions.pauses() == [paused()]


def test_threads_take_turns(store: SqlStore, noon: datetime) -> None:
    """Many threads append at once: every entry is there, none twice, no number missing.

    A turn that does not come in time is asked for again: this store's patience is short.
    """

    def append() -> None:
        left = 10
        while left:
            with suppress(StoreBusy):
                with store.transaction() as tx:
                    tx.journal.append(at=noon, event="intended", details={})
                left -= 1

    threads = [threading.Thread(target=append) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as tx:
        assert [entry.seq for entry in tx.journal.entries()] == list(range(1, 41))


def test_reading_refuses_to_write(store: SqlStore) -> None:
    """A view for reports changes nothing, and the next transaction can write again."""
    with pytest.raises(StoreUnwritable), store.reading() as tx:
        tx.decisions.save_pause(paused())
    with store.transaction() as tx:
        tx.decisions.save_pause(paused())
