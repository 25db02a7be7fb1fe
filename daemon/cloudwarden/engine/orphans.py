"""Orphans: what no sweep ends, because none comes by: proposals past their end, and findings that nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cloudwarden.core import lifecycle
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.errors import StoreError
from cloudwarden.core.finding import Finding, Proposal, ProposalState, State
from cloudwarden.core.guards import lapsed
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.engine.events import FindingChanged, FindingsOrphaned, JournalFailed, ProposalEnded
from cloudwarden.engine.propose import journal_ending
from cloudwarden.ports import Clock, Reporter, Store, Transaction

EVERY_SECONDS = 60.0
"""Between two looks: nothing here is urgent, and each costs the store some milliseconds."""

ORPHANED_AFTER = timedelta(days=7)
"""How long a policy must not have swept, or a scope have been gone, before its findings are closed. Whoever took one
away by mistake has put it back by then."""

SURE_AFTER_SECONDS = 3600.0
"""How long this process must have seen every policy file load without that policy: a deployment that lays file after
file, or a volume that is mounted late, is no removal."""

MOST = 200
"""Findings or proposals that one transaction ends."""

MOST_A_TURN = 1_000
"""Findings that one turn closes: seconds of the main thread's time, and there is another turn in a minute."""


class Why(StrEnum):
    """Why nobody watches a finding any more."""

    POLICY_REMOVED = "policy-removed"
    SCOPE_LEFT = "scope-left"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Forsaken:
    """A policy's findings in a scope, which nobody watches any more: since when, in words."""

    policy: str
    scope: Scope
    why: Why
    words: str


