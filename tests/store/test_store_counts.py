"""What is counted for gauges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from cloudwarden.core.exemption import Exemption
from cloudwarden.core.finding import Finding, Proposal, ProposalState, State
from cloudwarden.core.notice import Notice, NoticeState
from cloudwarden.core.pause import ITSELF, Pause
from cloudwarden.core.saving import Saving
from cloudwarden.core.verdict import Severity
from cloudwarden.engine.events import StoreCounted
from cloudwarden.store import SqlStore, count
from pausing import paused


def test_an_empty_store_counts_nothing(store: SqlStore, noon: datetime) -> None:
    """The states of exemptions are all there all the same, so that their gauges show zero."""
    with store.reading() as tx:
        counted = count(tx, noon)
    assert counted == StoreCounted(
        findings={},
        proposals={},
        oldest_proposal={},
        exemptions={("*", state): 0 for state in ("active", "ending", "expired", "revoked", "unused")},
        paused=frozenset(),
    )


def test_findings_by_policy_severity_and_account(
    store: SqlStore, finding: Callable[..., Finding], noon: datetime
) -> None:
    """Standing ones, exempted included; closed ones not."""
    with store.transaction() as tx:
        tx.findings.save([finding("f1"), finding("f2", state=State.EXEMPTED), finding("f3", state=State.FIXED)])
        tx.findings.save([finding("f4", severity=Severity.HIGH)])
        counted = count(tx, noon)
    assert counted.findings == {
        ("stop-idle", "medium", "111122223333"): 2,
        ("stop-idle", "high", "111122223333"): 1,
    }


def test_pending_proposals_and_the_oldest(
    store: SqlStore, finding: Callable[..., Finding], proposal: Callable[..., Proposal], noon: datetime
) -> None:
    """Decided ones wait for nobody; the oldest is told in Unix time, whatever the machine's zone."""
    with store.transaction() as tx:
        tx.findings.save([finding()])
        tx.proposals.save([proposal("p1"), proposal("p2", created_at=noon - timedelta(hours=1))])
        tx.proposals.save([proposal("p3", state=ProposalState.APPROVED, created_at=noon - timedelta(days=1))])
        counted = count(tx.connection, noon)
    assert counted.proposals == {"stop-idle": 2}
    assert counted.oldest_proposal == {"stop-idle": noon.timestamp() - 3600}


def test_notices_that_are_due(store: SqlStore, notice: Callable[..., Notice], noon: datetime) -> None:
    """Those that wait for their digest are not late, and delivered ones wait for nothing."""
    with store.transaction() as tx:
        tx.notices.save([notice("n1"), notice("n2", due_at=noon - timedelta(hours=1))])
        tx.notices.save([notice("n3", due_at=noon + timedelta(hours=1))])
        tx.notices.save([notice("n4", state=NoticeState.DELIVERED, due_at=noon - timedelta(days=1))])
        counted = count(tx, noon)
    assert counted.notices == {"stop-idle": 2}
    assert counted.oldest_notice == {"stop-idle": noon.timestamp() - 3600}


def test_exemptions_by_what_they_are_now(store: SqlStore, exemption: Callable[..., Exemption], noon: datetime) -> None:
    """An exemption expires at its instant, as the core says; a revoked one is revoked whatever its date."""
    with store.transaction() as tx:
        tx.decisions.save_exemption(exemption("e1"))
        tx.decisions.save_exemption(exemption("e2", expires_at=noon))
        tx.decisions.save_exemption(exemption("e3", expires_at=noon, revoked_at=noon))
        tx.decisions.save_exemption(exemption("e4", policy="*", expires_at=noon + timedelta(days=7)))
        tx.decisions.save_exemption(exemption("e5", created_at=noon - timedelta(days=7)))
        tx.decisions.mark_used(["e1"], noon)
        made = tx.decisions.exemptions()
        tx.decisions.save_pause(paused())
        counted = count(tx, noon)
    told = {("stop-idle", "active"), ("stop-idle", "expired"), ("stop-idle", "revoked"), ("*", "ending")}
    assert {key for key, number in counted.exemptions.items() if number} == told | {("stop-idle", "unused")}
    assert {(one.policy, one.state(noon).value) for one in made} == told | {("stop-idle", "unused")}
    assert counted.paused == {("*", "*")}


def test_savings_are_summed_and_unknown_ones_counted(
    store: SqlStore, finding: Callable[..., Finding], noon: datetime
) -> None:
    """Of what stands and is not exempt; what is not about money counts as neither."""
    known, unknown = Saving(dollars=10.5, basis="hours"), Saving(dollars=None, basis="no price")
    with store.transaction() as tx:
        tx.findings.save([finding("f1", saving=known), finding("f2", saving=known), finding("f3", saving=unknown)])
        tx.findings.save([finding("f4", saving=known, state=State.EXEMPTED), finding("f5")])
        tx.findings.save([finding("f6", saving=known, state=State.FIXED), finding("f7", policy="tags")])
        counted = count(tx, noon)
    assert (counted.savings, counted.savings_unknown) == ({"stop-idle": 21.0}, {"stop-idle": 1})


def test_metrics_of_today_alone_are_spent(store: SqlStore, noon: datetime) -> None:
    """With the UTC day the budget begins anew, also when nothing is asked for."""
    with store.transaction() as tx:
        tx.spending.save(noon.date(), 700)
        spent = [count(tx, noon + timedelta(hours=hours)).metrics_spent for hours in (11, 12)]
    assert spent == [700, 0]


def test_a_rollback_counts_until_it_is_resumed(store: SqlStore, noon: datetime) -> None:
    """It is a state, and not a thing that happened once."""
    with store.transaction() as tx:
        tx.decisions.save_pause(Pause(by=ITSELF, at=noon, reason="the store was put back"))
        assert count(tx, noon).rolled_back
        tx.decisions.end_pause("*", "*")
        assert not count(tx, noon).rolled_back
