"""Verbs of the journal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cloudwarden.app import App
from cloudwarden.cli import shapes
from cloudwarden.cli.exits import Exit
from cloudwarden.cli.installation import app_of
from cloudwarden.cli.output import JsonOption, emit, moment, notice, say, show, table
from cloudwarden.keeping.comparison import Compared, compare
from cloudwarden.ports import JournalEntry
from cloudwarden.store import SqlTransaction, Unread, exported_entries, segments, verify

PAGE = 1000
"""Entries read at a time, so that an export of years does not fill the memory."""

journal = typer.Typer(help="Read the record of intents and outcomes.", no_args_is_help=True)


@journal.command("list")
def entries(
    context: typer.Context,
    after: Annotated[int, typer.Option("--after", min=0, help="Only entries with a higher number.")] = 0,
    action: Annotated[str | None, typer.Option("--action", metavar="ID", help="Only those of this action.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="How many at most, oldest first.")] = 100,
    *,
    as_json: JsonOption = False,
) -> None:
    """List entries, oldest first; those that retention exported are in `cloudwarden journal export` alone."""
    with app_of(context) as app, app.store.reading() as tx:
        found = tx.journal.entries(after=after, action_id=action, most=most)
        exported = max((one.last_seq for one in segments(tx.connection)), default=0)
    if as_json:
        emit([shapes.entry(one) for one in found])
    else:
        _show(found)
    if exported > after:
        notice(f"entries up to {exported} were exported to files and are not looked at: cloudwarden journal export")
    if len(found) == most:
        notice(f"there may be more: cloudwarden journal list --after {found[-1].seq}")


@journal.command("export")
def export(
    context: typer.Context,
    after: Annotated[int, typer.Option("--after", min=0, help="Only entries with a higher number.")] = 0,
    *,
    as_json: JsonOption = True,
) -> None:
    """Print every entry as a line of JSON, oldest first, those that retention exported to files included.

    Hashes and what they cover are in it, so that a copy elsewhere can be compared. Ends with 4 when entries are missing
    because a file is not there or was altered; the files are named, and what is left is printed.
    """
    del as_json  # it is the only form
    with app_of(context) as app, app.store.reading() as tx:
        unread = _print_all(tx, app.exported, after)
    for one in unread:
        first, last = one.segment.first_seq, one.segment.last_seq
        notice(f"entries {first} to {last} are missing here: they are in {one.segment.file}, and {one.why}")
    raise typer.Exit(Exit.NOT_DONE if unread else Exit.NOTHING_FOUND)


@journal.command("verify")
def verify_chain(
    context: typer.Context,
    copy: Annotated[
        str | None,
        typer.Option(
            "--copy",
            metavar="WHERE",
            help="Compare with this copy too: a file with its rotated parts, a directory, or s3://bucket/prefix.",
        ),
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Prove that no entry was altered, exported ones included.

    Ends with 4 when one was altered, removed or put in. Exported files that are kept elsewhere are named. A copy off
    this machine shows what the database alone cannot: that it was put back to an earlier state.
    """
    with app_of(context) as app:
        result = verify(app.store, app.exported)
        compared = _compared(app, copy) if copy else None
    if as_json:
        emit(asdict(result) | ({"copy": asdict(compared)} if compared else {}))
    elif result.ok:
        say(f"the journal is whole: {result.entries} entries")
    else:
        say(f"the journal is NOT whole: {result.what}; {result.entries} entries before it are sound")
    if result.absent:
        notice(f"not there to be read: {', '.join(result.absent)}; what follows them was proven")
    if compared and not as_json:
        _say(compared, copy or "")
    sound = result.ok and (compared is None or compared.ok)
    raise typer.Exit(Exit.NOTHING_FOUND if sound else Exit.NOT_DONE)


def _print_all(tx: SqlTransaction, directory: Path | None, after: int) -> Sequence[Unread]:
    """Print what is in exported files and then what is in the database; which files could not be."""
    unread: list[Unread] = []
    for part in exported_entries(segments(tx.connection), directory, after=after):
        if isinstance(part, Unread):
            unread.append(part)
        else:
            _print(part)
    while found := tx.journal.entries(after=after, most=PAGE):
        _print(found)
        after = found[-1].seq
    return unread


def _print(found: Sequence[JournalEntry]) -> None:
    for one in found:
        typer.echo(json.dumps(shapes.entry(one) | {"previous": one.previous}, sort_keys=True))


def _compared(app: App, where: str) -> Compared:
    with app.store.reading() as tx:
        shipped = {one.target: one.seq for one in tx.keeping.shipments()}
    return compare(app.store, app.copy_at(where).lines(), shipped=shipped.get(where.rstrip("/"), 0))


def _say(compared: Compared, where: str) -> None:
    if compared.ok:
        say(f"the copy at {where} is the same: {compared.entries} entries, {compared.unshipped} not yet there")
    else:
        say(f"the copy at {where} is NOT the same: {compared.what}")
    if compared.left_behind:
        say(
            f"{compared.left_behind} entries are in the copy alone: a restoration left them behind, as the journal says"
            if compared.ok
            else f"{compared.left_behind} entries are in the copy alone"
        )


def _show(found: Sequence[JournalEntry]) -> None:
    rows = (
        (
            str(one.seq),
            moment(one.at),
            one.event,
            one.action_id,
            " ".join(f"{key}={value}" for key, value in one.details.items() if isinstance(value, str | int | float)),
        )
        for one in found
    )
    show([table(f"Journal ({len(found)})", ("#", "at", "event", "action", "details"), rows)])
