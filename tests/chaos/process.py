"""The daemon as a process that may die, or stand still, at a named moment: `cloudwarden run` with failpoints.

It is told by its environment: CHAOS_DIARY is the file in which it writes the moments it comes to, and CHAOS_ARMS one
that says what it does at which: `die` (by SIGKILL) or `stand` (by SIGSTOP, until somebody sends SIGCONT). That file may
be written anew while the daemon runs.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from chaos.arms import Arms
from chaos.failpoints import Failpoints, WatchedActuator, WatchedInventory, WatchedStore, counted
from cloudwarden.app import KINDS, App, running
from cloudwarden.cli.signals import obey_signals
from cloudwarden.ports import Reporter
from cloudwarden.settings import Settings, load_settings
from cloudwarden.telemetry import logs

_SIGNALS = {"die": signal.SIGKILL, "stand": signal.SIGSTOP}


class Diary:
    """Writes down the moments of settling and acting, and ends or stops the process at one of them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._arms_file = Path(environment["CHAOS_ARMS"])
        self._arms = Arms()
        self._left = 0
        self._file = os.open(environment["CHAOS_DIARY"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def listen(self, name: str) -> None:
        """The daemon came to a moment. What is written outlives SIGKILL."""
        if not counted(name):
            return
        self._write(name)
        arms = Arms.read(self._arms_file)
        if arms != self._arms:
            self._arms, self._left = arms, arms.times
        if name != arms.at:
            return
        self._left -= 1
        if self._left == 0:
            self._write(arms.entry)
            os.kill(os.getpid(), _SIGNALS[arms.do])

    def _write(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())


class WatchedApp(App):
    """The daemon's parts, three of them with failpoints."""

    def __init__(self, settings: Settings, points: Failpoints, *, reporters: Sequence[Reporter] = ()) -> None:
        super().__init__(settings, reporters=reporters)
        self._points = points

    @cached_property
    def store(self) -> WatchedStore:
        """The database, migrated. Raises StoreError."""
        return WatchedStore(super().store, self._points)

    @cached_property
    def inventory(self) -> WatchedInventory:
        """What reads resources."""
        return WatchedInventory(self.sessions, KINDS, self._points)

    @cached_property
    def actuator(self) -> WatchedActuator:
        """What changes things, and reads what proves it."""
        return WatchedActuator(self.sessions, self._points)


def main(config: Path) -> None:
    """What `cloudwarden run` does."""
    settings = load_settings(config)
    logs.configure(settings.log_format, settings.log_level)
    points = Failpoints(listener=Diary(os.environ).listen)
    app = WatchedApp(settings, points, reporters=(logs.LogReporter(),))
    stop, reload = threading.Event(), threading.Event()
    obey_signals(stop, reload, leave_within_seconds=settings.stop_timeout_seconds)
    try:
        running.run(app, stop, reload)
    finally:
        app.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
