"""Retention: what is old goes, what stands or waits stays, and the journal's old entries go for files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cloudwarden.core import lifecycle
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.errors import StoreError, StoreUnusable, StoreUnwritable
from cloudwarden.core.exemption import Exemption
from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Grace, Proposal, ProposalState, State
from cloudwarden.core.notice import Notice, NoticeKind, NoticeState
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.engine.events import OldRemoved
from cloudwarden.ports import PolicyRun, ScopeRun
from cloudwarden.store import Retention, SqlStore, open_store, retention, verify
from cloudwarden.store.backup import back_up
from cloudwarden.store.segments import SEGMENT
from journals import append, tamper
from pausing import paused

MONTH = timedelta(days=30)
LATER = timedelta(days=31)


def policy(store: SqlStore, directory: Path | None = None) -> Retention:
    """All that ended a month ago goes."""
    return Retention(store=store, findings=MONTH, journal=MONTH, directory=directory)


def ids(store: SqlStore, table: str) -> list[str]:
    """The ids in a table, sorted."""
    with store.reading() as tx:
        return list(tx.connection.exec_driver_sql(f"SELECT id FROM {table} ORDER BY id").scalars())  # noqa: S608


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


def test_a_scope_that_left_long_ago_is_forgotten(store: SqlStore, noon: datetime) -> None:
    """An account that comes back after that is new, and waits to be accepted."""
    here, left = (Scope(account=f"{number:012}", region="eu-west-1") for number in (1, 2))
    with store.transaction() as tx:
        tx.scopes.save(
            [
                KnownScope(scope=here, name="", found_at=noon, accepted_at=noon),
                KnownScope(scope=left, name="", found_at=noon, accepted_at=noon, left_at=noon),
            ]
        )
    assert list(policy(store).batches(noon + timedelta(days=29))) == []
    assert list(policy(store).batches(noon + LATER)) == [OldRemoved(scopes=1)]
    with store.reading() as tx:
        assert set(tx.scopes.known()) == {here}


def test_trust_in_a_scope_goes_with_it(store: SqlStore, noon: datetime) -> None:
    """What comes back is new: nothing acts there by itself because somebody trusted it before. The rest stays."""
    here, gone, part = (Scope(account=f"{number:012}", region="eu-west-1") for number in (1, 2, 3))
    stays = replace(part, region="us-east-1")
    everywhere = [replace(one, region=GLOBAL) for one in (here, gone, part)]
    with store.transaction() as tx:
        for one in (here, gone, part, stays):
            left_at = noon if one in (gone, part) else None
            tx.scopes.save([KnownScope(scope=one, name="", found_at=noon, accepted_at=noon, left_at=left_at)])
        tx.decisions.trust("a", "v1", [here, gone, part, stays, *everywhere], noon)
    assert list(policy(store).batches(noon + LATER)) == [OldRemoved(scopes=2, trust=3)]
    with store.reading() as tx:
        assert tx.decisions.trusted("a", "v1") == {here, stays, everywhere[0], everywhere[2]}


@pytest.mark.parametrize("region", ["eu-west-1", GLOBAL])
def test_a_scope_that_left_stays_known_while_findings_stand_there(
    store: SqlStore, finding: Callable[..., Finding], noon: datetime, region: str
) -> None:
    """That it left is what closes them, once somebody can tell of its account again; or they stood for ever."""
    left = Scope(account="1" * 12, region="eu-west-1")
    stands = finding("f1", scope=replace(left, region=region))
    with store.transaction() as tx:
        tx.scopes.save([KnownScope(scope=left, name="", found_at=noon, left_at=noon)])
        tx.findings.save([stands])
    assert list(policy(store).batches(noon + LATER)) == []
    with store.transaction() as tx:
        tx.findings.save([lifecycle.forsaken(stands, "it left", noon + LATER)])
    assert list(policy(store).batches(noon + LATER)) == [OldRemoved(scopes=1)]


def test_a_version_that_was_replaced_long_ago_is_no_longer_trusted(store: SqlStore, noon: datetime) -> None:
    """One goes a month after another was trusted in its place; what is trusted now stays for ever."""
    here = Scope(account="1" * 12, region="eu-west-1")
    with store.transaction() as tx:
        tx.decisions.trust("a", "old", [here], noon)
        tx.decisions.trust("a", "new", [here], noon + MONTH)
        tx.decisions.trust("b", "only", [here], noon)
    assert list(policy(store).batches(noon + MONTH + timedelta(days=29))) == []
    assert list(policy(store).batches(noon + MONTH + LATER)) == [OldRemoved(trust=1)]
    with store.reading() as tx:
        versions = (("a", "old"), ("a", "new"), ("b", "only"))
        assert [bool(tx.decisions.trusted(*version)) for version in versions] == [False, True, True]


def test_a_version_that_was_gone_back_to_is_trusted_for_ever(store: SqlStore, noon: datetime) -> None:
    """What runs is not replaced, though another one was trusted after it: it would only propose, in silence."""
    here = Scope(account="1" * 12, region="eu-west-1")
    with store.transaction() as tx:
        for number, version in enumerate(("older", "old", "new")):
            tx.decisions.trust("a", version, [here], noon + timedelta(days=number))
        tx.runs.save(PolicyRun(policy="a", run_id="r", started_at=noon + MONTH, population=1, fingerprint="old"), [])
    assert list(policy(store).batches(noon + 3 * MONTH)) == [OldRemoved(trust=1)]
    with store.reading() as tx:
        assert [bool(tx.decisions.trusted("a", one)) for one in ("older", "old", "new")] == [False, True, True]


def test_what_was_trusted_before_instants_were_kept_is_the_oldest(store: SqlStore, noon: datetime) -> None:
    """It stays until another version was trusted in its place, a month ago."""
    with store.transaction() as tx:
        tx.connection.exec_driver_sql("INSERT INTO trust VALUES ('a', 'ancient', '1', 'eu-west-1', NULL)")
    assert list(policy(store).batches(noon + 100 * MONTH)) == []
    with store.transaction() as tx:
        tx.decisions.trust("a", "new", [Scope(account="1" * 12, region="eu-west-1")], noon)
    assert list(policy(store).batches(noon + LATER)) == [OldRemoved(trust=1)]


def test_a_policy_that_was_removed_long_ago_is_forgotten(store: SqlStore, noon: datetime) -> None:
    """After more than a year it would be new; a yearly one runs in between."""
    here = Scope(account="1" * 12, region="eu-west-1")
    with store.transaction() as tx:
        for name, started in (("removed", noon), ("yearly", noon + LATER)):
            tx.runs.save(PolicyRun(policy=name, run_id="r", started_at=started, population=1), [ScopeRun(scope=here)])
            tx.runs.add_matches(name, started, 3)
            tx.decisions.trust(name, "v1", [here], started)
    assert list(policy(store).batches(noon + timedelta(days=399))) == []
    assert list(policy(store).batches(noon + timedelta(days=401))) == [OldRemoved(policies=1)]
    with store.reading() as tx:
        for name, known in (("removed", False), ("yearly", True)):
            assert bool(tx.runs.get(name)) is bool(tx.runs.scopes(name)) is bool(tx.runs.matches(name)) is known
            assert bool(tx.decisions.trusted(name, "v1")) is known


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
