"""How the daemon is asked to leave or to reload."""

from __future__ import annotations

import os
import signal
import threading

from cloudwarden.cli.exits import Exit
from cloudwarden.cli.output import notice


def obey_signals(stop: threading.Event, reload: threading.Event, *, leave_within_seconds: float) -> None:
    """SIGTERM and SIGINT ask to leave, SIGHUP to reload.

    Whoever does not leave in time is left: a call that hangs must not make a service manager kill us later, and
    its intent is in the journal, to be reconciled at the next start.
    """

    def leave(*_: object) -> None:
        if not stop.is_set():
            timer = threading.Timer(leave_within_seconds, _leave_now, args=(leave_within_seconds,))
            timer.daemon = True
            timer.start()
        stop.set()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGHUP, lambda *_: reload.set())


def _leave_now(after_seconds: float) -> None:
    notice(f"cloudwarden: no end within {after_seconds:g} s; leaving, to reconcile at the next start")
    os._exit(Exit.NOT_DONE)
