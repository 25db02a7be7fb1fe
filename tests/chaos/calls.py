"""Calls: what must be so of every mutating request that reached the cloud."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from chaos.history import History
from chaos.told import all_intents, not_called, seen_before, undos
from cloudwarden.core.action import Call

LOOKS_WITHIN = timedelta(seconds=60)
"""How old a look may be that an action is taken on: one slow reading with its repetitions, and no more."""


def no_call_without_a_committed_intent(history: History) -> Iterator[str]:
    """When a mutating request arrives, the store holds the intent for it."""
    for sent in history.sent:
        if not sent.intents:
            yield f"{sent.operation} of {sent.resource} arrived at {sent.at} and no committed intent names it"


def no_action_twice(history: History) -> Iterator[str]:
    """Each intent allows one request, and each approval one action; what was not called after all allows none."""
    intents, taken_back = all_intents(history), not_called(history)
    steps = Counter((entry.action_id, entry.details["step"]) for entry in intents)
    steps.subtract((entry.action_id, entry.details["step"]) for entry in taken_back)
    yield from (
        f"step {step} of {action} was intended {count} times" for (action, step), count in steps.items() if count > 1
    )
    # By its own intent: one of the same call that was never made, as a kill leaves it, allows nobody else's.
    requests = Counter(sent.intents[-1] for sent in history.sent if sent.intents)
    for (action, step), count in requests.items():
        if count > (allowed := steps[action, step]):
            yield f"step {step} of {action} arrived {count} times, and was intended {allowed} times"
    unused = {entry.action_id for entry in taken_back if entry.details["step"] == 0}
    used = Counter(one.proposal_id for one in history.actions if one.proposal_id and one.id not in unused)
    yield from (f"proposal {proposal} was carried out {count} times" for proposal, count in used.items() if count > 1)


def nothing_on_the_unknown(history: History) -> Iterator[str]:
    """Every call follows a fresh, whole look at its resource, which showed a violation that may be acted on."""
    actions = {action.id: action for action in history.actions}
    for sent in history.sent:
        action = actions.get(sent.intents[-1][0]) if sent.intents else None
        if action is None or action.undoes is not None:
            continue
        what = f"{sent.operation} of {sent.resource} at {sent.at}"
        if sent.looked_at is None or sent.at - sent.looked_at > LOOKS_WITHIN:
            yield f"{what}: it was not looked at again (last: {sent.looked_at})"
            continue
        seen = seen_before(history, sent)
        if not any(one.exists and action.policy in one.violates for one in seen):
            yield f"{what}: it did not violate {action.policy}"
        elif all(one.untouchable for one in seen):
            yield f"{what}: it was protected"


def nothing_on_the_protected(history: History) -> Iterator[str]:
    """What the latest look must have shown to be protected, by a tag of the settings or by its keeper, is left alone.

    An undo is a person's word, and may.
    """
    undoing = undos(history)
    for sent in history.sent:
        seen = seen_before(history, sent)
        if seen and all(one.protected for one in seen) and not undoing.intersection(name for name, _ in sent.intents):
            yield f"{sent.operation} of {sent.resource} at {sent.at}: it was protected since it was looked at"


def nothing_denied(history: History) -> Iterator[str]:
    """What a dry run did not permit is not called; nor what has one, and was not asked it."""
    actions = {action.id: action for action in history.actions}
    for sent in history.sent:
        what = f"{sent.operation} of {sent.resource} arrived at {sent.at}, and its dry run"
        if sent.permitted is False:
            yield f"{what} had not passed"
        elif sent.permitted is None and sent.intents:
            name, number = sent.intents[-1]
            step = actions[name].plan.steps[number] if name in actions else None
            if isinstance(step, Call) and step.dry_run:
                yield f"{what} was not asked"
