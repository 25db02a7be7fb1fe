"""Verbs of accounts and regions: which there are, and which policies may act in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.table import Table

from cloudwarden.cli import shapes
from cloudwarden.cli.findings import ByOption, NeededReason
from cloudwarden.cli.installation import app_of, decider
from cloudwarden.cli.output import JsonOption, emit, moment, notice, say, show, table
from cloudwarden.cli.presence import where_it_counts
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.engine import decide


def scopes(
    context: typer.Context,
    *,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that wait to be accepted.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the accounts and regions that were found.

    As of the latest sweep; AWS is not asked.
    """
    with app_of(context) as app, app.store.reading() as tx:
        known = [one for one in tx.scopes.known().values() if one.waits or not waiting]
    if as_json:
        emit([shapes.scope(one) for one in known])
        return
    show([_table(known)])
    if not known and not waiting:
        notice("nothing was swept yet: `cloudwarden once` or `cloudwarden run` finds accounts and regions")


def accept(
    context: typer.Context,
    scope: Annotated[
        str, typer.Argument(metavar="ACCOUNT[/REGION]", help="An account, for all its regions found so far; or one.")
    ],
    reason: NeededReason = "",
    by: ByOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Let policies do more than observe in a new account or region.

    It takes effect with the next sweep. Policies still have their modes, ceiling and trust.
    """
    account, _, region = scope.partition("/")
    with app_of(context) as app:
        with app.store.transaction() as tx:
            accepted = decide.accept(tx, account, region or None, decider(app, by=by, reason=reason))
        notice(where_it_counts(app.settings.database))
    if as_json:
        emit({"accepted": [str(one) for one in accepted]})
    else:
        say(f"accepted {', '.join(map(str, accepted))}; in force from the next sweep")


def _table(known: Iterable[KnownScope]) -> Table:
    rows = [
        (one.scope.account, one.name, one.scope.region, _state(one), one.accepted_by, moment(one.found_at))
        for one in known
    ]
    return table(f"Scopes ({len(rows)})", ("account", "name", "region", "state", "accepted by", "found"), rows)


def _state(known: KnownScope) -> str:
    if known.left_at is not None:
        return f"left {moment(known.left_at)}"
    return "accepted" if known.accepted else "waits: only observed"
