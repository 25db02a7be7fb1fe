"""What every store promises of whatever is in it, in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from cloudwarden import ports
from cloudwarden.core.errors import StoreUnusable
from cloudwarden.core.finding import Finding
from cloudwarden.store import SqlStore

Findings = Callable[..., Finding]


def test_the_store_is_the_port(store: SqlStore) -> None:
    """The adapter satisfies the engine's protocols, as the type checkers see here."""
    port: ports.Store = store
    with port.transaction() as tx:
        assert tx.findings.standing() == []


def test_saving_again_overwrites(store: SqlStore, finding: Findings) -> None:
    """A finding that is saved again, even by the same call, is the later one, and set fields can become unset."""
    with store.transaction() as tx:
        tx.findings.save([finding(held="grace"), finding(held="limit")])
        tx.findings.save([finding(attempts=1)])
        assert tx.findings.standing() == [finding(attempts=1)]


def test_times_come_back_aware_in_utc(store: SqlStore, finding: Findings) -> None:
    """An instant given in another zone is the same instant, in UTC."""
    local = datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    with store.transaction() as tx:
        tx.findings.save([finding(last_seen=local)])
        kept = tx.findings.get("f1")
    assert kept is not None
    assert kept.last_seen == local
    assert kept.last_seen.tzinfo is UTC


def test_a_row_nobody_wrote_is_unusable(store: SqlStore, finding: Findings) -> None:
    """A state that this version does not know is reported as such, not guessed."""
    with store.transaction() as tx:
        tx.findings.save([finding()])
        tx.connection.exec_driver_sql("UPDATE findings SET state = 'sleeping'")
        with pytest.raises(StoreUnusable, match=r"findings cannot be read.*sleeping"):
            tx.findings.get("f1")
