"""Notices in every store, in memory or in a file."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from cloudwarden import Escalation, Notify, days, owner
from cloudwarden.core.finding import Finding, Grace
from cloudwarden.core.notice import Lead, LeadKind, Notice, NoticeKind, NoticeState
from cloudwarden.core.telling import Ahead, news, overtaken, owed, untold
from cloudwarden.store import Retention, SqlStore


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


CLOCKS = [None, *(timedelta(days=n) for n in range(3))]
LEADS = [(Lead(form="owner", kind=LeadKind.NAME, value=who),) for who in ("ada", "bob")]
NOTIFY = Notify(
    owners=[owner("ada")], before=days(1), remind=days(2), escalate=Escalation(after=days(3), to="ops"), digest=days(1)
)


def written(seed: int, notice: Callable[..., Notice], noon: datetime) -> list[Notice]:
    """A long history of a finding, one notice after another."""
    draw = random.Random(seed)  # noqa: S311 - a history, no secret
    made = []
    for number in range(120):
        state, since, at = draw.choice(list(NoticeState)), draw.choice(CLOCKS), noon + timedelta(hours=6 * number)
        made.append(
            notice(
                f"n{number:03}",
                kind=draw.choice(list(NoticeKind)),
                state=state,
                plan_hash=draw.choice([None, "a", "b"]),
                leads=draw.choice(LEADS),
                watched_since=None if since is None else noon + since,
                not_before=at + timedelta(days=draw.randrange(4)),
                created_at=at,
                ended_at=None if state is NoticeState.PENDING else at + timedelta(hours=draw.randrange(6)),
            )
        )
    return made


@pytest.mark.parametrize("seed", range(5))
def test_what_still_matters_decides_as_all_would(
    store: SqlStore, finding: Callable[..., Finding], notice: Callable[..., Notice], noon: datetime, seed: int
) -> None:
    """Whatever the plan, the owner and the grace clock: before what is old was removed, and after."""
    told = written(seed, notice, noon)
    for since in CLOCKS:
        about = finding("f1", grace=Grace(since=None if since is None else noon + since))
        with store.transaction() as tx:
            tx.findings.save([about])
            tx.notices.save(told)
        for _ in range(2):
            with store.reading() as tx:
                left = tx.notices.about(["f1"])
            assert len(left) < len(told)
            for plan, leads in itertools.product(["a", "b", None], [*LEADS, None]):
                ahead = Ahead(notify=NOTIFY, finding=about, now=noon + days(30), plan_hash=plan, leads=leads)
                for asked in (untold, owed, lambda *given: sorted(one.id for one in overtaken(*given))):
                    assert asked(ahead, left) == asked(ahead, told)
            assert news(NOTIFY, left) == news(NOTIFY, told)
            list(Retention(store=store, findings=days(3), journal=days(400), directory=None).batches(noon + days(30)))
