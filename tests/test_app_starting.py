"""What the daemon waits for at its start, and what not."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from cloudwarden.app import App, build
from cloudwarden.app.running import run
from cloudwarden.engine.events import DaemonStarted
from cloudwarden.keeping.shipper import Shipper
from cloudwarden.memory import MemoryCopy
from cloudwarden.ports import Mark
from cloudwarden.settings import Settings
from copies import TARGET


class Silent(MemoryCopy):
    """A copy that takes a question and answers none, until it is over."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    def ahead(self, after: int) -> Sequence[Mark]:
        """Nothing for a minute."""
        self.over.wait(60)
        return super().ahead(after)


class Ready:
    """Hears that the daemon is ready, notes why nothing may be done then, and has it leave."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.app: App | None = None
        self.doubts: list[str | None] = []

    def report(self, event: object) -> None:
        """What happened."""
        if isinstance(event, DaemonStarted) and self.app is not None and not self.stop.is_set():
            self.doubts.append(self.app.standstill())
            self.stop.set()


# The notifier of systemd leaves a socket open where there is no systemd.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_silent_copy_of_the_journal_does_not_hold_up_the_start(tmp_path: Path) -> None:
    """The daemon is ready long before a service manager gives it up; nothing is done until the copy was compared."""
    settings = Settings(database=f"sqlite:///{tmp_path}/cloudwarden.db", policies=tmp_path, port=0)
    ready, silent = Ready(), Silent()
    app = ready.app = build(settings, begins=True, reporters=[ready])
    vars(app)["shipper"] = Shipper(store=app.store, copy=silent, target=TARGET, clock=app.clock, reporter=app.reporter)
    late = threading.Timer(30, ready.stop.set)
    late.start()
    try:
        run(app, ready.stop)
    finally:
        late.cancel()
        silent.over.set()
        for thread in threading.enumerate():
            if thread.name == "shipping":
                thread.join(30)
        app.close()
    assert ["was not compared yet" in str(doubt) for doubt in ready.doubts] == [True]
