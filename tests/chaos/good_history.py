"""A history in which all is well, for tests to break."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import happenings
from chaos.history import Closing, Condition, History, Look, Run, Sent, Version
from chaos.model import violations
from cloudwarden import PROPOSE, Limit
from cloudwarden.core.finding import ActionRecord, ActionState, ProposalState, State
from cloudwarden.core.plain import Json
from cloudwarden.core.restraint import Quota
from cloudwarden.ports import JournalEntry
from happenings import NOON, STOP

SECOND = timedelta(seconds=1)
IDLE = Condition(at=NOON, violates=frozenset({"stop-idle"}))
BUSY = Condition(at=NOON + 30 * SECOND)
LISTED = Look(
    at=NOON + 2 * SECOND, prefix="i-", resources=(), whole=True, shown=frozenset({"i-1", "i-2", "i-3"})
)  # fmt: skip


def entry(seq: int, event: str, action: str = "", **details: Json) -> JournalEntry:
    """An entry of the journal, as many seconds after noon as its number."""
    return JournalEntry(
        seq=seq, at=at(seq), event=event, run_id="", action_id=action, details=details, previous="", hash=""
    )


def intent(seq: int, action: str = "a-1", resource: str = "i-1", step: int = 0) -> JournalEntry:
    """The intent of a call."""
    call: Any = asdict(STOP)
    return entry(
        seq, "action_intended", action, policy="stop-idle", scope="111122223333/eu-west-1", resource=resource,
        step=step, call=call, policy_version="v-1",
    )  # fmt: skip


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + seconds * SECOND


def action(name: str = "a-1", **changes: Any) -> ActionRecord:
    """An action that succeeded."""
    fields: dict[str, Any] = {"id": name, "state": ActionState.SUCCEEDED, "started_at": at(4)}
    return happenings.record(**fields | changes)


def sent(**changes: Any) -> Sent:
    """The request that stops i-1, six seconds after noon."""
    fields: dict[str, Any] = {
        "at": at(6),
        "operation": "stop_instances",
        "resource": "i-1",
        "intents": (("a-1", 0),),
        "looked_at": at(4),
    }
    return Sent(**fields | changes)


def run(**changes: Any) -> Run:
    """A sweep of stop-idle, settled three seconds after noon."""
    fields: dict[str, Any] = {"at": at(3), "policy": "stop-idle", "after": 2, "population": 3, "began": at(3)}
    return Run(**fields | changes)


def history(**changes: Any) -> History:
    """A history in which i-1 was proposed, approved, stopped once, and all is well."""
    journal = [
        entry(1, "proposal_made", proposal="p-1"),
        entry(2, "proposal_approved", proposal="p-1", plan_hash=happenings.PLAN.hash, by="operator"),
        intent(5),
        entry(7, "action_succeeded", "a-1", policy="stop-idle"),
    ]
    fields: dict[str, Any] = {
        "sent": [sent()],
        "looks": [LISTED],
        "journal": journal,
        "actions": [action()],
        "proposals": [happenings.proposal(state=ProposalState.CARRIED_OUT)],
        "findings": [happenings.finding(state=State.FIXED)],
        "closings": [Closing(at=at(40), finding="f-1", policy="stop-idle", resource="i-1", state=State.FIXED)],
        "conditions": {"i-1": [IDLE, BUSY]},
        "versions": [Version(at=NOON, policy="stop-idle", mode=PROPOSE, limit=Limit(per_run=1, share=1.0, per_hour=1))],
        "runs": [run()],
        "quota": Quota(),
        "quiet": True,
    }
    made: dict[str, Any] = fields | changes
    return History(**{"committed": {one.seq: one.at for one in made["journal"]}, **made})


def broken(made: History) -> set[str]:
    """The invariants that a history breaks."""
    return {what.partition(":")[0] for what in violations(made)}
