"""What every store promises, in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from cloudwarden import ports
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.blast import BlastRadius, Dependant, Gap
from cloudwarden.core.errors import StoreError, StoreUnusable
from cloudwarden.core.exemption import Exemption
from cloudwarden.core.finding import ActionRecord, ActionState, Assent, Finding, Grace, Proposal, ProposalState, State
from cloudwarden.core.notice import Lead, LeadKind, Notice, NoticeKind, NoticeState
from cloudwarden.core.prospect import Prospect
from cloudwarden.core.resource import Scope
from cloudwarden.core.saving import Saving
from cloudwarden.core.verdict import Cause, Reading, Severity, Violation
from cloudwarden.store import SqlStore
from pausing import paused

Findings = Callable[..., Finding]
Proposals = Callable[..., Proposal]
Actions = Callable[..., ActionRecord]
Exemptions = Callable[..., Exemption]

EAST = Scope(account="111122223333", region="us-east-1")
WEST = Scope(account="111122223333", region="us-west-2")


def test_the_store_is_the_port(store: SqlStore) -> None:
    """The adapter satisfies the engine's protocols, as the type checkers see here."""
    port: ports.Store = store
    with port.transaction() as tx:
        assert tx.findings.standing() == []


def test_a_finding_comes_back_whole(store: SqlStore, finding: Findings, noon: datetime) -> None:
    """Every field of a finding survives, down to the microsecond and the order of its readings."""
    full = finding(
        name="web ☃",
        severity=Severity.CRITICAL,
        state=State.DUE,
        violation=Violation(summary="open", offending=("tcp/22", "tcp/3389")),
        readings=(Reading(question="cpu", answer="1 %"), Reading(question="net", answer="0 B")),
        grace=Grace(observed=timedelta(hours=1, microseconds=7), ticked_at=noon, blind_since=noon),
        unknown=Cause(reason="throttled", detail="asked too often"),
        held="pause: lunch",
        snoozed_until=noon + timedelta(microseconds=1),
        saving=Saving(dollars=61.25, basis="730 hours"),
        attempts=2,
        flaps=3,
    )
    with store.transaction() as tx:
        tx.findings.save([full, finding("f2"), finding("f4", saving=Saving(dollars=None, basis="no price"))])
    with store.transaction() as tx:
        assert tx.findings.get("f1") == full
        assert tx.findings.get("f4") == finding("f4", saving=Saving(dollars=None, basis="no price"))
        assert tx.findings.get("f2") == finding("f2")
        assert tx.findings.get("f3") is None


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


def test_since_when_grace_runs_comes_back(store: SqlStore, finding: Findings, noon: datetime) -> None:
    """It may be long before the last tick."""
    watched = finding(grace=Grace(ticked_at=noon, since=noon - timedelta(days=1)))
    with store.transaction() as tx:
        tx.findings.save([watched])
        kept = tx.findings.get("f1")
    assert kept is not None
    assert kept.grace.since == noon - timedelta(days=1)


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


def test_standing_findings_oldest_first(store: SqlStore, finding: Findings, noon: datetime) -> None:
    """Exempted findings stand, closed ones do not; a policy's name narrows it."""
    with store.transaction() as tx:
        tx.findings.save(
            [
                finding("new", first_seen=noon + timedelta(hours=1)),
                finding("old", state=State.EXEMPTED),
                finding("closed", state=State.GONE),
                finding("other", policy="owner-tags", first_seen=noon + timedelta(hours=2)),
            ]
        )
        assert [each.id for each in tx.findings.standing()] == ["old", "new", "other"]
        assert [each.id for each in tx.findings.standing("stop-idle")] == ["old", "new"]


