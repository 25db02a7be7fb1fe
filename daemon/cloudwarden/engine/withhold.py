"""Withhold: what becomes of a candidate whose action is not taken now: held, dropped, or put to people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cloudwarden.core import lifecycle
from cloudwarden.core.finding import Finding, Grace, Proposal, ProposalState, State
from cloudwarden.core.guards import Candidate, Hold
from cloudwarden.engine.consent import still
from cloudwarden.engine.events import ActionHeld, FindingChanged, ProposalEnded, ProposalMade
from cloudwarden.engine.propose import journal_ending, journal_proposal
from cloudwarden.ports import Clock, Reporter, Store


class Withholder:
    """Writes down what becomes of such candidates, and reports what is news."""

    def __init__(self, *, store: Store, clock: Clock, reporter: Reporter) -> None:
        self._store = store
        self._clock = clock
        self._reporter = reporter

    def hold(self, candidates: Iterable[Candidate], hold: Hold, run_id: str) -> bool:
        """Write down on the findings that they are held; True when that is news."""
        news = [candidate for candidate in candidates if candidate.finding.held != str(hold)]
        if not news:
            return False
        with self._store.transaction() as tx:
            news = [candidate for candidate in news if still(tx, candidate.finding)]
            # As it is stored: another daemon's sweep may have seen since the look that what began is to be abandoned.
            stored = [tx.findings.get(candidate.finding.id) for candidate in news]
            tx.findings.save([replace(one, held=str(hold)) for one in stored if one is not None])
        for candidate in news:
            self._report(candidate, hold, run_id)
        return bool(news)

    def drop(self, candidate: Candidate, finding: Finding, why: str, run_id: str, *, hold: Hold | None = None) -> None:
        """End a candidate that the re-check refused, with its proposal; `finding` is what becomes of its finding."""
        if hold is not None:
            self._report(candidate, hold, run_id)
        with self._store.transaction() as tx:
            if not still(tx, candidate.finding):
                return
            tx.findings.save([replace(finding, grace=Grace()) if finding.state.closed else finding])
            ended = None
            if candidate.proposal is not None:
                ended = replace(candidate.proposal, state=ProposalState.WITHDRAWN, reason=why)
                tx.proposals.save([ended])
                journal_ending(tx, ended, self._clock.now(), run_id)
        if ended is not None:
            self._reporter.report(ProposalEnded(run_id=run_id, proposal=ended))
        self._reporter.report(FindingChanged(run_id=run_id, finding=finding, was=candidate.finding.state))

    def propose(self, candidate: Candidate, made: Proposal, hold: Hold, run_id: str) -> None:
        """Ask people for what the policy may not do by itself."""
        proposed = lifecycle.moved(candidate.finding, State.PROPOSED, made.created_at, held=str(hold))
        with self._store.transaction() as tx:
            if not still(tx, candidate.finding):
                return
            tx.findings.save([proposed])
            tx.proposals.save([made])
            journal_proposal(tx, candidate.policy, proposed, made, run_id)
        self._report(candidate, hold, run_id)
        self._reporter.report(ProposalMade(run_id=run_id, proposal=made))
        self._reporter.report(FindingChanged(run_id=run_id, finding=proposed, was=candidate.finding.state))

    def _report(self, candidate: Candidate, hold: Hold, run_id: str) -> None:
        self._reporter.report(
            ActionHeld(
                run_id=run_id,
                policy=candidate.policy.name,
                resource=candidate.finding.resource_id,
                guard=hold.guard,
                detail=hold.detail,
            )
        )
