"""Verbs of what was done: listing it, and undoing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from cloudwarden.app import App
from cloudwarden.cli import shapes, tables
from cloudwarden.cli.findings import ByOption, NeededReason
from cloudwarden.cli.installation import app_of, decider
from cloudwarden.cli.naming import PolicyOption, known_policy
from cloudwarden.cli.output import JsonOption, emit, moment, notice, say, show, table
from cloudwarden.cli.presence import when_it_happens
from cloudwarden.core.finding import ActionRecord
from cloudwarden.core.pause import Pause
from cloudwarden.engine import undo as undoing
from cloudwarden.engine.consent import paused_since, undo_held


def actions(
    context: typer.Context,
    policy: PolicyOption = None,
    most: Annotated[int, typer.Option("--most", min=1, help="How many at most, newest first.")] = 50,
    *,
    as_json: JsonOption = False,
) -> None:
    """List what was done, newest first."""
    with app_of(context) as app:
        known_policy(app, policy)
        with app.store.reading() as tx:
            found = tx.actions.latest(most, policy)
            since = {one.id: paused_since(tx, one) for one in found if _waits(one)}
            undone = {id_: undoing.undone(by) for id_, by in undoing.undoings(tx, found).items()}
        holds = _holds(app, found, since)
    if as_json:
        emit([shapes.action(one) | {"held": holds.get(one.id), "undone": undone.get(one.id)} for one in found])
        return
    notes = [undoing.note(one, held=holds.get(one.id), undone=undone.get(one.id)) for one in found]
    rows = [
        (
            one.id,
            one.policy,
            str(one.scope),
            one.resource_id,
            one.plan.summary,
            one.state,
            moment(one.changed_at),
            note,
        )
        for one, note in zip(found, notes, strict=True)
    ]
    columns = ("id", "policy", tables.WHERE, "resource", "did", "state", "when", "note")
    show([table(f"Actions ({len(rows)})", columns, rows)])


def undo(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Actions, as `cloudwarden actions` lists them.")],
    reason: NeededReason = "",
    by: ByOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Restore what actions changed, as far as an inverse can.

    All of those named are undone, or none. What was changed again since is left as it is now. A pause that is there
    does not hold an undo; one made after it does, until it is resumed.
    """
    with app_of(context) as app:
        person = decider(app, by=by, reason=reason)
        with app.store.transaction() as tx:
            made = [undoing.undo(tx, one, person) for one in dict.fromkeys(ids)]
        when = when_it_happens(app.settings.database)
        holds = _holds(app, made, {})
    for id_, why in holds.items():
        notice(f"{id_} is held for now: {why}")
    if as_json:
        emit([shapes.action(one) for one in made])
        notice(when)
        return
    for one in made:
        say(f"{one.id}: {one.plan.summary}")
        if one.plan.irreversible:
            say(f"{one.id} does not restore {one.plan.irreversible}")
    say(when)


def _waits(one: ActionRecord) -> bool:
    return one.undoes is not None and not one.state.ended


def _holds(app: App, found: Sequence[ActionRecord], since: Mapping[str, Sequence[Pause]]) -> Mapping[str, str]:
    """What holds the actions that wait, by their ids: of undos people's word as it is now, else what a look found."""
    undos = (one for one in found if _waits(one))
    now = {one.id: undo_held(one, since.get(one.id, ()), app.ceiling_of(one.scope)) for one in undos}
    held = ((one.id, hold.detail if (hold := now.get(one.id)) else one.held) for one in found)
    return {id_: why for id_, why in held if why is not None}