def test_findings_in_some_states(store: SqlStore, finding: Findings, noon: datetime) -> None:
    """Those alone, oldest first: what is due is asked every second, on however large an estate."""
    with store.transaction() as tx:
        tx.findings.save(
            [
                finding("approved", state=State.APPROVED, first_seen=noon + timedelta(hours=1)),
                finding("due", state=State.DUE),
                finding("open"),
                finding("closed", state=State.GONE),
            ]
        )
        assert [each.id for each in tx.findings.in_states(State.DUE, State.APPROVED)] == ["due", "approved"]
        plan = tx.connection.exec_driver_sql("EXPLAIN QUERY PLAN SELECT * FROM findings WHERE state IN ('due', 'x')")
        assert "ix_findings_state" in str(plan.all())


def test_recently_closed_findings(store: SqlStore, finding: Findings, noon: datetime) -> None:
    """Closed at the asked instant or later, of that policy alone, or of all."""
    before = noon - timedelta(microseconds=1)
    with store.transaction() as tx:
        tx.findings.save(
            [
                finding("at", state=State.FIXED),
                finding("before", state=State.RESOLVED, state_since=before),
                finding("standing"),
                finding("other", state=State.GONE, policy="owner-tags"),
            ]
        )
        assert [each.id for each in tx.findings.recently_closed("stop-idle", noon)] == ["at"]
        assert [each.id for each in tx.findings.recently_closed(None, noon)] == ["at", "other"]


def test_a_resource_has_one_standing_finding_per_policy(store: SqlStore, finding: Findings) -> None:
    """A second one is refused, and takes its whole transaction with it."""
    with pytest.raises(StoreError, match="UNIQUE"), store.transaction() as tx:
        tx.findings.save([finding("f1"), finding("f2", resource_id="i-f1")])
    with store.transaction() as tx:
        assert tx.findings.standing() == []


def test_a_closed_finding_makes_room(store: SqlStore, finding: Findings) -> None:
    """One save may close a finding and open its successor, in whatever order it names them."""
    with store.transaction() as tx:
        tx.findings.save([finding("f1")])
    with store.transaction() as tx:
        tx.findings.save([finding("f2", resource_id="i-f1"), finding("f1", state=State.GONE)])
        assert [each.id for each in tx.findings.standing()] == ["f2"]


def test_thousands_of_findings_are_saved_together(store: SqlStore, finding: Findings) -> None:
    """A large estate's findings all come and all change in one transaction."""
    many = [finding(f"f{number}") for number in range(3000)]
    with store.transaction() as tx:
        tx.findings.save(many)
        tx.findings.save(replace(each, attempts=1) for each in many)
        assert sum(each.attempts for each in tx.findings.standing()) == 3000


def test_a_proposal_comes_back_whole(store: SqlStore, finding: Findings, proposal: Proposals, noon: datetime) -> None:
    """Plan, hash, prospects and decision survive; an unknown id gives nothing."""
    assent = Assent(by="ada", at=noon, plan_hash="0123", radius_hash="4567", reason="unused", origin="cli")
    web = Dependant(kind="elbv2.target-group", id="arn:web", why="has it as a target", name="web")
    denied = Gap(what="addresses", cause=Cause(reason="access-denied", detail="no"))
    seen = Prospect(radius=BlastRadius.of([web], [denied], noon), saving=Saving(dollars=8.76, basis="730 hours"))
    decided = proposal(state=ProposalState.REJECTED, decided_by="ada", decided_at=noon, reason="in use")
    decided = replace(decided, quorum=2, not_by=("bob",), assents=(assent,), alternatives=(decided.plan,))
    decided = replace(decided, prospects={"stop": seen, "tag": Prospect(radius=BlastRadius.of((), (), noon))})
    with store.transaction() as tx:
        tx.proposals.save([decided])
        tx.findings.save([finding()])
    with store.transaction() as tx:
        kept = tx.proposals.get("p1")
        assert kept is not None
        assert kept == decided
        assert kept.plan.hash == decided.plan.hash
        # When it was read takes no part in comparing.
        assert (kept.radius.hash, kept.radius.read_at) == (seen.radius.hash, noon)
        assert tx.proposals.get("p2") is None


