"""Carry out one action: intent committed, call, outcome committed; at most once, whatever dies in between."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from cloudwarden.core.action import Call, Wait
from cloudwarden.core.errors import CloudError, MalformedAnswer, StoreError
from cloudwarden.core.finding import ActionRecord, ActionState, ProposalState
from cloudwarden.core.placeholder import filled_call, filled_read
from cloudwarden.core.plain import Json
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.engine.consent import held_since, withdrawn
from cloudwarden.engine.ending import Ending, as_before, finding_after, pause_after, refused
from cloudwarden.engine.events import ActionEnded, ActionIntended, ActionStepped, PolicyStopped
from cloudwarden.engine.grounds import LastLook, grounds
from cloudwarden.engine.tenure import Tenure
from cloudwarden.ports import Actuator, Clock, Reporter, Store, Transaction

PROOF_WAITS = timedelta(seconds=60)
"""How long an effect may take to show in a reading, before its absence means that the call never arrived.

Amazon EC2's "Eventual consistency" advises to expect seconds, and to keep asking."""

UNKNOWN_AFTER = timedelta(days=1)
"""How long an intent may stay without an outcome because AWS cannot be read; then it ends as unknown, loudly."""

HELD_FOR = timedelta(days=14)
"""How long a begun action may wait for its next call; a weekly change window comes twice within this."""

LOOK_LASTS = timedelta(minutes=5)
"""How old the last look may be when the intent is committed: as long as one takes on a bad day. A machine that was
suspended in between, or whose clock was set, looks again."""

FORGOTTEN = "the store was restored from a backup since it began: what was done of it after that is not known here"


