"""Undo: what a person asks to be restored becomes an action of its own, and takes the same way as any other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cloudwarden.core.action import Call, Plan, Step
from cloudwarden.core.finding import ActionRecord, ActionState
from cloudwarden.core.placeholder import filled_call, filled_read, spelled_out
from cloudwarden.core.plain import Json
from cloudwarden.engine.carry import PROOF_WAITS
from cloudwarden.engine.consent import PAUSES_KNOWN
from cloudwarden.engine.decide import Decider, DecisionError
from cloudwarden.engine.ending import UNDO
from cloudwarden.engine.propose import new_id
from cloudwarden.engine.restore import forgotten
from cloudwarden.ports import Actuator, Transaction

_MAY_BE_ASKED_AGAIN = (ActionState.FAILED, ActionState.ABANDONED, ActionState.UNKNOWN)
"""How an undo may have ended that may be asked for again, as far as it got."""


def undo(tx: Transaction, action_id: str, decider: Decider) -> ActionRecord:
    """Have a finished action undone by its inverse; the daemon carries it out.

    One that ended half-way goes on where it stood when it is asked for again, and one that succeeded is done anew: the
    last look before its calls tells whether there is something to undo. Raises DecisionError that says why not: there
    is no such action, it did not succeed, it has no inverse, it was undone just now, it was or may have been done again
    since, the store was put back since, its scope is not looked after any more, or nobody says why.
    """
    decider.demand_reason()
    record = tx.actions.get(action_id)
    if record is None:
        raise DecisionError(f"no action {action_id!r}: `cloudwarden actions` lists them")
    earlier = tx.actions.undoing(record.id)
    _refuse(record, earlier, decider.now)
    if forgotten(tx, record):
        raise DecisionError(
            f"action {record.id} cannot be undone: the store was put back to an earlier state since, so that nobody "
            f"knows here whether it was undone, or done again, meanwhile: look at what there is; {_by_hand(record)}"
        )
    if again := done_again(tx, record):
        raise DecisionError(overdone(record, again))
    if earlier and earlier.state is ActionState.SUCCEEDED:
        earlier = None
    made = _undo_of(record, earlier, decider.now)
    _refuse_elsewhere(tx, record, made.plan)
    tx.actions.save(made)
    known: list[Json] = [one.mark for one in tx.decisions.pauses()]
    details = decider.details(
        undoes=record.id,
        policy=record.policy,
        resource=record.resource_id,
        plan_hash=made.plan.hash,
        **{PAUSES_KNOWN: known},
    )
    tx.journal.append(at=decider.now, event="undo_requested", action_id=made.id, details=details)
    return made


def undoings(tx: Transaction, records: Iterable[ActionRecord]) -> Mapping[str, ActionRecord]:
    """The latest undo of each of these actions that somebody asked to be undone, by the action's id."""
    found = ((one.id, tx.actions.undoing(one.id)) for one in records if one.undoes is None)
    return {id_: undoing for id_, undoing in found if undoing is not None}


def note(record: ActionRecord, *, held: str | None, undone: str | None) -> str:
    """What is said of an action beside its state: how it ended badly, or what it undoes, became of it, and holds it."""
    if record.error and record.held is None:
        return record.error
    words = (f"undoes {record.undoes}" if record.undoes else undone, f"held: {held}" if held else None)
    return "; ".join(filter(None, words))


def undone(undoing: ActionRecord) -> str:
    """What became of an action since, in words, by its latest undo."""
    if undoing.state is ActionState.SUCCEEDED:
        return f"undone by {undoing.id}"
    return f"its undo {undoing.id}: {undoing.state}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unshown:
    """A call whose effect a reading does not show, and by when it had been made."""

    operation: str
    shown: Json
    done_by: datetime


def unshown(undoing: ActionRecord, original: ActionRecord, actuator: Actuator) -> Unshown | None:
    """What was done, where a reading does not show it to be there to be undone. Raises CloudError.

    What was done is the action's last call, or that of an earlier undo where this one goes on.
    """
    last, by = _last_call(undoing.plan.steps[: undoing.step]), undoing
    if last is None:
        last, by = _last_call(original.plan.steps), original
    if last is None:
        return None
    if last.proof.shown_by(shown := actuator.read(by.scope, filled_read(last.proof.read, by))):
        return None
    return Unshown(operation=last.operation, shown=shown, done_by=done_by(undoing, original))


def done_by(undoing: ActionRecord, original: ActionRecord) -> datetime:
    """When what is to be undone was done: by the action, or by an earlier undo where this one goes on."""
    return undoing.started_at if _last_call(undoing.plan.steps[: undoing.step]) else original.changed_at


def done_again(tx: Transaction, record: ActionRecord) -> ActionRecord | None:
    """The latest action that did the same to the resource since, or some of it, or may have; unless it was undone.

    What is in force is what it did, and only its plan knows what there was before.
    """
    for one in tx.actions.after(record):
        if one.undoes is None and _alike(one, record) and _may_have_called(one):
            undoing = tx.actions.undoing(one.id)
            if undoing is None or undoing.state is not ActionState.SUCCEEDED:
                return one
    return None


