"""What sweeps leave in every store, in memory or in a file."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from cloudwarden import ports
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.resource import Scope
from cloudwarden.ports import ScopeRun
from cloudwarden.store import SqlStore
from cloudwarden.store.transaction import SqlTransaction

EAST = Scope(account="111122223333", region="us-east-1")


WEST = Scope(account="111122223333", region="us-west-2")


def test_matches_are_a_bounded_history(store: SqlStore, noon: datetime) -> None:
    """Newest first; what is older than the latest twenty is forgotten, and all of it when asked."""
    with store.transaction() as tx:
        for number in range(25):
            tx.runs.add_matches("stop-idle", noon + timedelta(minutes=number), number)
        tx.runs.add_matches("owner-tags", noon, 7)
        assert tx.runs.matches("stop-idle") == list(range(24, 4, -1))
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM matches").scalar_one() == 21
        tx.runs.forget_matches("stop-idle")
        assert (tx.runs.matches("stop-idle"), tx.runs.matches("owner-tags")) == ([], [7])


def test_what_was_found_while_the_clock_was_ahead_grows_old_too(store: SqlStore, noon: datetime) -> None:
    """Twenty sweeps after it was put right, nothing is compared with that any more."""
    with store.transaction() as tx:
        for number in range(20):
            tx.runs.add_matches("stop-idle", noon + timedelta(days=60, minutes=number), 100)
        for number in range(20):
            assert tx.runs.matches("stop-idle") == [2] * number + [100] * (20 - number)
            tx.runs.add_matches("stop-idle", noon + timedelta(minutes=number), 2)
        assert tx.runs.matches("stop-idle") == [2] * 20


def test_the_latest_run_replaces_the_one_before(store: SqlStore, noon: datetime) -> None:
    """Only the scopes of the latest sweep are remembered; other policies' runs stay."""
    first = ports.PolicyRun(policy="stop-idle", run_id="r1", started_at=noon, population=10)
    second = ports.PolicyRun(policy="stop-idle", run_id="r2", started_at=noon, population=None, fingerprint="v2")
    with store.transaction() as tx:
        east, west = ScopeRun(scope=EAST), ScopeRun(scope=WEST, read_at=noon, matches=3, population=10)
        tx.runs.save(replace(first, policy="owner-tags"), [east])
        tx.runs.save(first, [east, east])
        tx.runs.save(second, [west])
        assert tx.runs.get("stop-idle") == second
        assert tx.runs.scopes("stop-idle") == {WEST: west}
        assert set(tx.runs.scopes("owner-tags")) == {EAST}
        assert tx.runs.get("never") is None
        assert tx.runs.swept() == {"stop-idle": noon, "owner-tags": None}


def test_what_a_sweep_found_as_before_is_not_written_again(store: SqlStore, noon: datetime) -> None:
    """A thousand accounts have 170,000 listings, most of which say the same every quarter of an hour."""
    first = ports.PolicyRun(policy="stop-idle", run_id="r1", started_at=noon, population=10)
    second = replace(first, run_id="r2", started_at=noon + timedelta(minutes=15))
    with store.transaction() as tx:
        tx.runs.save(first, [ScopeRun(scope=EAST, read_at=noon, matches=3), ScopeRun(scope=WEST)])
    with store.transaction() as tx:
        before = _changes(tx)
        tx.runs.save(second, [ScopeRun(scope=EAST, read_at=second.started_at, matches=3), ScopeRun(scope=WEST)])
        assert _changes(tx) == before + 1, "the sweep alone"
        assert tx.runs.scopes("stop-idle")[EAST].read_at == second.started_at
        assert tx.runs.swept() == {"stop-idle": second.started_at}


def test_a_scope_that_is_read_no_more_was_last_read_then(store: SqlStore, noon: datetime) -> None:
    """However many sweeps could not read it since."""
    read = ScopeRun(scope=EAST, read_at=noon, matches=3, population=10)
    for number in range(3):
        run = ports.PolicyRun(
            policy="stop-idle", run_id=f"r{number}", started_at=noon + timedelta(hours=number), population=None
        )
        with store.transaction() as tx:
            tx.runs.save(run, [read, ScopeRun(scope=WEST, read_at=run.started_at)])
        with store.reading() as tx:
            assert tx.runs.scopes("stop-idle")[EAST] == read


def _changes(tx: SqlTransaction) -> int:
    found: int = tx.connection.exec_driver_sql("SELECT total_changes()").scalar_one()
    return found


def test_scopes_come_back_as_they_were_saved(store: SqlStore, noon: datetime) -> None:
    """One that waits, and one that was accepted and left; saving again replaces."""
    waiting = KnownScope(scope=EAST, name="shop", found_at=noon)
    left = KnownScope(
        scope=WEST, name="", found_at=noon, accepted_at=noon, accepted_by="ada", left_at=noon + timedelta(days=1)
    )
    with store.transaction() as tx:
        tx.scopes.save([waiting, left])
    with store.transaction() as tx:
        assert tx.scopes.known() == {EAST: waiting, WEST: left}
        tx.scopes.save([replace(waiting, name="web")])
        assert tx.scopes.known()[EAST].name == "web"


def test_spending_is_of_a_day(store: SqlStore, noon: datetime) -> None:
    """A day begins at nothing, its number is the last one saved, and the numbers of earlier days go."""
    today, tomorrow = noon.date(), noon.date() + timedelta(days=1)
    with store.transaction() as tx:
        assert tx.spending.metrics(today) == 0
        tx.spending.save(today, 7)
        tx.spending.save(today, 5_000_000_000)
    with store.transaction() as tx:
        assert tx.spending.metrics(today) == 5_000_000_000
        tx.spending.save(tomorrow, 1)
    with store.transaction() as tx:
        assert [tx.spending.metrics(day) for day in (today, tomorrow)] == [0, 1]
