"""Verbs of notices: what owners are to be told and were told, and whether a channel works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from cloudwarden.cli import shapes, tables
from cloudwarden.cli.installation import app_of, known
from cloudwarden.cli.naming import PolicyOption, known_policy
from cloudwarden.cli.output import JsonOption, emit, moment, say, show, table
from cloudwarden.core.message import trial
from cloudwarden.core.notice import Notice, NoticeState

notices = typer.Typer(help="What owners are to be told, and were told.")


@notices.callback(invoke_without_command=True)
def listing(
    context: typer.Context,
    policy: PolicyOption = None,
    state: Annotated[NoticeState | None, typer.Option("--state", help="Only those in this state.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="The latest so many of those.")] = 200,
    *,
    as_json: JsonOption = False,
) -> None:
    """List notices, the latest first.

    Pending ones are due, or wait for their digest; withdrawn ones were overtaken before they were delivered.
    """
    if context.invoked_subcommand is not None:
        return
    with app_of(context) as app:
        known_policy(app, policy)
        with app.store.reading() as tx:
            found = tx.notices.latest(most, policy=policy, state=state)
    if as_json:
        emit([shapes.notice(one) for one in found])
    else:
        show([_table(found)])


@notices.command("test")
def trying(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(help="A channel of the settings.")],
    to: Annotated[str | None, typer.Option("--to", metavar="ADDRESS", help="For mail: whose address.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Send a test message by a channel, now."""
    with app_of(context) as app:
        name = known("channel", channel, app.settings.channels)
        app.channels.send(name, trial(name, app.clock.now()), to)
    if as_json:
        emit({"channel": name, "accepted": True})
    else:
        say(f"channel {name} accepted a test message")


def _table(found: Sequence[Notice]) -> Table:
    return table(
        f"Notices ({len(found)})",
        ("id", "kind", "policy", tables.WHERE, "resource", "would", "owner", "channel", "state", "since", "why not"),
        (
            (
                one.id,
                one.kind,
                one.policy,
                str(one.scope),
                one.resource_id,
                one.would,
                one.owner or "",
                one.channel or "",
                one.state,
                moment(one.ended_at or one.due_at),
                one.error or "",
            )
            for one in found
        ),
    )
