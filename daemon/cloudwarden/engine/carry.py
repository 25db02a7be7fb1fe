"""Carry out one action: intent committed, call, outcome committed; at most once, whatever dies in between."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from cloudwarden.core import lifecycle
from cloudwarden.core.action import ACTION_ID, Call, Json, Read, Wait
from cloudwarden.core.errors import CloudError, MalformedAnswer, NotFound, StoreError
from cloudwarden.core.exemption import ANY
from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Grace, ProposalState, State
from cloudwarden.core.pause import ITSELF, Pause
from cloudwarden.engine.events import ActionEnded, ActionIntended, ActionStepped, PolicyStopped
from cloudwarden.engine.grounds import LastLook, grounds
from cloudwarden.engine.second_thoughts import second_thoughts
from cloudwarden.engine.tenure import Tenure
from cloudwarden.ports import Actuator, Clock, Reporter, Store, Transaction

PROOF_WAITS = timedelta(seconds=60)
"""How long an effect may take to show in a reading, before its absence means that the call never arrived.

Amazon EC2's "Eventual consistency" advises to expect seconds, and to keep asking."""

UNKNOWN_AFTER = timedelta(days=1)
"""How long an intent may stay without an outcome because AWS cannot be read; then it ends as unknown, loudly."""

HELD_FOR = timedelta(days=14)
"""How long a begun action may wait for its next call; a weekly change window comes twice within this."""


FORGOTTEN = "the store was restored from a backup since it began: what was done of it after that is not known here"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How an action ended."""

    state: ActionState
    error: str | None = None
    reconciled: bool = False


class Carrier:
    """Carries actions out step by step. `may_go_on` says why the next call must not be made, or None."""

    def __init__(
        self,
        *,
        store: Store,
        actuator: Actuator,
        clock: Clock,
        reporter: Reporter,
        may_go_on: Callable[[ActionRecord], Ending | str | None],
        failures_allowed: Callable[[str], int],
        version_of: Callable[[str], str],
        tenure: Tenure,
    ) -> None:
        self._store = store
        self._actuator = actuator
        self._clock = clock
        self._reporter = reporter
        self._may_go_on = may_go_on
        self._failures_allowed = failures_allowed
        self._version_of = version_of
        self._tenure = tenure

    def begin(self, record: ActionRecord, look: LastLook) -> None:
        """Carry out a new action whose guards have all been passed just now, at this look."""
        step = record.plan.steps[record.step]
        if isinstance(step, Call):
            self._call(record, step, look=look)

    def reconcile(self, record: ActionRecord) -> None:
        """Find out by reading what became of an intent without an outcome; never by calling again."""
        step = record.plan.steps[record.step]
        if not isinstance(step, Call):
            return
        try:
            shown = self._actuator.read(record.scope, filled_read(record, step.proof.read))
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
        reason = self._may_go_on(record)
        if isinstance(reason, Ending):
            self._end(record, reason)
        elif reason is None:
            self._call(record, step)
        elif self._tenure.age(record) >= HELD_FOR:
            self._end(record, Ending(state=ActionState.ABANDONED, error=f"held for {HELD_FOR.days} days: {reason}"))

    def _forgotten(self, record: ActionRecord) -> bool:
        with self._store.reading() as tx:
            restored = tx.keeping.restored()
        return restored is not None and record.started_at <= restored.at

    def _look(self, record: ActionRecord, wait: Wait) -> None:
        try:
            shown = self._actuator.read(record.scope, filled_read(record, wait.read))
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

    def _call(self, record: ActionRecord, call: Call, *, look: LastLook | None = None) -> None:
        """Intent, permission dry run, call, outcome. A StoreError before the call means that nothing is called.

        What people decide is looked at in the transaction that commits the intent, so that no call follows a pause.
        """
        record = replace(record, state=ActionState.INTENDED, changed_at=self._clock.now())
        filled = replace(call, arguments=_filled(call.arguments, record))
        intended = self._intend(record, filled, look)
        if intended is None:
            return
        record = intended
        self._reporter.report(ActionIntended(run_id=record.run_id, record=record))
        try:
            if call.dry_run:
                self._actuator.call(record.scope, filled, dry_run=True)
        except MalformedAnswer as error:
            # Something that understood no dry run may have carried the call out.
            self._unheard(record, error)
            return
        except CloudError as error:
            self._end(record, _refused(error))
            return
        try:
            kept = self._actuator.call(record.scope, filled)
        except CloudError as error:
            self._unheard(record, error) if error.maybe_done else self._end(record, _refused(error))
        except Exception as error:  # noqa: BLE001  # whatever else: the call may have been made, so only reading can tell
            self._unheard(record, error)
        else:
            self._after_call(replace(record, kept={**record.kept, **kept}))

    def _intend(self, record: ActionRecord, call: Call, look: LastLook | None) -> ActionRecord | None:
        """Commit the intent; None when people decided otherwise since the guards looked, who say so at their next."""
        with self._store.transaction() as tx:
            if second_thoughts(tx, record, look, self._clock.now()):
                return None
            record = self._tenure.holding(tx, record)
            tx.actions.save(record)
            why = grounds(tx, record, version=self._version_of(record.policy), look=look)
            self._journal(tx, record, "action_intended", {"call": asdict(call), **why})
            if look is not None:
                self._move_finding(tx, record, State.ACTING)
        return record

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
            self._move_finding(tx, record, _FINDING_AFTER[ending.state])
            stopped = self._stop_failing(tx, record)
        self._reporter.report(
            ActionEnded(run_id=record.run_id, record=record, outcome=ending.state, reconciled=ending.reconciled)
        )
        if stopped:
            self._reporter.report(PolicyStopped(run_id=record.run_id, policy=record.policy, detail=stopped))

    def _stop_failing(self, tx: Transaction, record: ActionRecord) -> str | None:
        """Pause a policy whose latest actions all failed, until a person looks; why, when that was done now.

        After it is resumed, one more failure pauses it again until an action succeeds.
        """
        allowed = self._failures_allowed(record.policy)
        latest = tx.actions.latest_endings(record.policy, allowed)
        failing = len(latest) == allowed and all(state in _FAILURES for state in latest)
        if not failing or any((one.policy, one.account) == (record.policy, ANY) for one in tx.decisions.pauses()):
            return None
        why = f"its latest {allowed} actions failed, the last with: {record.error}"
        tx.decisions.save_pause(
            Pause(policy=record.policy, by=ITSELF, at=record.changed_at, reason=why, origin=f"action {record.id}")
        )
        self._journal(tx, record, "policy_stopped", {"why": why})
        return why

    def _move_finding(self, tx: Transaction, record: ActionRecord, state: State) -> None:
        finding = tx.findings.get(record.finding_id)
        if finding is None:
            return
        now = self._clock.now()
        if record.undoes is not None:
            if state is State.VERIFYING:
                tx.findings.save([lifecycle.undone(finding, record.undoes, now)])
            return
        tx.findings.save([_after_action(finding, state, now)])
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


def filled_read(record: ActionRecord, read: Read) -> Read:
    """The reading, with what the action's calls kept put in."""
    return replace(read, arguments=_filled(read.arguments, record))


