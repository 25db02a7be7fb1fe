"""Runs the demo: once, or until somebody stops it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.live import Live

from cloudwarden.app import App, build, running
from cloudwarden.cli import shapes, tables
from cloudwarden.cli.output import emit, notice, say, show, stdout
from cloudwarden.cli.signals import obey_signals
from cloudwarden.clock import SystemClock
from cloudwarden.core.finding import ProposalState, State
from cloudwarden.core.policy import Mode
from cloudwarden.core.verdict import Outcome
from cloudwarden.demo.board import Board
from cloudwarden.demo.estate import Estate, simulated
from cloudwarden.demo.history import Life
from cloudwarden.demo.place import Place, free_port, place
from cloudwarden.demo.story import BEAT_SECONDS, Draft, Story
from cloudwarden.demo.telling import Teller
from cloudwarden.demo.view import Known, View, commands
from cloudwarden.engine.events import DaemonStarted, ProposalMade
from cloudwarden.engine.sweep import SweepResult
from cloudwarden.engine.waiting import waiting
from cloudwarden.loading import Loaded
from cloudwarden.ports import Reporter
from cloudwarden.settings import load_settings

SWEEPS_AT_MOST = 8
"""Of a demo that ends: after so many, the grace is over and what is to be proposed has been."""

PAUSE_SECONDS = 1.5
"""Between its sweeps: below the interval, so that the grace clock goes on."""

DRAFTED = "require_owner_tags.py"
"""The policy file that somebody saves too early."""

REFRESHES_PER_SECOND = 2


def once(*, as_json: bool) -> None:
    """Sweep until everything that would be proposed is, print what is known, and end."""
    clock = SystemClock()
    notice("building the estate")
    with (
        simulated(clock.now()) as estate,
        place(estate.endpoint_url, estate.region, host="127.0.0.1", port=0, every="3s", grace="2s") as here,
        _app(here) as app,
    ):
        result = _swept(app)
        with app.store.reading() as tx:
            proposals = waiting(tx)
        if as_json:
            emit(shapes.swept(result) | {"proposals": [shapes.waiting(one) for one in proposals]})
            return
        say(estate.summary)
        show(
            [
                tables.verdicts(result.judgements),
                tables.findings("Findings", result.findings),
                tables.proposals("Proposals", proposals),
                tables.unknown(result.judgements),
            ]
        )
    notice("`cloudwarden demo` without --once goes on, and lets you approve.")


def until_stopped(host: str, port: int | None) -> None:
    """Run the daemon on a living estate until SIGTERM or Ctrl-C."""
    clock = SystemClock()
    notice("building the estate")
    where = free_port(host) if port is None else port
    with (
        simulated(clock.now()) as estate,
        place(estate.endpoint_url, estate.region, host=host, port=where, every="5s", grace="10s") as here,
    ):
        board = Board(clock.now)
        reporter: Reporter = board if stdout().is_terminal else Lines(here, clock.now)

        story = Story(estate, Draft(here.policies / DRAFTED), clock.now)
        life = Life(story.tick, every_seconds=BEAT_SECONDS)
        with _app(here, reporter, story) as app:
            stop = threading.Event()
            obey_signals(stop, threading.Event(), leave_within_seconds=app.settings.stop_timeout_seconds)
            life.start()
            try:
                with _view(board, here, app, estate):
                    running.run(app, stop)
            finally:
                life.stop()


class Lines:
    """A reporter for where there is no terminal: a line for everything that happens."""

    def __init__(self, here: Place, now: Callable[[], datetime]) -> None:
        self._place = here
        self._now = now
        self._teller = Teller()
        self._address = ""
        self._hinted = False

    def report(self, event: object) -> None:
        """Print what an event says."""
        if isinstance(event, DaemonStarted):
            self._address = event.address
        for line in self._teller.tell(event):
            say(f"{self._now():%H:%M:%S}  {line}")
        if isinstance(event, ProposalMade) and not self._hinted:
            self._hinted = True
            for command in commands(self._place, self._address, [event.proposal]):
                say(f"          copy:  {command}")


@contextmanager
def _app(here: Place, *reporters: Reporter) -> Iterator[App]:
    app = build(load_settings(here.settings), reporters=reporters, begins=True)
    try:
        yield app
    finally:
        app.close()


@contextmanager
def _view(board: Board, here: Place, app: App, estate: Estate) -> Iterator[None]:
    """The live view while the block runs, on a terminal; the last picture stays."""
    console = stdout()
    if not console.is_terminal:
        yield
        return

    def known() -> Known:
        with app.store.reading() as tx:
            found = [one.proposal for one in waiting(tx)]
            pending = [one for one in found if one.state is ProposalState.PENDING]
            return Known(pending=pending, findings=tx.findings.standing())

    view = View(board, here, known, estate.summary)
    live = Live(
        get_renderable=lambda: view, console=console, refresh_per_second=REFRESHES_PER_SECOND, vertical_overflow="crop"
    )
    with live:
        yield


def _swept(app: App) -> SweepResult:
    pause = threading.Event()
    number = 1
    loaded, result = _sweep(app, number)
    while _is_waiting(app, loaded, result) and number < SWEEPS_AT_MOST:
        number += 1
        pause.wait(PAUSE_SECONDS)
        loaded, result = _sweep(app, number)
    return result


def _sweep(app: App, number: int) -> tuple[Loaded, SweepResult]:
    loaded, result = running.once(app)
    proposed = sum(finding.state is State.PROPOSED for finding in result.findings)
    verdicts = sum(map(result.count, Outcome))
    notice(f"sweep {number}: {verdicts} verdicts, {len(result.findings)} findings, {proposed} proposed")
    for problem in loaded.problems:
        notice(f"problem: {problem}")
    return loaded, result


def _is_waiting(app: App, loaded: Loaded, result: SweepResult) -> bool:
    """Whether some finding will be proposed when its grace is over."""
    may_act = {name for name, policy in loaded.policies.items() if app.highest_mode_of(policy) > Mode.OBSERVE}
    return any(finding.state is State.OPEN and finding.policy in may_act for finding in result.findings)
