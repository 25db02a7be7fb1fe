"""Actions in every store, in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Proposal
from cloudwarden.core.resource import Scope
from cloudwarden.store import SqlStore

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
