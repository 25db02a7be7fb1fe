"""Retention: what is old goes, and what stands or waits stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cloudwarden.core import lifecycle
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.exemption import Exemption
from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Grace, Proposal, ProposalState, State
from cloudwarden.core.notice import Notice, NoticeKind, NoticeState
from cloudwarden.core.resource import Scope
from cloudwarden.engine.events import OldRemoved
from cloudwarden.ports import PolicyRun
from cloudwarden.store import SqlStore, retention, verify
from journals import append
from pausing import paused
from retaining import LATER, MONTH, ids, policy


def test_what_ended_long_ago_goes_with_what_it_led_to(
    store: SqlStore,
    finding: Callable[..., Finding],
    proposal: Callable[..., Proposal],
    action: Callable[..., ActionRecord],
    noon: datetime,
) -> None:
    """A fixed finding, its carried out proposal and its action: all three, and nothing a day too early."""
    with store.transaction() as tx:
        tx.findings.save([finding("f1", state=State.FIXED)])
        tx.proposals.save([proposal("p1", state=ProposalState.CARRIED_OUT)])
        tx.actions.save(action("a1", proposal_id="p1", state=ActionState.SUCCEEDED))
    assert list(policy(store).batches(noon + timedelta(days=29))) == []
    # The proposal would have expired a week after it was made.
    removed = list(policy(store).batches(noon + LATER + timedelta(days=7)))
    assert removed == [OldRemoved(actions=1), OldRemoved(proposals=1), OldRemoved(findings=1)]


def test_what_is_put_off_stays(store: SqlStore, finding: Callable[..., Finding], noon: datetime) -> None:
    """A closed finding that says until when its resource is to be left alone says so until then."""
    with store.transaction() as tx:
        tx.findings.save([finding("f1", state=State.FIXED, snoozed_until=noon + 2 * MONTH)])
    assert list(policy(store).batches(noon + LATER)) == []
    assert list(policy(store).batches(noon + 2 * MONTH + LATER)) == [OldRemoved(findings=1)]


def test_what_was_fixed_stays_as_long_as_it_is_left_alone_when_it_comes_back(
    store: SqlStore, finding: Callable[..., Finding], noon: datetime
) -> None:
    """However little is kept: without it, what somebody brings back would be acted on again."""
    with store.transaction() as tx:
        tx.findings.save([finding("f1", state=State.FIXED), finding("f2", state=State.RESOLVED)])
    brief = replace(policy(store), findings=timedelta(days=7))
    assert list(brief.batches(noon + timedelta(days=8))) == [OldRemoved(findings=1)]
    assert list(brief.batches(noon + lifecycle.FIXED_WITHIN)) == []
    assert ids(store, "findings") == ["f1"]
    assert list(brief.batches(noon + lifecycle.FIXED_WITHIN + timedelta(seconds=1))) == [OldRemoved(findings=1)]


def test_ended_exemptions_go_and_those_of_a_file_that_still_says_them_stay(
    store: SqlStore, exemption: Callable[..., Exemption], noon: datetime
) -> None:
    """Expired or revoked a month ago; a file would only say it again."""
    kept = [exemption("lasts", expires_at=noon + 3 * MONTH), exemption("said", source="exempt.toml")]
    gone = [exemption("expired"), exemption("revoked", source="exempt.toml", revoked_at=noon)]
    with store.transaction() as tx:
        for one in (*kept, *gone):
            tx.decisions.save_exemption(replace(one, expires_at=max(one.expires_at, noon + timedelta(days=1))))
    assert list(policy(store).batches(noon + timedelta(days=29))) == []
    assert list(policy(store).batches(noon + LATER + LATER)) == [OldRemoved(exemptions=2)]
    assert ids(store, "exemptions") == ["lasts", "said"]


@pytest.mark.parametrize("state", [State.OPEN, State.DUE, State.EXEMPTED, State.PROPOSED])
def test_what_stands_stays(store: SqlStore, finding: Callable[..., Finding], noon: datetime, state: State) -> None:
    """However old a finding is, it stays until it is closed."""
    with store.transaction() as tx:
        tx.findings.save([finding("f1", state=state)])
    assert list(policy(store).batches(noon + 100 * MONTH)) == []


def test_what_waits_or_runs_keeps_all_that_it_refers_to(
    store: SqlStore,
    finding: Callable[..., Finding],
    proposal: Callable[..., Proposal],
    action: Callable[..., ActionRecord],
    noon: datetime,
) -> None:
    """A pending proposal keeps its finding; an action whose outcome nobody knows keeps its proposal and finding."""
    with store.transaction() as tx:
        tx.findings.save([finding(name, state=State.GONE) for name in ("f1", "f2")])
        tx.proposals.save([proposal("p1"), proposal("p2", finding_id="f2", state=ProposalState.CARRIED_OUT)])
        tx.actions.save(action("a2", finding_id="f2", proposal_id="p2", state=ActionState.INTENDED))
    assert list(policy(store).batches(noon + 100 * MONTH)) == []


def test_what_is_to_be_undone_stays_as_long_as_its_undo_waits(
    store: SqlStore, finding: Callable[..., Finding], action: Callable[..., ActionRecord], noon: datetime
) -> None:
    """A held undo looks at what it undoes before it calls anything, and ends where that is unknown."""
    undoing = action("a2", undoes="a1", state=ActionState.WAITING, changed_at=noon + MONTH)
    with store.transaction() as tx:
        tx.findings.save([finding("f1", state=State.FIXED)])
        tx.actions.save(action("a1", state=ActionState.SUCCEEDED))
        tx.actions.save(undoing)
    assert list(policy(store).batches(noon + LATER)) == []
    with store.transaction() as tx:
        tx.actions.save(replace(undoing, state=ActionState.SUCCEEDED))
    assert list(policy(store).batches(noon + LATER)) == [OldRemoved(actions=1)]


def test_the_latest_endings_of_a_policy_that_runs_stay(
    store: SqlStore,
    finding: Callable[..., Finding],
    action: Callable[..., ActionRecord],
    noon: datetime,
) -> None:
    """By them it stops after failures in a row, however seldom it acts; of one that was removed none is needed."""
    kept = [f"a{number:03}" for number in range(1, retention.ENDINGS_KEPT + 1)]
    with store.transaction() as tx:
        tx.runs.save(PolicyRun(policy="stop-idle", run_id="r", started_at=noon, population=1), [])
        tx.findings.save([finding("f1", state=State.FIXED)])
        for name in ("a000", *kept):
            tx.actions.save(action(name, state=ActionState.FAILED))
        tx.actions.save(action("other", policy="removed", state=ActionState.FAILED))
    assert sum(one.actions for one in policy(store).batches(noon + LATER)) == 2
    assert (ids(store, "actions"), ids(store, "findings")) == (kept, ["f1"])


def test_a_standing_finding_does_not_keep_its_old_proposals(
    store: SqlStore, finding: Callable[..., Finding], proposal: Callable[..., Proposal], noon: datetime
) -> None:
    """One that nobody ever decides is proposed anew each week: the expired ones go, and so they stay few."""
    with store.transaction() as tx:
        tx.findings.save([finding("f1", state=State.PROPOSED)])
        tx.proposals.save([proposal("p1", state=ProposalState.EXPIRED), proposal("p2")])
    assert list(policy(store).batches(noon + 100 * MONTH)) == [OldRemoved(proposals=1)]
    assert ids(store, "proposals") == ["p2"]


def test_a_standing_finding_keeps_its_last_proposal(
    store: SqlStore, finding: Callable[..., Finding], proposal: Callable[..., Proposal], noon: datetime
) -> None:
    """By it nothing is done alone that people refused, however long ago; it goes with its finding."""
    refused = finding("f1", state=State.OPEN)
    with store.transaction() as tx:
        tx.findings.save([refused])
        tx.proposals.save(proposal(one, state=ProposalState.REJECTED) for one in ("p1", "p2"))
    assert list(policy(store).batches(noon + 100 * MONTH)) == [OldRemoved(proposals=1)]
    assert ids(store, "proposals") == ["p2"]
    with store.transaction() as tx:
        tx.findings.save([replace(refused, state=State.GONE, state_since=noon + LATER)])
    assert ids(store, "findings") == ["f1"]
    assert list(policy(store).batches(noon + 100 * MONTH)) == [OldRemoved(proposals=1), OldRemoved(findings=1)]


def test_a_proposal_decided_late_stays_as_long_as_its_decision(
    store: SqlStore, finding: Callable[..., Finding], proposal: Callable[..., Proposal], noon: datetime
) -> None:
    """Who rejected it, and why, is to be read for the whole time."""
    rejected = proposal("p1", state=ProposalState.REJECTED, decided_at=noon + LATER, decided_by="ada")
    with store.transaction() as tx:
        tx.findings.save([finding("f1")])
        tx.proposals.save([rejected])
    assert list(policy(store).batches(noon + LATER + timedelta(days=20))) == []


def test_a_transaction_removes_no_more_than_a_batch(
    store: SqlStore, finding: Callable[..., Finding], noon: datetime
) -> None:
    """So that a writer waits for milliseconds, whatever there is to remove."""
    with store.transaction() as tx:
        tx.findings.save([finding(f"f{number}", state=State.FIXED) for number in range(retention.BATCH + 1)])
    removed = policy(store).batches(noon + LATER)
    assert next(removed) == OldRemoved(findings=retention.BATCH)
    with store.transaction() as tx:
        tx.decisions.save_pause(paused())
    assert list(removed) == [OldRemoved(findings=1)]


KEPT = ("findings", "exemptions", "scopes", "trust")


def rows(store: SqlStore, table: str) -> int:
    """How many there are."""
    with store.reading() as tx:
        return int(tx.connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())  # noqa: S608


def _left(day: int, now: datetime) -> KnownScope:
    """An account that is closed as soon as it is found."""
    return KnownScope(
        scope=Scope(account=f"{day:012}", region="eu-west-1"), name="", found_at=now, accepted_at=now, left_at=now
    )


def test_a_year_keeps_a_bounded_state(
    file_store: SqlStore,
    path: Path,
    finding: Callable[..., Finding],
    exemption: Callable[..., Exemption],
    tmp_path: Path,
    noon: datetime,
) -> None:
    """All that comes and goes in a year, a month of it kept: rows and file stay as after a quarter."""
    sizes = {}
    for day in range(0, 365, 5):
        now = noon + timedelta(days=day)
        with file_store.transaction() as tx:
            tx.findings.save([finding(f"f{day}-{one}", state=State.FIXED, state_since=now) for one in range(20)])
            tx.decisions.trust("stop-idle", f"version of day {day}", [Scope(account="1" * 12, region="eu-west-1")], now)
            tx.scopes.save([_left(day, now)])
            tx.decisions.save_exemption(exemption(f"e{day}", created_at=now, expires_at=now + timedelta(days=1)))
        append(file_store, 80, now)
        list(policy(file_store, tmp_path / "journal").batches(now))
        with file_store.reading() as tx:
            tx.connection.exec_driver_sql("SELECT 1")
        sizes[day] = path.stat().st_size, [rows(file_store, table) for table in KEPT]
    (early, rows_early), (late, rows_late) = sizes[120], sizes[360]
    assert rows_late == rows_early == [7 * 20, 7, 7, 8]
    assert late <= early * 1.2
    assert verify(file_store, tmp_path / "journal").ok


def test_a_finding_that_stands_for_long_keeps_its_latest_notices(
    store: SqlStore, finding: Callable[..., Finding], notice: Callable[..., Notice], noon: datetime
) -> None:
    """Daily reminders, and first notices under clocks that ran out: of each the latest stays, and all young ones."""
    day, clock = timedelta(days=1), Grace(since=noon)
    reminders = [
        notice(f"r{n:02}", kind=NoticeKind.REMINDER, state=NoticeState.DELIVERED, watched_since=noon) for n in range(40)
    ]
    firsts = [notice(f"f{n:02}", state=NoticeState.DELIVERED, watched_since=noon - day * (n + 1)) for n in range(3)]
    told = [
        replace(one, created_at=noon + day * n, ended_at=noon + day * n) for n, one in enumerate([*firsts, *reminders])
    ]
    with store.transaction() as tx:
        tx.findings.save([finding("f1", grace=clock)])
        tx.notices.save([*told, notice("pending", created_at=noon)])
    removed = list(policy(store).batches(noon + day * 42))
    assert ids(store, "notices") == ["f02", "pending", *[f"r{n:02}" for n in range(9, 40)]]
    assert removed == [OldRemoved(notices=11)]
    with store.reading() as tx:
        assert [one.id for one in tx.notices.about(["f1"])] == ["pending", "f02", "r39"]


def test_notices_go_with_their_findings(
    store: SqlStore, finding: Callable[..., Finding], notice: Callable[..., Notice], noon: datetime
) -> None:
    """Old ones of what stands stay: what their owners were told still counts."""
    with store.transaction() as tx:
        tx.findings.save([finding("f1"), finding("f2", state=State.GONE)])
        tx.notices.save([notice("n1"), notice("n2", finding_id="f2"), notice("n3", created_at=noon + LATER)])
    removed = list(policy(store).batches(noon + LATER))
    assert ids(store, "notices") == ["n1", "n3"]
    assert sum(one.notices for one in removed) == 1