def overdone(record: ActionRecord, again: ActionRecord) -> str:
    """Why an action is not undone that was done again, or may have been, in words."""
    if again.state is ActionState.SUCCEEDED:
        return f"action {record.id} was done again since by {again.id}: undo that"
    then = "look at what there is, and restore it by hand" if again.state.ended else "wait until that has ended"
    return f"action {record.id} may have been done again since by {again.id}, which is {again.state}: {then}"


def _alike(one: ActionRecord, other: ActionRecord) -> bool:
    """Whether they do the same: of one policy by the action's name, of two where their calls do some of the same."""
    if one.policy == other.policy and one.plan.action == other.plan.action:
        return True
    return any(_overlap(call, earlier) for call in one.plan.calls for earlier in other.plan.calls)


def _overlap(one: Call, other: Call) -> bool:
    """Whether a call does what another one does, or some of it: a rule, or a tag, is in the list of both."""
    if (one.service, one.operation, one.arguments.keys()) != (other.service, other.operation, other.arguments.keys()):
        return False
    return all(_share(value, other.arguments[name]) for name, value in one.arguments.items())


def _share(one: Json, other: Json) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return any(part in other for part in one)
    return one == other


def _may_have_called(one: ActionRecord) -> bool:
    """Whether a call of an action took effect, for all that anybody knows."""
    unsure = (ActionState.SUCCEEDED, ActionState.INTENDED, ActionState.UNKNOWN)
    return one.state in unsure or one.called


def _last_call(steps: Sequence[Step]) -> Call | None:
    return next((step for step in reversed(steps) if isinstance(step, Call)), None)


def _undo_of(record: ActionRecord, earlier: ActionRecord | None, now: datetime) -> ActionRecord:
    """The action that undoes one; it goes on where an earlier one stood, if there is one to go on with."""
    plan = Plan(
        action=f"{UNDO}{record.plan.action}",
        summary=f"undo: {record.plan.summary}",
        steps=record.plan.inverse,
        inverse=record.plan.steps,
        irreversible=record.plan.irreversible,
    )
    return replace(
        record,
        id=new_id("a"),
        proposal_id=None,
        plan=plan,
        state=ActionState.WAITING,
        step=earlier.step if earlier else 0,
        kept=earlier.kept if earlier else record.kept,
        error=None,
        undoes=record.id,
        owner="",
        lease_until=None,
        run_id="",
        started_at=now,
        changed_at=now,
    )


def _refuse(record: ActionRecord, earlier: ActionRecord | None, now: datetime) -> None:
    if record.undoes is not None:
        raise DecisionError(f"action {record.id} is an undo itself: its policy acts again when it may")
    if record.state is not ActionState.SUCCEEDED:
        raise DecisionError(
            f"action {record.id} is {record.state}: only one that succeeded can be undone{_left(record)}"
        )
    if not record.plan.inverse:
        raise DecisionError(f"action {record.id} cannot be undone: {_why_not(record)}")
    if earlier and earlier.state not in _MAY_BE_ASKED_AGAIN:
        undone = f"action {record.id} is undone by {earlier.id}, which is {earlier.state}"
        if earlier.state is not ActionState.SUCCEEDED:
            raise DecisionError(undone)
        # A reading that lags would show what was undone as if it were still in force.
        if now - earlier.changed_at < PROOF_WAITS:
            raise DecisionError(f"{undone} just now: if that shows no effect, ask again in a minute")


def _refuse_elsewhere(tx: Transaction, record: ActionRecord, plan: Plan) -> None:
    known = tx.scopes.known()
    left = [one for where in plan.places(record.scope) if (one := known.get(where)) and one.left_at is not None]
    if left:
        scopes = ", ".join(sorted(str(one.scope) for one in left))
        raise DecisionError(
            f"action {record.id} cannot be undone: {scopes} is not looked after any more; have the settings include it "
            "again, or restore by hand"
        )


def _left(record: ActionRecord) -> str:
    """What an action that ended early did, call by call, and what would restore it by hand."""
    if not record.state.ended:
        return ", and this one is under way"
    done = [step for step in record.plan.steps[: record.step] if isinstance(step, Call)]
    doubtful = [step for step in record.plan.steps[record.step : record.step + 1] if isinstance(step, Call)]
    unknown = doubtful if record.state is ActionState.UNKNOWN else []
    if not done and not unknown:
        return "; nothing of this one was done"
    words = [f"; of this one was done: {'; '.join(_spelled(one, record) for one in done) or 'nothing for certain'}"]
    words += [f"nobody knows whether {_spelled(one, record)} was" for one in unknown]
    if record.plan.inverse:
        words.append(_by_hand(record))
    else:
        words.append("its plan has no inverse: what it left is for a person to keep, or to remove")
    return ". ".join(words)


def _by_hand(record: ActionRecord) -> str:
    whole = "; ".join(_spelled(one, record) for one in record.plan.inverse if isinstance(one, Call))
    return f"to restore it by hand, make those of these calls that belong to it: {whole}"


def _spelled(call: Call, record: ActionRecord) -> str:
    arguments = json.dumps(filled_call(call, record).arguments, sort_keys=True)
    kept = ", ".join(f"{name} {record.kept[name]}" for name in call.keeps if name in record.kept)
    return f"{call.service} {call.operation} {arguments}{f', which gave {kept}' if kept else ''}"


def _why_not(record: ActionRecord) -> str:
    if not record.plan.irreversible:
        return f"{record.plan.action} has no inverse"
    return spelled_out(record.plan.irreversible, record)
