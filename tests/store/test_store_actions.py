"""Actions in every store, in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Proposal
from cloudwarden.core.resource import Scope
from cloudwarden.store import SqlStore, SqlTransaction

Findings = Callable[..., Finding]


Proposals = Callable[..., Proposal]


Actions = Callable[..., ActionRecord]


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
    """Of one policy, so many, and only those that ended for better or worse."""
    states = (
        ActionState.FAILED,
        ActionState.SUCCEEDED,
        ActionState.FAILED,
        ActionState.ABANDONED,
        ActionState.INTENDED,
    )
    with store.transaction() as tx:
        tx.findings.save([finding()])
        for number, state in enumerate(states):
            tx.actions.save(action(f"a{number}", state=state, changed_at=noon + timedelta(minutes=number)))
        tx.actions.save(action("other", policy="owner-tags", state=ActionState.FAILED, changed_at=noon))
        assert tx.actions.latest_endings("stop-idle", 2) == [ActionState.FAILED, ActionState.SUCCEEDED]


def ended(tx: SqlTransaction, record: ActionRecord) -> None:
    """An action ends, and the journal says so."""
    tx.actions.save(record)
    tx.journal.append(at=record.changed_at, event=f"action_{record.state}", details={}, action_id=record.id)


def test_a_clock_that_was_ahead_hides_no_ending(
    store: SqlStore, finding: Findings, action: Actions, noon: datetime
) -> None:
    """One success while it was months ahead is older than the failures that came after it was put right."""
    ahead = action("a0", state=ActionState.SUCCEEDED, changed_at=noon + timedelta(days=60))
    with store.transaction() as tx:
        tx.findings.save([finding()])
        ended(tx, ahead)
        for number in range(1, 4):
            ended(tx, action(f"a{number}", state=ActionState.FAILED, changed_at=noon))
        assert tx.actions.latest_endings("stop-idle", 4) == [*[ActionState.FAILED] * 3, ActionState.SUCCEEDED]


def test_endings_come_in_the_order_in_which_they_were_written(
    store: SqlStore, finding: Findings, action: Actions, noon: datetime
) -> None:
    """Not in that of their beginnings."""
    with store.transaction() as tx:
        tx.findings.save([finding()])
        tx.actions.save(action("slow"))
        ended(tx, action("fast", state=ActionState.FAILED, changed_at=noon))
        ended(tx, action("slow", state=ActionState.SUCCEEDED, changed_at=noon))
        assert tx.actions.latest_endings("stop-idle", 1) == [ActionState.SUCCEEDED]


def test_the_latest_undo_is_the_one_asked_for_last(
    store: SqlStore, finding: Findings, action: Actions, noon: datetime
) -> None:
    """Also when the clock was ahead as the one before was."""
    with store.transaction() as tx:
        tx.findings.save([finding()])
        tx.actions.save(action("first", undoes="a1", started_at=noon + timedelta(days=60)))
        tx.actions.save(action("second", undoes="a1"))
        latest = tx.actions.undoing("a1")
        assert latest is not None
        assert latest.id == "second"


def test_what_was_done_to_a_resource_after_an_action(
    store: SqlStore, finding: Findings, action: Actions, noon: datetime
) -> None:
    """In the order in which it began, whatever the clock said; other resources' actions are none of it."""
    with store.transaction() as tx:
        tx.findings.save([finding()])
        for id_ in ("before", "first", "second", "third"):
            tx.actions.save(action(id_, started_at=noon - timedelta(days=int(id_ == "second"))))
        tx.actions.save(action("elsewhere", resource_id="i-another"))
        first = tx.actions.get("first")
        assert first is not None
        assert [one.id for one in tx.actions.after(first)] == ["third", "second"]


def test_undos_of_late_are_those_that_did_not_end_badly(
    store: SqlStore, finding: Findings, action: Actions, noon: datetime
) -> None:
    """By their latest change, the earliest first; what undoes nothing is none."""
    later = noon + timedelta(hours=1)
    with store.transaction() as tx:
        tx.findings.save([finding()])
        tx.actions.save(action("plain", state=ActionState.SUCCEEDED, changed_at=later))
        tx.actions.save(action("old", undoes="a1", state=ActionState.SUCCEEDED, changed_at=noon - timedelta(hours=1)))
        tx.actions.save(action("failed", undoes="a1", state=ActionState.FAILED, changed_at=later))
        tx.actions.save(action("waiting", undoes="a1", state=ActionState.WAITING, changed_at=later))
        tx.actions.save(action("done", undoes="a1", state=ActionState.SUCCEEDED, changed_at=noon))
        assert [one.id for one in tx.actions.undoings_since(noon)] == ["done", "waiting"]
