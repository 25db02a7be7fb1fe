"""Findings in every store, in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cloudwarden.core.errors import StoreError
from cloudwarden.core.finding import Finding, Grace, State
from cloudwarden.core.resource import Scope
from cloudwarden.core.saving import Saving
from cloudwarden.core.verdict import Cause, Reading, Severity, Violation
from cloudwarden.store import SqlStore

Findings = Callable[..., Finding]


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


def test_since_when_grace_runs_comes_back(store: SqlStore, finding: Findings, noon: datetime) -> None:
    """It may be long before the last tick."""
    watched = finding(grace=Grace(ticked_at=noon, since=noon - timedelta(days=1)))
    with store.transaction() as tx:
        tx.findings.save([watched])
        kept = tx.findings.get("f1")
    assert kept is not None
    assert kept.grace.since == noon - timedelta(days=1)


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


def test_what_nobody_saw_for_long_is_found_by_policy_and_scope(
    store: SqlStore, finding: Findings, noon: datetime
) -> None:
    """As many as are wanted, the oldest first; what is being acted on is somebody's still."""
    later, elsewhere = noon + timedelta(hours=1), Scope(account="1" * 12, region="elsewhere")
    with store.transaction() as tx:
        tx.findings.save(
            [
                finding("young", first_seen=later),
                finding("old", state=State.EXEMPTED),
                finding("seen", last_seen=later),
                finding("acting", state=State.ACTING),
                finding("closed", state=State.GONE),
                finding("other", policy="owner-tags"),
                finding("elsewhere", scope=elsewhere),
            ]
        )
        where = finding("young").scope
        assert [one.id for one in tx.findings.unseen_since("stop-idle", where, noon, 9)] == ["old", "young"]
        assert [one.id for one in tx.findings.unseen_since("stop-idle", where, noon, 1)] == ["old"]


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


def test_closed_findings_that_are_put_off(store: SqlStore, finding: Findings, noon: datetime) -> None:
    """However long ago they closed, until their time is over, and in the order in which they closed."""
    later, long_ago = noon + timedelta(days=1), noon - timedelta(days=60)
    with store.transaction() as tx:
        tx.findings.save(
            [
                finding("new", state=State.GONE, snoozed_until=later),
                finding("old", state=State.FIXED, state_since=long_ago, snoozed_until=later),
                finding("over", state=State.FIXED, snoozed_until=noon),
                finding("never", state=State.FIXED),
                finding("standing", snoozed_until=later),
                finding("other", policy="owner-tags", state=State.FIXED, snoozed_until=later),
            ]
        )
        assert [each.id for each in tx.findings.put_off("stop-idle", noon)] == ["old", "new"]


@pytest.mark.parametrize("standing", [True, False])
def test_the_latest_finding_of_a_resource(
    store: SqlStore, finding: Findings, noon: datetime, *, standing: bool
) -> None:
    """The one that stands; when none does, the one that closed last."""
    earlier = noon - timedelta(days=1)
    made = [finding("a-new", state=State.FIXED), finding("b-old", state=State.FIXED, state_since=earlier)]
    made += [finding("c-stands")] if standing else []
    other = finding("other", state=State.FIXED, state_since=noon + timedelta(days=1))
    with store.transaction() as tx:
        tx.findings.save([*(replace(one, resource_id="i-1") for one in made), other])
        latest = tx.findings.latest_of("stop-idle", other.scope, "i-1")
        assert tx.findings.latest_of("owner-tags", other.scope, "i-1") is None
    assert latest is not None
    assert latest.id == ("c-stands" if standing else "a-new")


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
