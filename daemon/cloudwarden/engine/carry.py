"""Carry out one action: intent committed, call, outcome committed; at most once, whatever dies in between."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from cloudwarden.core.action import Call, Wait
from cloudwarden.core.errors import CloudError, InvalidRequest, MalformedAnswer, StoreError
from cloudwarden.core.finding import ActionRecord, ActionState
from cloudwarden.core.guards import Hold
from cloudwarden.core.placeholder import filled_call, filled_read
from cloudwarden.core.plain import Json
from cloudwarden.engine.abandonment import why_abandoned
from cloudwarden.engine.doubts import Doubts
from cloudwarden.engine.ending import Ending, does_again, keep_held, move_finding, pause_after, refused, said
from cloudwarden.engine.events import ActionEnded, ActionHeld, ActionStepped, PolicyStopped
from cloudwarden.engine.grounds import LastLook, journalled
from cloudwarden.engine.intents import Intents
from cloudwarden.engine.loaded import LoadedPolicies
from cloudwarden.engine.restore import forgotten
from cloudwarden.engine.tenure import Tenure
from cloudwarden.ports import Actuator, Clock, Reporter, Store

PROOF_WAITS = timedelta(seconds=60)
"""How long an effect may take to show in a reading, before its absence means that the call never arrived.

Amazon EC2's "Eventual consistency" advises to expect seconds, and to keep asking."""

UNKNOWN_AFTER = timedelta(days=1)
"""How long an intent may stay without an outcome because AWS cannot be read; then it ends as unknown, loudly."""

HELD_FOR = timedelta(days=14)
"""How long an undo may wait for its next call; any other action waits much shorter (`abandonment.FRESH_FOR`)."""

FORGOTTEN = "the store was put back to an earlier state since it began: what was done of it meanwhile is not known here"