def test_undecided_proposals_oldest_first(
    store: SqlStore, finding: Findings, proposal: Proposals, noon: datetime
) -> None:
    """Pending and approved ones wait; every other state is over."""
    with store.transaction() as tx:
        tx.findings.save([finding()])
        tx.proposals.save(proposal(state.value, state=state) for state in ProposalState)
        tx.proposals.save([proposal("older", created_at=noon - timedelta(hours=1))])
        assert [each.id for each in tx.proposals.undecided()] == ["older", "approved", "pending"]


def test_a_proposal_needs_its_finding(store: SqlStore, proposal: Proposals) -> None:
    """A reference to nothing is refused when the transaction ends."""
    with pytest.raises(StoreError, match="FOREIGN KEY"), store.transaction() as tx:
        tx.proposals.save([proposal()])


def test_an_action_comes_back_whole(
    store: SqlStore, finding: Findings, proposal: Proposals, action: Actions, noon: datetime
) -> None:
    """Step, what calls kept, and the error survive, also a change of them."""
    later = action(
        proposal_id="p1", state=ActionState.FAILED, changed_at=noon, step=1, kept={"snapshot": "snap-1"}, error="denied"
    )
    with store.transaction() as tx:
        tx.actions.save(action(proposal_id="p1"))
        tx.actions.save(later)
        tx.findings.save([finding()])
        tx.proposals.save([proposal()])
    with store.transaction() as tx:
        assert tx.actions.get("a1") == later
        assert tx.actions.get("a2") is None


def test_unfinished_actions_oldest_first(store: SqlStore, finding: Findings, action: Actions, noon: datetime) -> None:
    """Intended and waiting ones are unfinished."""
    with store.transaction() as tx:
        tx.findings.save([finding()])
        for number, state in enumerate(ActionState):
            tx.actions.save(action(state.value, state=state, started_at=noon - timedelta(minutes=number)))
        assert [each.id for each in tx.actions.unfinished()] == ["waiting", "intended"]


def test_actions_are_counted_since_an_instant(
    store: SqlStore, finding: Findings, action: Actions, noon: datetime
) -> None:
    """The instant itself counts, earlier actions and other policies do not."""
    with store.transaction() as tx:
        tx.findings.save([finding()])
        tx.actions.save(action("at"))
        tx.actions.save(action("before", started_at=noon - timedelta(microseconds=1)))
        tx.actions.save(action("other", policy="owner-tags"))
        assert tx.actions.count_since(noon, policy="stop-idle") == 1


def test_actions_are_counted_by_account_and_altogether(
    store: SqlStore, finding: Findings, action: Actions, noon: datetime
) -> None:
    """What all policies did in one account, and everywhere."""
    other = Scope(account="210987654321", region="eu-west-1")
    with store.transaction() as tx:
        tx.findings.save([finding()])
        tx.actions.save(action("here", policy="owner-tags"))
        tx.actions.save(action("there", scope=other))
        assert tx.actions.count_since(noon, account=other.account) == 1
        assert tx.actions.count_since(noon) == 2


def test_latest_endings_are_the_newest_first(
    store: SqlStore, finding: Findings, action: Actions, noon: datetime
) -> None:
    """Of one policy, ended ones alone, and so many."""
    states = (ActionState.SUCCEEDED, ActionState.FAILED, ActionState.ABANDONED, ActionState.INTENDED)
    with store.transaction() as tx:
        tx.findings.save([finding()])
        for number, state in enumerate(states):
            tx.actions.save(action(f"a{number}", state=state, changed_at=noon + timedelta(minutes=number)))
        tx.actions.save(action("other", policy="owner-tags", state=ActionState.FAILED, changed_at=noon))
        assert tx.actions.latest_endings("stop-idle", 2) == [ActionState.ABANDONED, ActionState.FAILED]


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


