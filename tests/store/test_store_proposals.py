"""Proposals in every store, in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cloudwarden.core.blast import BlastRadius, Dependant, Gap
from cloudwarden.core.errors import StoreError
from cloudwarden.core.finding import Assent, Finding, Proposal, ProposalState
from cloudwarden.core.prospect import Prospect
from cloudwarden.core.saving import Saving
from cloudwarden.core.verdict import Cause
from cloudwarden.store import SqlStore

Findings = Callable[..., Finding]


Proposals = Callable[..., Proposal]


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


def test_undecided_proposals_of_some_findings(
    store: SqlStore, finding: Findings, proposal: Proposals, noon: datetime
) -> None:
    """However many they are; an unknown finding has none."""
    findings = [f"f{number}" for number in range(1200)]
    with store.transaction() as tx:
        tx.findings.save(finding(one, resource_id=one) for one in findings)
        tx.proposals.save(proposal(f"p{one}", finding_id=one) for one in findings)
        tx.proposals.save([proposal("older", finding_id="f7", created_at=noon - timedelta(hours=1))])
        tx.proposals.save([proposal("over", finding_id="f9", state=ProposalState.EXPIRED)])
        assert [one.id for one in tx.proposals.undecided(["f7", "f9", "f7", "f-unknown"])] == ["older", "pf7", "pf9"]
        assert len(tx.proposals.undecided(findings)) == 1201
        assert tx.proposals.undecided([]) == []


def test_what_was_put_to_people(store: SqlStore, finding: Findings, proposal: Proposals) -> None:
    """Whatever became of it, of however many findings; of an unknown one nobody was asked."""
    findings = [f"f{number}" for number in range(1200)]
    with store.transaction() as tx:
        tx.findings.save(finding(one, resource_id=one) for one in findings)
        tx.proposals.save(
            proposal(state.value, finding_id=f"f{at * 100}", state=state) for at, state in enumerate(ProposalState)
        )
        tx.proposals.save([proposal("again", finding_id="f0")])
        asked = {f"f{at * 100}" for at in range(len(ProposalState))}
        assert tx.proposals.put_to_people([*findings, "f-unknown"]) == asked
        assert tx.proposals.put_to_people(["f1", "f7"]) == frozenset()
        assert tx.proposals.put_to_people([]) == frozenset()


def test_a_proposal_needs_its_finding(store: SqlStore, proposal: Proposals) -> None:
    """A reference to nothing is refused when the transaction ends."""
    with pytest.raises(StoreError, match="FOREIGN KEY"), store.transaction() as tx:
        tx.proposals.save([proposal()])
