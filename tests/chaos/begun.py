"""Begun: what a sweep saw between two calls of an action counts, however the resource looks at the second."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from chaos.history import Condition, History, Run, Sent
from chaos.restraints import exempting
from chaos.told import between
from cloudwarden.core.finding import ActionRecord


def nothing_goes_on_that_was_overtaken(history: History) -> Iterator[str]:
    """No further call of an action follows a sweep that saw its resource comply, exempt or gone.

    An undo may: what it restores complies.
    """
    actions = {action.id: action for action in history.actions if action.undoes is None}
    calls: defaultdict[str, list[Sent]] = defaultdict(list)
    for sent in history.sent:
        if sent.intents and sent.intents[-1][0] in actions:
            calls[sent.intents[-1][0]].append(sent)
    for name, made in calls.items():
        for earlier, later in pairwise(made):
            for run in history.runs:
                if earlier.at < run.at < later.at and (why := _overtaken(history, actions[name], run, earlier)):
                    yield f"{name} called {later.operation} of {later.resource} at {later.at}: {why} at {run.at}"


def _overtaken(history: History, action: ActionRecord, run: Run, earlier: Sent) -> str | None:
    """What a sweep of its policy saw that overtakes an action, in words."""
    if run.policy != action.policy or not (seen := _seen(history, earlier, run)):
        return None
    if all(action.policy not in one.violates for one in seen):
        return "it had been seen to comply"
    if all(one.untouchable for one in seen):
        return "it had been seen with the tag hands-off"
    about = {"policy": action.policy, "scope": str(action.scope), "resource": action.resource_id}
    tags = frozenset.intersection(*(one.tags for one in seen))
    name = exempting(history, about, tags, last=run.after, at=run.began)
    return f"it had been exempt by {name}" if name else None


def _seen(history: History, earlier: Sent, run: Run) -> Sequence[Condition]:
    """What was true of a resource from a sweep's listing to its end; nothing when that was not whole, or before."""
    listings = [
        look
        for look in history.looks
        if look.at < run.at and look.prefix and not look.resources and earlier.resource.startswith(look.prefix)
    ]
    if not listings or not listings[-1].whole or listings[-1].at < earlier.at:
        return ()
    return between(history.conditions.get(earlier.resource, ()), listings[-1].at, run.at)
