"""What a history tells when it is read: intents, beginnings of actions, and what was in force at an instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from chaos.history import Condition, History, Sent, Version
from cloudwarden.core.finding import ActionRecord, ActionState
from cloudwarden.ports import JournalEntry

RELOADS_WITHIN = timedelta(seconds=60)
"""How long an older version of a policy may go on, when its file changed."""


def all_intents(history: History) -> list[JournalEntry]:
    """Every intent, in order."""
    return [entry for entry in history.journal if entry.event == "action_intended"]


def not_called(history: History) -> list[JournalEntry]:
    """Every intent that was taken back, as its call had not been made."""
    return [entry for entry in history.journal if entry.event == "action_not_called"]


def beginnings(history: History) -> Iterator[tuple[JournalEntry, ActionRecord]]:
    """The first intent of every action that is no undo, in order."""
    actions = {action.id: action for action in history.actions}
    for entry in all_intents(history):
        action = actions.get(entry.action_id)
        if entry.details["step"] == 0 and action is not None and action.undoes is None:
            yield entry, action


def done(history: History) -> list[tuple[JournalEntry, ActionRecord]]:
    """Those beginnings whose first call was made, or may have been."""
    return [
        (entry, action)
        for entry, action in beginnings(history)
        if action.state is not ActionState.ABANDONED or action.step > 0
    ]


def undos(history: History) -> set[str]:
    """The actions that undo another."""
    return {action.id for action in history.actions if action.undoes is not None}


def versions_in_force(history: History, policy: str, seq: int) -> list[Version]:
    """The versions that may have been running at a journal entry: the latest, and those replaced shortly before."""
    at = history.committed[seq]
    versions = [version for version in history.versions if version.policy == policy]
    spans = zip(versions, [*(following.at for following in versions[1:]), None], strict=bool(versions))
    held = [one for one, end in spans if one.at <= at and (end is None or end > at - RELOADS_WITHIN)]
    return [one for one in held if not one.removed]


def between(conditions: Sequence[Condition], begins: datetime, until: datetime) -> list[Condition]:
    """The conditions that held at any instant from `begins` to `until`."""
    spans = zip(conditions, [*(following.at for following in conditions[1:]), None], strict=bool(conditions))
    return [one for one, end in spans if one.at <= until and (end is None or end >= begins)]


def seen_before(history: History, sent: Sent) -> list[Condition]:
    """What was true of a resource from its latest whole look to the request; nothing where there was no such look."""
    if sent.looked_at is None:
        return []
    return between(history.conditions.get(sent.resource, ()), sent.looked_at, sent.at)
