"""systemd's notify protocol: ready, reloading, stopping, and a watchdog that follows real progress."""

from __future__ import annotations

import os
import threading
import time

from sdnotify import SystemdNotifier

STALLED_AFTER_SECONDS = 300.0
"""Without progress for so long the daemon no longer says that it is alive. Above what one slow AWS call with all
its retries takes, and below what an operator would call hung."""


class Heartbeat:
    """When the daemon last made progress."""

    def __init__(self) -> None:
        self._beat_at = time.monotonic()

    def beat(self) -> None:
        """Progress was made."""
        self._beat_at = time.monotonic()

    @property
    def alive(self) -> bool:
        """Whether progress is recent."""
        return time.monotonic() - self._beat_at < STALLED_AFTER_SECONDS


class Systemd:
    """Talks to systemd when NOTIFY_SOCKET is set; otherwise says nothing."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        self._notifier = SystemdNotifier()
        self._heartbeat = heartbeat
        self._left = threading.Event()

    def ready(self, status: str) -> None:
        """Start-up, or a reload, is over; from now on the watchdog is fed."""
        self._notifier.notify(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """A reload began (systemd.service(5), Type=notify-reload)."""
        self._notifier.notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The daemon is leaving; the watchdog is fed no more."""
        self._left.set()
        self._notifier.notify("STOPPING=1")

    def feed_watchdog(self) -> None:
        """Feed the watchdog, while progress is made, at half the interval that systemd asks for."""
        interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 2_000_000
        if interval > 0:
            threading.Thread(target=self._feed, args=(interval,), name="watchdog", daemon=True).start()

    def _feed(self, interval: float) -> None:
        while not self._left.wait(interval):
            if self._heartbeat.alive:
                self._notifier.notify("WATCHDOG=1")
