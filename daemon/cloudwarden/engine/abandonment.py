"""Abandonment: what ends an action on its way before its next call, instead of letting it wait for one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cloudwarden.core.action import Call, Wait
from cloudwarden.core.exemption import Subject, lately_exempt, ruling
from cloudwarden.core.finding import ActionRecord
from cloudwarden.ports import JournalEntry, Transaction

FRESH_FOR = timedelta(hours=1)
"""How long after a step the call that builds on it may follow, be it held or not. What was made for it is stale then: a
volume that was put to use and left again between two sweeps holds what its snapshot does not."""

INTERRUPTED = (
    "since it began a sweep found that its resource complied, was exempt or not there, or nobody watched for too long"
)


def why_abandoned(tx: Transaction, record: ActionRecord, now: datetime) -> str | None:
    """Why an action may make no further call, ever, in words; None when it may, or has none to make.

    One that only waits for the end of what it called is let wait: its own call may have made the resource comply. Nor
    is an undo ended: it restores what a policy changed, of a resource that therefore complies, and whoever exempts one
    wants it left as it was.
    """
    if record.undoes is not None or not _calls(record):
        return None
    finding = tx.findings.get(record.finding_id)
    if finding is None:
        return None
    if finding.interrupted:
        return INTERRUPTED
    subject, exemptions = Subject.found(finding), tx.decisions.exemptions()
    exempted = ruling(record.policy, subject, exemptions, now).by
    exempted = exempted or lately_exempt(record.policy, subject, exemptions, finding.last_seen, now).by
    if exempted is not None:
        return f"exempt since it began: {exempted}"
    stale = _stale(tx, record, now)
    return f"{stale}; held meanwhile by {finding.held}" if stale is not None and finding.held else stale


def made(record: ActionRecord) -> str:
    """What an action had done when it ended early, in words; nothing when it had done nothing."""
    done = [step for step in record.plan.steps[: record.step] if isinstance(step, Call)]
    words = [f"{one.operation}{_kept(one, record)}" for one in done]
    return f"done before, and left as it is: {'; '.join(words)}" if words else ""


def _stale(tx: Transaction, record: ActionRecord, now: datetime) -> str | None:
    """Whether the next call comes too late after the steps before it.

    The last of them must have ended lately, and the last call have been intended no longer ago than it may take. The
    journal tells when: it was intended before AWS began it, also where its end was found out days later.
    """
    if not isinstance(call := record.plan.steps[record.step], Call):
        return None
    entries = tx.journal.entries(action_id=record.id)
    ended = _latest(entries, "action_stepped", before=record.step)
    intended = _latest(entries, "action_intended", before=record.step)
    if ended is None or intended is None:
        return f"the journal does not tell any more how old what was made for {call.operation} is"
    if _within(ended, now, FRESH_FOR) and _within(intended, now, FRESH_FOR + _waits(record)):
        return None
    words = f"what was made for {call.operation} is stale: begun at {intended:%Y-%m-%d %H:%M}Z"
    return f"{words}, complete at {ended:%Y-%m-%d %H:%M}Z, and it may follow for {FRESH_FOR}"


def _calls(record: ActionRecord) -> bool:
    return any(isinstance(step, Call) for step in record.plan.steps[record.step :])


def _waits(record: ActionRecord) -> timedelta:
    """How long the waits since the last call may take."""
    total = timedelta(0)
    for step in reversed(record.plan.steps[: record.step]):
        if not isinstance(step, Wait):
            break
        total += timedelta(seconds=step.timeout_seconds)
    return total


def _latest(entries: Sequence[JournalEntry], event: str, *, before: int) -> datetime | None:
    found = (one.at for one in reversed(entries) if one.event == event and _step(one) < before)
    return next(found, None)


def _step(entry: JournalEntry) -> int:
    step = entry.details.get("step")
    return step if isinstance(step, int) else 0


def _within(then: datetime, now: datetime, allowed: timedelta) -> bool:
    """Whether so much lies between them at most; a clock that was set back since tells nothing of more."""
    return abs(now - then) <= allowed


def _kept(call: Call, record: ActionRecord) -> str:
    kept = ", ".join(f"{name} {record.kept[name]}" for name in call.keeps if name in record.kept)
    return f" ({kept})" if kept else ""
