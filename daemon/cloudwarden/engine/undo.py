"""Undo: what a person asks to be restored becomes an action of its own, and takes the same way as any other."""

from __future__ import annotations

from dataclasses import replace

from cloudwarden.core.action import Call, Plan
from cloudwarden.core.finding import ActionRecord, ActionState
from cloudwarden.core.placeholder import filled_read, spelled_out
from cloudwarden.engine.decide import Decider, DecisionError
from cloudwarden.engine.propose import new_id
from cloudwarden.ports import Actuator, Transaction

_DID_NOTHING = (ActionState.FAILED, ActionState.ABANDONED, ActionState.UNKNOWN)
"""How an undo may have ended that may be asked for again."""


def undo(tx: Transaction, action_id: str, decider: Decider) -> ActionRecord:
    """Have a finished action undone by its inverse; the daemon carries it out.

    Raises DecisionError that says why not: there is no such action, it did not succeed, it has no inverse, it is undone
    already, where it was done is not looked after any more, or nobody says why.
    """
    decider.demand_reason()
    record = tx.actions.get(action_id)
    if record is None:
        raise DecisionError(f"no action {action_id!r}: `cloudwarden actions` lists them")
    _refuse(tx, record)
    plan = Plan(
        action=f"undo-{record.plan.action}",
        summary=f"undo: {record.plan.summary}",
        steps=record.plan.inverse,
        inverse=record.plan.steps,
    )
    _refuse_elsewhere(tx, record, plan)
    made = replace(
        record,
        id=new_id("a"),
        proposal_id=None,
        plan=plan,
        state=ActionState.WAITING,
        step=0,
        error=None,
        undoes=record.id,
        owner="",
        lease_until=None,
        run_id="",
        started_at=decider.now,
        changed_at=decider.now,
    )
    tx.actions.save(made)
    details = decider.details(undoes=record.id, policy=record.policy, resource=record.resource_id, plan_hash=plan.hash)
    tx.journal.append(at=decider.now, event="undo_requested", action_id=made.id, details=details)
    return made


def changed_since(original: ActionRecord, actuator: Actuator) -> str | None:
    """Why what an action did is no longer there to be undone, in words; None when it is. Raises CloudError."""
    done = next(step for step in reversed(original.plan.steps) if isinstance(step, Call))
    shown = actuator.read(original.scope, filled_read(done.proof.read, original))
    if done.proof.shown_by(shown):
        return None
    return f"{done.operation} is not in force any more (its proof shows {shown!r}): somebody changed it since"


def _refuse(tx: Transaction, record: ActionRecord) -> None:
    if record.undoes is not None:
        raise DecisionError(f"action {record.id} is an undo itself: its policy acts again when it may")
    if record.state is not ActionState.SUCCEEDED:
        raise DecisionError(f"action {record.id} is {record.state}: only one that succeeded can be undone")
    if not record.plan.inverse:
        raise DecisionError(f"action {record.id} cannot be undone: {_why_not(record)}")
    if (earlier := tx.actions.undoing(record.id)) and earlier.state not in _DID_NOTHING:
        raise DecisionError(f"action {record.id} is undone by {earlier.id}, which is {earlier.state}")


def _refuse_elsewhere(tx: Transaction, record: ActionRecord, plan: Plan) -> None:
    known = tx.scopes.known()
    left = [one for where in plan.places(record.scope) if (one := known.get(where)) and one.left_at is not None]
    if left:
        scopes = ", ".join(sorted(str(one.scope) for one in left))
        raise DecisionError(
            f"action {record.id} cannot be undone: {scopes} is not looked after any more; have the settings include it "
            "again, or restore by hand"
        )


def _why_not(record: ActionRecord) -> str:
    if not record.plan.irreversible:
        return f"{record.plan.action} has no inverse"
    return spelled_out(record.plan.irreversible, record)
