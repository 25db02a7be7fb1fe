"""Intents: what is about to be called, committed before the call, and taken back when it may not be made after all."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta

from cloudwarden.core.action import Call
from cloudwarden.core.errors import StoreError
from cloudwarden.core.finding import ActionRecord, ActionState
from cloudwarden.core.guards import Hold
from cloudwarden.engine.consent import held_since, paused_since, undo_held, withdrawn
from cloudwarden.engine.doubts import Doubts
from cloudwarden.engine.ending import as_before, move_finding
from cloudwarden.engine.events import ActionEnded, ActionIntended
from cloudwarden.engine.grounds import LastLook, grounds, journalled
from cloudwarden.engine.loaded import LoadedPolicies
from cloudwarden.engine.tenure import Tenure
from cloudwarden.ports import Clock, Reporter, Store, Transaction

LOOK_LASTS = timedelta(minutes=5)
"""How old the last look may be when the intent is committed: as long as one takes on a bad day. A machine that was
suspended in between, or whose clock was set, looks again."""


class Intents:
    """Commits intents, asks right before a call whether its intent still holds, and takes back what does not."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        reporter: Reporter,
        loaded: LoadedPolicies,
        tenure: Tenure,
        doubts: Doubts,
    ) -> None:
        self._store = store
        self._clock = clock
        self._reporter = reporter
        self._loaded = loaded
        self._tenure = tenure
        self._doubts = doubts
        self._uncalled: dict[tuple[str, datetime], str] = {}

    def commit(
        self, record: ActionRecord, call: Call, looked_at: datetime, look: LastLook | None
    ) -> ActionRecord | Hold:
        """The action with its intent, or what holds it by now.

        People's decisions and the hour are looked at in this very transaction, so that no call follows a pause, an
        exemption, a rejection, an edit of the settings, or the beginning of a freeze. A StoreError means that
        nothing is called.
        """
        record = replace(record, state=ActionState.INTENDED, changed_at=self._clock.now(), error=None)
        with self._store.transaction() as tx:
            now = self._clock.now()
            if hold := _stale(looked_at, now) or self._forbidden(tx, record, looked_at, now):
                return hold
            record = self._tenure.holding(tx, record)
            tx.actions.save(record)
            why = grounds(tx, record, version=self._version_of(record.policy), look=look)
            journalled(tx, record, now, "action_intended", {"call": asdict(call), **why})
            if look is not None:
                move_finding(tx, record, now)
        self._reporter.report(ActionIntended(run_id=record.run_id, record=record))
        return record

    def overtaken(self, record: ActionRecord, looked_at: datetime) -> str | None:
        """Why an intent is not carried out after all: what changed while it was committed and permission was tried.

        Each may take long: a dry run is repeated while AWS throttles it, and a machine may be suspended. It is
        remembered until the intent is taken back.
        """
        try:
            why = self._changed(record, looked_at)
        except StoreError as error:
            why = f"the store could not be read: {error}"
        if why is not None:
            self._uncalled[_intent_of(record)] = why
        return why

    def uncalled(self, record: ActionRecord) -> str | None:
        """Why the call of an intent was not made, if that is known, and it could not be taken back yet."""
        return self._uncalled.get(_intent_of(record))

    def take_back(self, record: ActionRecord, call: Call, why: str) -> None:
        """Commit that an intent was not carried out: nothing was called, so that it may be intended again.

        An action that had not begun ends, and its finding and its approval are as before; one that had waits. A
        StoreError leaves it to the next turn of this daemon; another one finds out by reading.
        """
        intent = _intent_of(record)
        begun = record.step > 0 or record.undoes is not None
        error = f"{call.operation} was not called: {why}"
        state = ActionState.WAITING if begun else ActionState.ABANDONED
        now = self._clock.now()
        record = replace(record, state=state, error=None if begun else error, changed_at=now)
        with self._store.transaction() as tx:
            record = self._tenure.holding(tx, record)
            tx.actions.save(record)
            journalled(tx, record, now, "action_not_called", {"call": asdict(call), "why": why})
            if not begun:
                journalled(tx, record, now, "action_abandoned", {"error": error, "reconciled": False})
                as_before(tx, record, error)
        del self._uncalled[intent]
        if not begun:
            self._reporter.report(
                ActionEnded(run_id=record.run_id, record=record, outcome=record.state, reconciled=False)
            )

    def _forbidden(self, tx: Transaction, record: ActionRecord, looked_at: datetime, now: datetime) -> Hold | None:
        """What forbids the call at this instant; an undo is a person's word, which only a later one holds."""
        if record.undoes is not None:
            return _undo_paused(tx, record) or self._doubted(record)
        taken_back = withdrawn(tx, record, self._loaded.get(record.policy), looked_at, now)
        return taken_back or self._doubted(record) or self._shut(record, now)

    def _changed(self, record: ActionRecord, looked_at: datetime) -> str | None:
        with self._store.reading() as tx:
            now = self._clock.now()
            if self._tenure.lapsed(tx, record):
                return "its lease lapsed meanwhile"
            if (hold := _stale(looked_at, now)) is None:
                if record.undoes is not None:
                    hold = _undo_paused(tx, record) or self._doubted(record)
                else:
                    held = held_since(tx, record, self._loaded.get(record.policy), looked_at, now)
                    hold = held or self._doubted(record) or self._shut(record, now)
            return hold.detail if hold is not None else None

    def _doubted(self, record: ActionRecord) -> Hold | None:
        """An edit that only a file knows yet must hold; no exemption holds an undo."""
        if (doubt := self._doubts.settings()) is not None:
            return Hold(guard="pause", detail=doubt)
        doubt = self._doubts.exemptions() if record.undoes is None else None
        return Hold(guard="exemption", detail=doubt) if doubt is not None else None

    def _shut(self, record: ActionRecord, now: datetime) -> Hold | None:
        why = self._loaded.closed(record.policy, record.scope.account, now)
        return Hold(guard="window", detail=why) if why is not None else None

    def _version_of(self, name: str) -> str:
        policy = self._loaded.get(name)
        return policy.fingerprint if policy is not None else "not loaded"


def _stale(looked_at: datetime, now: datetime) -> Hold | None:
    if timedelta(0) <= now - looked_at <= LOOK_LASTS:
        return None
    detail = f"the last look at the resource began at {looked_at.isoformat()}, and it is {now.isoformat()}"
    return Hold(guard="re-check", detail=detail)


def _undo_paused(tx: Transaction, record: ActionRecord) -> Hold | None:
    return undo_held(record, paused_since(tx, record))


def _intent_of(record: ActionRecord) -> tuple[str, datetime]:
    """Which intent it is: the same step may be intended again."""
    return record.id, record.changed_at
