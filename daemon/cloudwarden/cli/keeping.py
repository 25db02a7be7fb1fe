"""Verbs that keep the record: backup and restore."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cloudwarden.cli.findings import ByOption, NeededReason
from cloudwarden.cli.installation import app_of, decider
from cloudwarden.cli.output import JsonOption, emit, notice, say
from cloudwarden.core.errors import NoDatabase
from cloudwarden.core.plain import Json
from cloudwarden.keeping.restoration import LeftBehind, Restoration
from cloudwarden.keeping.restoration import restore as put_back
from cloudwarden.store.backup import Backup, back_up

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", show_default=False)]
TOLD = ("action_", "proposal_", "paused", "resumed", "exempt", "trusted", "distrusted", "scopes_accepted")
"""What a restored store misses most: what was done, and what people decided."""


def backup(context: typer.Context, file: FileArgument, *, as_json: JsonOption = False) -> None:
    """Copy the database to a new FILE, and prove the copy.

    The daemon goes on meanwhile. FILE is never overwritten, and only its owner may read it.
    """
    with app_of(context) as app:
        try:
            made = back_up(app.settings.database, file, app.exported)
        except NoDatabase as error:
            raise app.nowhere(error) from error
    if as_json:
        emit(_shape(made))
    else:
        proven = f"its journal is whole: {made.journal.entries} entries" if made.journal else "its schema is older"
        say(f"backed up to {made.file}: {made.size_bytes} bytes, every page sound; {proven}")
    if made.journal and made.journal.absent:
        notice(f"not in it, as they are files of their own: {', '.join(made.journal.absent)}")


def restore(
    context: typer.Context,
    file: FileArgument,
    reason: NeededReason = "",
    by: ByOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Put a backup FILE in the database's place; no daemon may run.

    The database until now is kept under a dated name. Everything is paused, no policy is trusted, and what waited for
    a decision is asked again: the backup does not know what was done and decided after it.
    """
    with app_of(context) as app:
        target = app.settings.journal.ship_to
        done = put_back(
            app.settings.database,
            file,
            decider(app, by=by, reason=reason),
            exported=app.exported,
            target=target,
            copy=app.copy_at(target) if target else None,
        )
    if as_json:
        emit(_restored(done))
    else:
        _say(file, done)


def _say(file: Path, done: Restoration) -> None:
    now = done.restored
    known = f", {done.newest:%Y-%m-%d %H:%M:%S}Z" if done.newest else ""
    say(f"restored from {file}: its journal ends with entry {now.seq}{known}")
    if done.aside:
        say(f"the database until now is kept: {done.aside}")
    for one in done.left_behind:
        say(_told(one))
    say(f"asked again: {now.findings} findings, their grace from the beginning; {now.proposals} proposals withdrawn")
    if now.unfinished:
        say(f"unfinished, to be read in AWS and not gone on with: {', '.join(now.unfinished)}")
    say(
        "everything is paused and no policy is trusted: exemptions, pauses and rejections made after the backup are "
        "not known here, nor are actions, which limits count. Start the daemon, look at what it finds, make those "
        "decisions again, then `cloudwarden resume`, and `cloudwarden trust POLICY` where one shall act by itself"
    )


def _told(one: LeftBehind) -> str:
    if one.trouble and not one.events:
        return f"what {one.where} knows beyond it nobody can tell: {one.trouble}"
    if not one.events:
        return f"{one.where} knows nothing beyond it"
    more = f"; beside these nobody can tell all: {one.trouble}" if one.trouble else ""
    first = sorted(one.events.items(), key=lambda item: (not item[0].startswith(TOLD), item[0]))
    listed = ", ".join(f"{count} {event}" for event, count in first)
    return f"{one.where} knows {sum(one.events.values())} entries beyond it, until {one.until}: {listed}{more}"


def _shape(made: Backup) -> dict[str, Json]:
    journal: Json = asdict(made.journal) if made.journal else None
    return {"file": str(made.file), "sha256": made.sha256, "size_bytes": made.size_bytes, "journal": journal}


def _restored(done: Restoration) -> dict[str, Json]:
    return {
        "seq": done.restored.seq,
        "newest": done.newest.isoformat() if done.newest else None,
        "aside": str(done.aside) if done.aside else None,
        "findings": done.restored.findings,
        "proposals": done.restored.proposals,
        "unfinished": list(done.restored.unfinished),
        "left_behind": [asdict(one) for one in done.left_behind],
    }