class Carrier:
    """Carries actions out step by step. `may_go_on` says what holds or ends it before the next call, or None.

    `alive` is called where an action may wait: before a further step, and never between an intent and its outcome, for
    it may raise StopAsked.
    """

    def __init__(
        self,
        *,
        store: Store,
        actuator: Actuator,
        clock: Clock,
        reporter: Reporter,
        may_go_on: Callable[[ActionRecord], Ending | Hold | None],
        rests: Callable[[ActionRecord, Hold], None],
        loaded: LoadedPolicies,
        doubts: Doubts,
        tenure: Tenure,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._actuator = actuator
        self._clock = clock
        self._reporter = reporter
        self._alive = alive
        self._may_go_on = may_go_on
        self._rests = rests
        self._loaded = loaded
        self._intents = Intents(
            store=store, clock=clock, reporter=reporter, loaded=loaded, tenure=tenure, doubts=doubts
        )
        self._tenure = tenure

    def begin(self, record: ActionRecord, look: LastLook) -> Hold | None:
        """Carry out a new action whose guards have all been passed just now, at this look; or what holds it by now."""
        step = record.plan.steps[record.step]
        return self._call(record, step, look.finding.last_seen, look) if isinstance(step, Call) else None

    def reconcile(self, record: ActionRecord) -> None:
        """Find out by reading what became of an intent without an outcome; never by calling again."""
        step = record.plan.steps[record.step]
        if not isinstance(step, Call):
            return
        if why := self._intents.uncalled(record):
            self._intents.take_back(record, filled_call(step, record), why)
            return
        try:
            shown = self._actuator.read(record.scope, filled_read(step.proof.read, record))
        except CloudError as unread:
            self._still_unknown(record, step, unread)
            return
        if step.proof.shown_by(shown):
            kept = dict(record.kept) | dict.fromkeys(step.keeps, str(shown))
            self._after_step(replace(record, kept=kept), reconciled=True)
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
        """Do the next step of an action whose earlier calls all have their outcomes, unless it is to end before.

        Of one that began before the store was put back nobody knows whether that step was done already.
        """
        self._alive()
        if why := self._over(record):
            self._end(record, Ending(state=ActionState.ABANDONED, error=why))
            return
        step = record.plan.steps[record.step]
        if isinstance(step, Wait) and (record.called or record.undoes is None):
            self._look(record, step)
            return
        looked_at = self._clock.now()
        seen = self._may_go_on(record)
        if isinstance(seen, Ending):
            self._end(record, seen)
        elif seen is not None:
            self._held(record, seen)
        elif isinstance(step, Wait):
            self._look(record, step)
        elif hold := self._call(record, step, looked_at):
            self._rests(record, hold)
            self._held(record, hold)

    def _held(self, record: ActionRecord, hold: Hold) -> None:
        """It waits, and says why, which is reported when it is news; held for too long, it ends."""
        if self._tenure.age(record) >= HELD_FOR:
            self._end(record, Ending(state=ActionState.ABANDONED, error=f"held for {HELD_FOR.days} days: {hold}"))
        elif record.error != str(hold):
            self._say_held(record, str(hold))
            self._reporter.report(
                ActionHeld(
                    run_id=record.run_id,
                    policy=record.policy,
                    resource=record.resource_id,
                    guard=hold.guard,
                    detail=hold.detail,
                )
            )

    def _say_held(self, record: ActionRecord, held: str | None) -> ActionRecord:
        """Commit what holds it, or that nothing does any more. That is no change of the action: its age goes on."""
        record = replace(record, error=held)
        with self._store.transaction() as tx:
            record = self._tenure.holding(tx, record)
            tx.actions.save(record)
            keep_held(tx, record)
        return record

    def _over(self, record: ActionRecord) -> str | None:
        with self._store.reading() as tx:
            return FORGOTTEN if forgotten(tx, record) else why_abandoned(tx, record, self._clock.now())

    def _look(self, record: ActionRecord, wait: Wait) -> None:
        try:
            shown = self._actuator.read(record.scope, filled_read(wait.read, record))
        except CloudError as unread:
            self._unread(record, wait, unread)
            return
        if record.held is not None:
            record = self._say_held(record, None)
        if shown in wait.until:
            self._after_step(record)
        elif shown in wait.fails_on and (again := self._asked_again(record)) is not None:
            self.go_on(again)
        elif shown in wait.fails_on and self._tenure.age(record) >= PROOF_WAITS:
            self._end(record, Ending(state=ActionState.FAILED, error=f"{wait.read.operation} shows {shown!r}"))
        elif self._tenure.age(record) > timedelta(seconds=wait.timeout_seconds):
            self._end(record, Ending(state=ActionState.FAILED, error=f"{wait.read.operation} still shows {shown!r}"))

    def _unread(self, record: ActionRecord, wait: Wait, error: CloudError) -> None:
        """What nobody can read may well be there: it is read again, as long as it may take. A wrong question is not."""
        why = f"{wait.read.operation}: {error.reason}: {error}"
        if isinstance(error, InvalidRequest) or self._tenure.age(record) > timedelta(seconds=wait.timeout_seconds):
            self._end(record, Ending(state=ActionState.FAILED, error=why))
        else:
            self._held(record, Hold(guard="re-check", detail=why))

    def _asked_again(self, record: ActionRecord) -> ActionRecord | None:
        """An undo that was asked for again where an earlier one waited in vain, back at the call before; else None.

        That call's end is known: its effect did not last. One that made a call of its own goes back nowhere.
        """
        calls = [number for number, step in enumerate(record.plan.steps[: record.step]) if isinstance(step, Call)]
        if record.undoes is None or not calls:
            return None
        with self._store.reading() as tx:
            called = any(one.event == "action_intended" for one in tx.journal.entries(action_id=record.id))
        return None if called else replace(record, step=calls[-1])

    def _call(self, record: ActionRecord, call: Call, looked_at: datetime, look: LastLook | None = None) -> Hold | None:
        """Intent, permission dry run, call, outcome; or what holds the intent, and then nothing is called.

        A StoreError before the call means that nothing is called either.
        """
        filled = filled_call(call, record)
        intended = self._intents.commit(record, filled, looked_at, look)
        if isinstance(intended, Hold):
            return intended
        if self._permitted(intended, filled, looked_at):
            self._carry_out(intended, filled)
        return None

    def _carry_out(self, record: ActionRecord, call: Call) -> None:
        try:
            kept = self._actuator.call(record.scope, call)
        except CloudError as error:
            self._unheard(record, error) if error.maybe_done else self._end(record, refused(error))
        except Exception as error:  # noqa: BLE001  # whatever else: the call may have been made, so only reading can tell
            self._unheard(record, error)
        else:
            self._after_step(replace(record, kept={**record.kept, **kept}))

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
            overtaken = self._intents.overtaken(record, looked_at)
            if overtaken is None:
                return True
            self._intents.take_back(record, call, overtaken)
        return False

    def _unheard(self, record: ActionRecord, error: Exception) -> None:
        """The call's fate is unknown: the intent stays without an outcome, to be reconciled by reading."""
        unsure = replace(record, error=str(error))
        with contextlib.suppress(StoreError), self._store.transaction() as tx:
            tx.actions.save(self._tenure.holding(tx, unsure))
            journalled(tx, unsure, self._clock.now(), "action_outcome_unknown", {"error": str(error)})

    def _after_step(self, record: ActionRecord, *, reconciled: bool = False) -> None:
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
            journalled(tx, record, record.changed_at, "action_stepped", {"step": done, "reconciled": reconciled})
            if record.undoes is not None:
                move_finding(tx, record, record.changed_at, self._alike(record))
        self._reporter.report(ActionStepped(run_id=record.run_id, record=record))
        self.go_on(record)

    def _alike(self, record: ActionRecord) -> Collection[str]:
        """The policies that may do again what an undo undoes; none for another action."""
        return [name for name, policy in self._loaded.by_name.items() if does_again(policy, record)]

    def _end(self, record: ActionRecord, ending: Ending) -> None:
        now, error = self._clock.now(), said(record, ending)
        record = replace(record, state=ending.state, error=error, changed_at=now)
        with self._store.transaction() as tx:
            record = self._tenure.holding(tx, record)
            tx.actions.save(record)
            details: dict[str, Json] = {"error": error, "reconciled": ending.reconciled}
            if ending.state is ActionState.SUCCEEDED:
                details["inverse"] = [asdict(step) for step in record.plan.inverse]
            journalled(tx, record, now, f"action_{ending.state}", details)
            move_finding(tx, record, now, self._alike(record))
            policy = self._loaded.get(record.policy)
            pause = pause_after(tx, record, allowed=policy.limit.failures if policy is not None else 1)
            if pause is not None:
                tx.decisions.save_pause(pause)
                journalled(tx, record, now, "policy_stopped", {"why": pause.reason})
        self._reporter.report(
            ActionEnded(run_id=record.run_id, record=record, outcome=ending.state, reconciled=ending.reconciled)
        )
        if pause is not None:
            self._reporter.report(PolicyStopped(run_id=record.run_id, policy=record.policy, detail=pause.reason))
