"""How an action's ending moves its finding, and when it pauses its policy."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudwarden.core.errors import AccessDenied, CloudError, NotFound, Throttled
from cloudwarden.core.finding import ActionState, Grace, State
from cloudwarden.engine.ending import finding_after, pause_after, refused
from cloudwarden.ports import Store
from happenings import NOON, finding, record

LATER = NOON + timedelta(hours=1)
WATCHED = Grace(ticked_at=NOON, observed=timedelta(hours=2))


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (NotFound("gone"), ActionState.ABANDONED),
        (AccessDenied("no"), ActionState.FAILED),
        (Throttled("slow"), ActionState.FAILED),
    ],
)
def test_what_was_refused_did_nothing(error: CloudError, state: ActionState) -> None:
    """A resource that is gone is no failure of the policy."""
    assert refused(error).state is state


@pytest.mark.parametrize(
    ("ended", "state", "attempts"),
    [
        (ActionState.INTENDED, State.ACTING, 0),
        (ActionState.SUCCEEDED, State.VERIFYING, 0),
        (ActionState.FAILED, State.FAILED, 1),
        (ActionState.UNKNOWN, State.FAILED, 1),
        (ActionState.ABANDONED, State.OPEN, 0),
    ],
)
def test_a_finding_goes_where_its_action_ended(ended: ActionState, state: State, attempts: int) -> None:
    """What was abandoned waits for its grace anew."""
    after = finding_after(finding(state=State.ACTING, grace=WATCHED), record(state=ended), LATER)
    assert (after.state, after.attempts) == (state, attempts)
    assert after.grace == (Grace() if ended is ActionState.ABANDONED else WATCHED)


def test_an_undo_that_failed_leaves_the_finding_as_it_is() -> None:
    """Nothing was restored."""
    before = finding(state=State.FIXED)
    assert finding_after(before, record(state=ActionState.FAILED, undoes="a-0"), LATER) == before


def test_what_was_put_off_for_longer_stays_so_when_it_is_undone() -> None:
    """An undo leaves alone for a week, and shortens nobody's word."""
    may = LATER + timedelta(days=60)
    after = finding_after(finding(snoozed_until=may), record(state=ActionState.SUCCEEDED, undoes="a-0"), LATER)
    assert after.snoozed_until == may


def test_an_undo_takes_no_finding_from_another_action() -> None:
    """One that is under way is finished first; then it is left alone."""
    after = finding_after(finding(state=State.ACTING), record(state=ActionState.SUCCEEDED, undoes="a-0"), LATER)
    assert (after.state, after.snoozed_until) == (State.ACTING, LATER + timedelta(days=7))


@pytest.mark.parametrize(
    ("endings", "stops"),
    [
        ([ActionState.FAILED] * 3, True),
        ([ActionState.UNKNOWN, ActionState.FAILED, ActionState.UNKNOWN], True),
        ([ActionState.FAILED, ActionState.FAILED], False),
        ([ActionState.FAILED, ActionState.SUCCEEDED, ActionState.FAILED, ActionState.FAILED], False),
        ([ActionState.SUCCEEDED, *[ActionState.FAILED] * 3], True),
        ([ActionState.FAILED, ActionState.FAILED, ActionState.ABANDONED, ActionState.FAILED], True),
    ],
)
def test_failures_in_a_row_pause_the_policy(store: Store, endings: list[ActionState], *, stops: bool) -> None:
    """As many as it may have; an ending that is unknown is none that went well."""
    records = [
        record(id=f"a-{number}", proposal_id=None, state=state, changed_at=NOON + timedelta(minutes=number))
        for number, state in enumerate(endings)
    ]
    with store.transaction() as tx:
        tx.findings.save([finding()])
        for one in records:
            tx.actions.save(one)
        pause = pause_after(tx, records[-1], allowed=3)
    assert (pause is not None) is stops
    assert pause is None or pause.policy == records[-1].policy
