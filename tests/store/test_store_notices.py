"""Notices in every store, in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from cloudwarden.core.notice import Lead, LeadKind, Notice, NoticeKind, NoticeState
from cloudwarden.store import SqlStore


def test_a_notice_comes_back_whole(store: SqlStore, notice: Callable[..., Notice], noon: datetime) -> None:
    """Every field survives, and a plain one too; those of a finding oldest first."""
    full = notice(
        "n2",
        kind=NoticeKind.REMINDER,
        name="web ☃",
        leads=(
            Lead(form="tag owner", kind=LeadKind.NAME, value=None),
            Lead(form="the account's contact", kind=LeadKind.ACCOUNT, value="111122223333"),
            Lead(form="tag owner", kind=LeadKind.DOUBT, value="throttled"),
        ),
        created_at=noon - timedelta(microseconds=1),
        due_at=noon + timedelta(hours=1),
        next_attempt_at=noon + timedelta(hours=2),
        would="stop i-1",
        plan_hash="abc",
        watched_since=noon - timedelta(days=1),
        before=timedelta(days=2, microseconds=5),
        not_before=noon + timedelta(days=2),
        remark="told before",
        state=NoticeState.DELIVERED,
        attempts=3,
        error="channel ops: answered 503",
        owner="ada",
        channel="ops",
        ended_at=noon,
    )
    with store.transaction() as tx:
        tx.notices.save([notice(), full, notice("n3", finding_id="f2")])
    with store.reading() as tx:
        assert list(tx.notices.about(["f1"])) == [full, notice()]
        assert tx.notices.about([]) == []


def test_pending_notices_wait_in_the_order_of_their_attempts(
    store: SqlStore, notice: Callable[..., Notice], noon: datetime
) -> None:
    """Whatever ended is not among them; the latest are told newest first."""
    later = notice("n1", next_attempt_at=noon + timedelta(hours=1), created_at=noon + timedelta(hours=1))
    ended = [notice(f"e-{state}", state=state) for state in NoticeState if state is not NoticeState.PENDING]
    with store.transaction() as tx:
        tx.notices.save([later, notice("n2"), *ended])
        assert [one.id for one in tx.notices.pending()] == ["n2", "n1"]
        assert tx.notices.latest(1) == [later]