class Orphans:
    """Ends them, with a reason that the finding and the journal keep. Called every turn of the daemon.

    `told` says whether the latest discovery could tell of a scope's account: where it could not, nothing has left.
    `alive` is called before each batch; it may raise StopAsked.
    """

    def __init__(
        self,
        *,
        store: Callable[[], Store],
        clock: Clock,
        reporter: Reporter,
        told: Callable[[Scope], bool],
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._reporter = reporter
        self._told = told
        self._alive = alive
        self._from = clock.monotonic()
        self._missing: dict[str, float] = {}

    def turn(self, loaded: Collection[str] | None) -> None:
        """End what is to be ended. `loaded` are the policies that run; None while a file is refused or unreadable.

        Reports what the store refuses.
        """
        if self._clock.monotonic() < self._from:
            return
        self._from = self._clock.monotonic() + EVERY_SECONDS
        try:
            self._expire(self._clock.now())
            left = MOST_A_TURN
            for forsaken in self._forsaken(loaded, self._clock.now()):
                self._alive()
                left -= self._close(forsaken, self._clock.now(), min(left, MOST))
                if left <= 0:
                    break
        except StoreError as error:
            self._reporter.report(JournalFailed(run_id="", detail=str(error)))

    def _expire(self, now: datetime) -> None:
        """End the proposals whose time is over, as a sweep of their policy would."""
        with self._store().reading() as tx:
            if not tx.proposals.overdue(now, 1):
                return
        with self._store().transaction() as tx:
            overdue = tx.proposals.overdue(now, MOST)
            waiting = [tx.findings.get(one.finding_id) for one in overdue]
            whys = [lapsed(one, found.held if found else None) for one, found in zip(overdue, waiting, strict=True)]
            open_again = [
                lifecycle.unanswered(one, now, seen=False)
                for one in waiting
                if one is not None and one.state in (State.PROPOSED, State.APPROVED)
            ]
            tx.findings.save(open_again)
            ended = _end(tx, overdue, ProposalState.EXPIRED, whys, now)
        self._tell(ended, open_again, waiting)

    def _forsaken(self, loaded: Collection[str] | None, now: datetime) -> Iterator[_Forsaken]:
        with self._store().reading() as tx:
            places = tx.findings.places()
            policies = {policy for policy, _ in places}
            departures = departed(tx.scopes.known().values()) if places else {}
            swept = {policy: run.started_at for policy in policies if (run := tx.runs.get(policy))}
        removed = self._removed(policies, loaded)
        for policy, scope in places:
            last = swept.get(policy)
            if policy in removed and (last is None or now - last >= ORPHANED_AFTER):
                words = f"its policy was removed, and last looked {f'on {last:%Y-%m-%d}' if last else 'long ago'}"
                yield _Forsaken(policy=policy, scope=scope, why=Why.POLICY_REMOVED, words=words)
            elif (left := departures.get(scope)) and now - left >= ORPHANED_AFTER and self._told(scope):
                words = f"{scope} left on {left:%Y-%m-%d}"
                yield _Forsaken(policy=policy, scope=scope, why=Why.SCOPE_LEFT, words=words)

    def _removed(self, policies: Collection[str], loaded: Collection[str] | None) -> frozenset[str]:
        """Those that were missing for long enough, of every good load in between."""
        seconds = self._clock.monotonic()
        missing = set() if loaded is None else set(policies) - set(loaded)
        self._missing = {policy: self._missing.get(policy, seconds) for policy in missing}
        return frozenset(one for one, since in self._missing.items() if seconds - since >= SURE_AFTER_SECONDS)

    def _close(self, forsaken: _Forsaken, now: datetime, most: int) -> int:
        """Close its findings, a batch a turn, and count them; what is being acted on is closed after that has ended."""
        with self._store().transaction() as tx:
            standing = tx.findings.unseen_since(forsaken.policy, forsaken.scope, now - ORPHANED_AFTER, most)
            if not standing:
                return 0
            closed = [lifecycle.forsaken(one, forsaken.words, now) for one in standing]
            tx.findings.save(closed)
            waiting = tx.proposals.undecided([one.id for one in standing])
            ended = _end(tx, waiting, ProposalState.WITHDRAWN, [forsaken.words] * len(waiting), now)
            tx.journal.append(
                at=now,
                event="findings_orphaned",
                details={
                    "policy": forsaken.policy,
                    "scope": str(forsaken.scope),
                    "reason": str(forsaken.why),
                    "why": forsaken.words,
                    "findings": [one.id for one in closed],
                    "resources": [one.resource_id for one in closed],
                },
            )
        self._tell(ended, closed, standing)
        self._reporter.report(
            FindingsOrphaned(
                policy=forsaken.policy, scope=forsaken.scope, reason=str(forsaken.why), findings=len(closed)
            )
        )
        return len(closed)

    def _tell(self, ended: Sequence[Proposal], after: Sequence[Finding], before: Sequence[Finding | None]) -> None:
        was = {one.id: one.state for one in before if one is not None}
        for proposal in ended:
            self._reporter.report(ProposalEnded(run_id="", proposal=proposal))
        for finding in after:
            self._reporter.report(FindingChanged(run_id="", finding=finding, was=was[finding.id]))


def departed(known: Collection[KnownScope]) -> Mapping[Scope, datetime]:
    """The scopes that were found to have left, and when first.

    What is global is its account's, and leaves with the last of the account's regions.
    """
    left = {one.scope: one.left_at for one in known if one.left_at is not None}
    staying = {one.scope.account for one in known if one.left_at is None}
    ends = dict(left)
    for scope, moment in left.items():
        if scope.account not in staying:
            everywhere = Scope(account=scope.account, region=GLOBAL)
            ends[everywhere] = max(moment, ends.get(everywhere, moment))
    return ends


def _end(
    tx: Transaction, proposals: Sequence[Proposal], state: ProposalState, whys: Sequence[str], now: datetime
) -> list[Proposal]:
    ended = [replace(one, state=state, reason=why) for one, why in zip(proposals, whys, strict=True)]
    tx.proposals.save(ended)
    for one in ended:
        journal_ending(tx, one, now, "")
    return ended
