"""Verbs that sweep: the daemon, one sweep, and the demo."""

from __future__ import annotations

import importlib
import threading
from typing import Annotated, Literal

import typer

from cloudwarden.cli import shapes, tables
from cloudwarden.cli.exits import Exit
from cloudwarden.cli.holding import say_pauses
from cloudwarden.cli.installation import app_of, installation_of
from cloudwarden.cli.output import JsonOption, emit, notice, show
from cloudwarden.cli.progress import progress
from cloudwarden.cli.signals import obey_signals
from cloudwarden.core.acceptance import NO_SCOPES
from cloudwarden.core.finding import State
from cloudwarden.core.plain import Json
from cloudwarden.core.policy import Mode
from cloudwarden.engine.decide import DecisionError
from cloudwarden.engine.sweep import SweepResult
from cloudwarden.loading import Loaded
from cloudwarden.settings import load_settings
from cloudwarden.telemetry import logs

INSTALL_DEMO = "the demo needs more packages: pip install 'cloudwarden[demo]', or run `make demo` in a checkout"


def run(context: typer.Context) -> None:
    """Run the daemon.

    SIGTERM or Ctrl-C ends it once the call in flight is finished and journalled; SIGHUP reloads the policies.
    """
    from cloudwarden.app import running  # noqa: PLC0415  # a web server: a fifth of the start of every other verb

    settings = load_settings(installation_of(context).config)
    logs.configure(settings.log_format, settings.log_level)
    with app_of(context, reporters=(logs.LogReporter(),), begins=True) as app:
        stop, reload = threading.Event(), threading.Event()
        obey_signals(stop, reload, leave_within_seconds=settings.stop_timeout_seconds)
        running.run(app, stop, reload)


def once(
    context: typer.Context,
    ceiling: Annotated[
        Literal["observe", "propose", "enforce"] | None,
        typer.Option("--ceiling", help="Go no further than this in this sweep.", show_default=False),
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Sweep once and print what was found.

    The sweep does what the daemon would: it proposes, and carries out what was approved or may be done alone.
    With --ceiling observe it does nothing but look: no undo is carried out either, and what people were asked stands.
    """
    from cloudwarden.app import running  # noqa: PLC0415  # as in `run`

    with progress() as reporters, app_of(context, reporters=reporters, begins=True) as app:
        loaded, result = running.once(app, ceiling=Mode[ceiling.upper()] if ceiling else None)
        blind = app.sessions.discover().problems
        nowhere = () if result.scopes else (f"nothing was looked at: {NO_SCOPES}",)
        with app.store.reading() as tx:
            pauses = tx.decisions.pauses()
    say_pauses(pauses, ((one.policy, one.scope.account) for one in result.judgements))
    if as_json:
        problems: list[Json] = [str(problem) for problem in (*loaded.problems, *blind, *nowhere)]
        emit(shapes.swept(result) | {"problems": problems})
    else:
        show([tables.verdicts(result.judgements), tables.findings("Findings", result.findings)])
        if result.unknown:
            show([tables.unknown(result.judgements)])
        if result.blind:
            show([tables.blind(result)])
    for problem in (*loaded.problems, *blind, *nowhere):
        notice(f"problem: {problem}")
    raise typer.Exit(max(_exit(loaded, result), Exit.NOT_ALL_JUDGED if blind else Exit.NOTHING_FOUND))


def demo(
    *,
    swept_only: Annotated[bool, typer.Option("--once", help="Sweep, print and end.")] = False,
    host: Annotated[str, typer.Option("--host", help="Where the metrics are served.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="9464 unless given; any free one when that is taken."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the product on a simulated estate.

    The estate is in this process: no AWS account and no network are needed.
    """
    try:
        show_demo = importlib.import_module("cloudwarden.demo.show")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("cloudwarden"):
            raise
        raise DecisionError(f"{INSTALL_DEMO} (missing: {error.name})") from error
    if swept_only:
        show_demo.once(as_json=as_json)
    else:
        show_demo.until_stopped(host, port)


def _exit(loaded: Loaded, result: SweepResult) -> Exit:
    standing = any(finding.state is not State.EXEMPTED for finding in result.findings)
    checks = (
        (not result.settled, Exit.NOT_DONE),
        (bool(loaded.problems), Exit.BAD_POLICIES_OR_SETTINGS),
        (bool(result.unknown) or not result.complete, Exit.NOT_ALL_JUDGED),
        (standing, Exit.FINDINGS),
    )
    return next((code for holds, code in checks if holds), Exit.NOTHING_FOUND)