class Carrier:
    """Carries actions out step by step. `may_go_on` says why the next call must not be made, or None.

    `closed` says why a policy may do nothing in an account at an instant, by its windows and freezes, or None.
    """

    def __init__(
        self,
        *,
        store: Store,
        actuator: Actuator,
        clock: Clock,
        reporter: Reporter,
        may_go_on: Callable[[ActionRecord], Ending | str | None],
        policy_of: Callable[[str], AnyPolicy | None],
        closed: Callable[[str, str, datetime], str | None],
        tenure: Tenure,
    ) -> None:
        self._store = store
        self._actuator = actuator
        self._clock = clock
        self._reporter = reporter
        self._may_go_on = may_go_on
        self._policy_of = policy_of
        self._closed = closed
        self._tenure = tenure
        self._uncalled: dict[tuple[str, datetime], str] = {}

    def begin(self, record: ActionRecord, look: LastLook) -> None:
        """Carry out a new action whose guards have all been passed just now, at this look."""
        step = record.plan.steps[record.step]
        if isinstance(step, Call):
            self._call(record, step, look.finding.last_seen, look)

    def reconcile(self, record: ActionRecord) -> None:
        """Find out by reading what became of an intent without an outcome; never by calling again."""
        step = record.plan.steps[record.step]
        if not isinstance(step, Call):
            return
        if why := self._uncalled.get(_intent_of(record)):
            self._take_back(record, filled_call(step, record), why)
            return
        try:
            shown = self._actuator.read(record.scope, filled_read(step.proof.read, record))
        except CloudError as unread:
            self._still_unknown(record, step, unread)
            return
        if step.proof.shown_by(shown):
            kept = dict(record.kept) | dict.fromkeys(step.keeps, str(shown))
            self._after_call(replace(record, kept=kept), reconciled=True)
        elif self._tenure.age(record) >= PROOF_WAITS:
            heard = record.error or "no answer was heard"
            error = f"{step.operation} left no effect: it never arrived, or was undone since ({heard})"
            self._end(record, Ending(state=ActionState.FAILED, error=error, reconciled=True))

    def _still_unknown(self, record: ActionRecord, call: Call, unread: CloudError) -> None:
        """It stays an intent without an outcome, and is read again later; but not for ever."""
        if self._tenure.age(record) >= UNKNOWN_AFTER:
            heard = record.error or "no answer was heard"
            error = f"nobody could read what became of {call.operation} ({heard}): {unread.reason}: {unread}"
            self._end(record, Ending(state=ActionState.UNKNOWN, error=error, reconciled=True))

    def go_on(self, record: ActionRecord) -> None:
        """Do the next step of an action whose earlier calls all have their outcomes.

        Of one that began before the store was restored from a backup nobody knows whether that step was done already.
        """
        if self._forgotten(record):
            self._end(record, Ending(state=ActionState.ABANDONED, error=FORGOTTEN))
            return
        step = record.plan.steps[record.step]
        if isinstance(step, Wait):
            self._look(record, step)
            return
        looked_at = self._clock.now()
        reason = self._may_go_on(record)
        if isinstance(reason, Ending):
            self._end(record, reason)
        elif reason is None:
            self._call(record, step, looked_at)
        elif self._tenure.age(record) >= HELD_FOR:
            self._end(record, Ending(state=ActionState.ABANDONED, error=f"held for {HELD_FOR.days} days: {reason}"))

    def _forgotten(self, record: ActionRecord) -> bool:
        with self._store.reading() as tx:
            restored = tx.keeping.restored()
        return restored is not None and record.started_at <= restored.at

    def _look(self, record: ActionRecord, wait: Wait) -> None:
        try:
            shown = self._actuator.read(record.scope, filled_read(wait.read, record))
        except CloudError as error:
            shown = None
            if not error.retryable:
                self._end(record, Ending(state=ActionState.FAILED, error=f"{wait.read.operation}: {error}"))
                return
        if shown in wait.until:
            self._stepped(record)
        elif shown in wait.fails_on:
            self._end(record, Ending(state=ActionState.FAILED, error=f"{wait.read.operation} shows {shown!r}"))
        elif self._tenure.age(record) > timedelta(seconds=wait.timeout_seconds):
            self._end(record, Ending(state=ActionState.FAILED, error=f"{wait.read.operation} still shows {shown!r}"))

    def _call(self, record: ActionRecord, call: Call, looked_at: datetime, look: LastLook | None = None) -> None:
        """Intent, permission dry run, call, outcome. A StoreError before the call means that nothing is called."""
        record = replace(record, state=ActionState.INTENDED, changed_at=self._clock.now())
        filled = filled_call(call, record)
        intended = self._intend(record, filled, looked_at, look)
        if intended is None:
            return
        record = intended
        self._reporter.report(ActionIntended(run_id=record.run_id, record=record))
        if not self._permitted(record, filled, looked_at):
            return
        try:
            kept = self._actuator.call(record.scope, filled)
        except CloudError as error:
            self._unheard(record, error) if error.maybe_done else self._end(record, refused(error))
        except Exception as error:  # noqa: BLE001  # whatever else: the call may have been made, so only reading can tell
            self._unheard(record, error)
        else:
            self._after_call(replace(record, kept={**record.kept, **kept}))

    def _permitted(self, record: ActionRecord, call: Call, looked_at: datetime) -> bool:
        """Whether the call of this intent may be made now; if not, the action is ended, or the intent taken back."""
        try:
            if call.dry_run:
                self._actuator.call(record.scope, call, dry_run=True)
        except MalformedAnswer as error:
            # Something that understood no dry run may have carried the call out.
            self._unheard(record, error)
        except CloudError as error:
            self._end(record, refused(error))
        else:
            try:
                overtaken = self._overtaken(record, looked_at)
            except StoreError as error:
                overtaken = f"the store could not be read: {error}"
            if overtaken is None:
                return True
            self._uncalled[_intent_of(record)] = overtaken
            self._take_back(record, call, overtaken)
        return False

    def _take_back(self, record: ActionRecord, call: Call, why: str) -> None:
        """Commit that an intent was not carried out: nothing was called, so that it may be intended again.

        An action that had not begun ends, and its finding and its approval are as before; one that had waits. A
        StoreError leaves it to the next turn of this daemon; another one finds out by reading.
        """
        intent = _intent_of(record)
        begun = record.step > 0 or record.undoes is not None
        error = f"{call.operation} was not called: {why}"
        state = ActionState.WAITING if begun else ActionState.ABANDONED
        record = replace(record, state=state, error=None if begun else error, changed_at=self._clock.now())
        with self._store.transaction() as tx:
            record = self._tenure.holding(tx, record)
            tx.actions.save(record)
            self._journal(tx, record, "action_not_called", {"call": asdict(call), "why": why})
            if not begun:
                self._journal(tx, record, "action_abandoned", {"error": error, "reconciled": False})
                as_before(tx, record, error)
        del self._uncalled[intent]
        if not begun:
            self._reporter.report(
                ActionEnded(run_id=record.run_id, record=record, outcome=record.state, reconciled=False)
            )

    def _intend(
        self, record: ActionRecord, call: Call, looked_at: datetime, look: LastLook | None
    ) -> ActionRecord | None:
        """Commit the intent; None when it may not be any more, for a reason that the guards find at their next look.

        People's decisions and the hour are looked at in this very transaction, so that no call follows a pause, an
        exemption, a rejection, or the beginning of a freeze.
        """
        with self._store.transaction() as tx:
            now = self._clock.now()
            if not timedelta(0) <= now - looked_at <= LOOK_LASTS or self._forbidden(tx, record, looked_at, now):
                return None
            record = self._tenure.holding(tx, record)
            tx.actions.save(record)
            why = grounds(tx, record, version=self._version_of(record.policy), look=look)
            self._journal(tx, record, "action_intended", {"call": asdict(call), **why})
            if look is not None:
                self._move_finding(tx, record)
        return record

    def _forbidden(self, tx: Transaction, record: ActionRecord, looked_at: datetime, now: datetime) -> str | None:
        """Why the call may not be intended at this instant; an undo is a person's word, which nothing of it holds."""
        if record.undoes is not None:
            return None
        taken_back = withdrawn(tx, record, self._version_of(record.policy), looked_at, now)
        return taken_back or self._closed(record.policy, record.scope.account, now)

    def _overtaken(self, record: ActionRecord, looked_at: datetime) -> str | None:
        """Why an intent is not carried out after all: what changed while it was committed and permission was tried.

        Each may take long: a dry run is repeated while AWS throttles it, and a machine may be suspended.
        """
        with self._store.reading() as tx:
            now = self._clock.now()
            if self._tenure.lapsed(tx, record):
                return "its lease lapsed meanwhile"
            if not timedelta(0) <= now - looked_at <= LOOK_LASTS:
                return f"the last look at the resource began at {looked_at.isoformat()}, and it is {now.isoformat()}"
            if record.undoes is not None:
                return None
            held = held_since(tx, record, self._version_of(record.policy), looked_at, now)
            return held or self._closed(record.policy, record.scope.account, now)

    def _version_of(self, name: str) -> str:
        policy = self._policy_of(name)
        return policy.fingerprint if policy is not None else "not loaded"

    def _unheard(self, record: ActionRecord, error: Exception) -> None:
        """The call's fate is unknown: the intent stays without an outcome, to be reconciled by reading."""
        unsure = replace(record, error=str(error))
        with contextlib.suppress(StoreError), self._store.transaction() as tx:
            tx.actions.save(self._tenure.holding(tx, unsure))
            self._journal(tx, unsure, "action_outcome_unknown", {"error": str(error)})

    def _after_call(self, record: ActionRecord, *, reconciled: bool = False) -> None:
        if record.step + 1 == len(record.plan.steps):
            self._end(record, Ending(state=ActionState.SUCCEEDED, reconciled=reconciled))
        else:
            self._stepped(record, reconciled=reconciled)

    def _stepped(self, record: ActionRecord, *, reconciled: bool = False) -> None:
        """Commit the outcome of one step, and go on with the next at once."""
        done = record.step
        record = replace(record, state=ActionState.WAITING, step=done + 1, changed_at=self._clock.now(), error=None)
        with self._store.transaction() as tx:
            record = self._tenure.holding(tx, record)
            tx.actions.save(record)
            self._journal(tx, record, "action_stepped", {"step": done, "reconciled": reconciled})
        self._reporter.report(ActionStepped(run_id=record.run_id, record=record))
        self.go_on(record)

    def _end(self, record: ActionRecord, ending: Ending) -> None:
        now = self._clock.now()
        record = replace(record, state=ending.state, error=ending.error, changed_at=now)
        with self._store.transaction() as tx:
            record = self._tenure.holding(tx, record)
            tx.actions.save(record)
            details: dict[str, Json] = {"error": ending.error, "reconciled": ending.reconciled}
            if ending.state is ActionState.SUCCEEDED:
                details["inverse"] = [asdict(step) for step in record.plan.inverse]
            self._journal(tx, record, f"action_{ending.state}", details)
            self._move_finding(tx, record)
            policy = self._policy_of(record.policy)
            pause = pause_after(tx, record, allowed=policy.limit.failures if policy is not None else 1)
            if pause is not None:
                tx.decisions.save_pause(pause)
                self._journal(tx, record, "policy_stopped", {"why": pause.reason})
        self._reporter.report(
            ActionEnded(run_id=record.run_id, record=record, outcome=ending.state, reconciled=ending.reconciled)
        )
        if pause is not None:
            self._reporter.report(PolicyStopped(run_id=record.run_id, policy=record.policy, detail=pause.reason))

    def _move_finding(self, tx: Transaction, record: ActionRecord) -> None:
        finding = tx.findings.get(record.finding_id)
        if finding is None:
            return
        tx.findings.save([finding_after(finding, record, self._clock.now())])
        if record.proposal_id and (proposal := tx.proposals.get(record.proposal_id)):
            tx.proposals.save([replace(proposal, state=ProposalState.CARRIED_OUT)])

    def _journal(self, tx: Transaction, record: ActionRecord, event: str, details: Mapping[str, Json]) -> None:
        known: dict[str, Json] = {
            "policy": record.policy,
            "scope": str(record.scope),
            "resource": record.resource_id,
            "finding": record.finding_id,
            "proposal": record.proposal_id,
            "plan_hash": record.plan.hash,
            "step": record.step,
            "kept": dict(record.kept),
        }
        tx.journal.append(
            at=self._clock.now(),
            event=event,
            run_id=record.run_id,
            action_id=record.id,
            details={**known, **details},
        )


def _intent_of(record: ActionRecord) -> tuple[str, datetime]:
    """Which intent it is: the same step may be intended again."""
    return record.id, record.changed_at