_FINDING_AFTER = {
    ActionState.SUCCEEDED: State.VERIFYING,
    ActionState.FAILED: State.FAILED,
    ActionState.ABANDONED: State.OPEN,
    ActionState.UNKNOWN: State.FAILED,
}

_FAILURES = (ActionState.FAILED, ActionState.UNKNOWN)


def _after_action(finding: Finding, state: State, now: datetime) -> Finding:
    moved = lifecycle.moved(finding, state, now)
    if state is State.FAILED:
        return replace(moved, attempts=moved.attempts + 1)
    return replace(moved, grace=Grace()) if state is State.OPEN else moved


def _refused(error: CloudError) -> Ending:
    """The ending of a call that certainly did nothing."""
    state = ActionState.ABANDONED if isinstance(error, NotFound) else ActionState.FAILED
    return Ending(state=state, error=f"{error.reason}: {error}")


def _filled(arguments: Mapping[str, Json], record: ActionRecord) -> dict[str, Json]:
    """The arguments with `${action_id}` and what earlier calls kept put in."""
    values = {ACTION_ID: record.id, **{f"${{{name}}}": value for name, value in record.kept.items()}}

    def filled(value: Json) -> Json:
        if isinstance(value, str):
            return values.get(value, value)
        if isinstance(value, Mapping):
            return {key: filled(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [filled(part) for part in value]
        return value

    return {key: filled(value) for key, value in arguments.items()}