def test_exemptions_come_back_whole(store: SqlStore, exemption: Exemptions, noon: datetime) -> None:
    """Revoked and expired ones are kept; saving again is a change."""
    with store.transaction() as tx:
        tx.decisions.save_exemption(exemption("e1"))
        tx.decisions.save_exemption(exemption("e1", revoked_at=noon))
        tx.decisions.save_exemption(exemption("e2", expires_at=noon))
        assert tx.decisions.exemptions() == [exemption("e1", revoked_at=noon), exemption("e2", expires_at=noon)]


def test_pauses_are_set_and_lifted(store: SqlStore) -> None:
    """The later reason counts; lifting what is not paused is nothing."""
    with store.transaction() as tx:
        tx.decisions.save_pause(paused())
        tx.decisions.save_pause(paused(reason="outage"))
        tx.decisions.save_pause(paused("stop-idle"))
        tx.decisions.save_pause(paused("stop-idle", "111122223333"))
        tx.decisions.save_pause(paused(account="111122223333"))
        tx.decisions.end_pause("stop-idle", "*")
        tx.decisions.end_pause("owner-tags", "*")
        assert tx.decisions.pauses() == [
            paused(reason="outage"),
            paused(account="111122223333"),
            paused("stop-idle", "111122223333"),
        ]


def test_trust_grows_and_is_bound_to_a_version(store: SqlStore, noon: datetime) -> None:
    """Scopes add up for one fingerprint; another fingerprint, or policy, is not trusted."""
    with store.transaction() as tx:
        tx.decisions.trust("stop-idle", "v1", [EAST], noon)
        tx.decisions.trust("stop-idle", "v1", [EAST, WEST], noon)
        assert tx.decisions.trusted("stop-idle", "v1") == {EAST, WEST}
        assert tx.decisions.trusted("stop-idle", "v2") == frozenset()
        assert tx.decisions.trusted("owner-tags", "v1") == frozenset()


def test_the_latest_run_replaces_the_one_before(store: SqlStore, noon: datetime) -> None:
    """Only the scopes of the latest sweep are remembered; other policies' runs stay."""
    first = ports.PolicyRun(policy="stop-idle", run_id="r1", started_at=noon, population=10)
    second = ports.PolicyRun(policy="stop-idle", run_id="r2", started_at=noon, population=None)
    with store.transaction() as tx:
        tx.runs.save(replace(first, policy="owner-tags"), [EAST])
        tx.runs.save(first, [EAST, EAST])
        tx.runs.save(second, [WEST])
        assert tx.runs.get("stop-idle") == second
        assert tx.runs.scopes("stop-idle") == {WEST}
        assert tx.runs.scopes("owner-tags") == {EAST}
        assert tx.runs.get("never") is None


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


def test_a_row_nobody_wrote_is_unusable(store: SqlStore, finding: Findings) -> None:
    """A state that this version does not know is reported as such, not guessed."""
    with store.transaction() as tx:
        tx.findings.save([finding()])
        tx.connection.exec_driver_sql("UPDATE findings SET state = 'sleeping'")
        with pytest.raises(StoreUnusable, match=r"findings cannot be read.*sleeping"):
            tx.findings.get("f1")


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


def test_nobody_is_trusted_any_more(store: SqlStore, noon: datetime) -> None:
    """Whatever policy it was, in whatever version."""
    with store.transaction() as tx:
        tx.decisions.trust("p", "v1", [EAST], noon)
        tx.decisions.trust("q", "v2", [WEST], noon)
        tx.decisions.distrust()
        assert tx.decisions.trusted("p", "v1") == tx.decisions.trusted("q", "v2") == frozenset()


def test_the_journals_last_number(store: SqlStore, noon: datetime) -> None:
    """That of the newest entry, and 0 before the first."""
    with store.transaction() as tx:
        assert tx.journal.last() == 0
        tx.journal.append(at=noon, event="x", details={})
        assert tx.journal.last() == 1
