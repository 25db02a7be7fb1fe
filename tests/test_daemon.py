"""What the daemon does in its turns."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloudwarden.app import App, build
from cloudwarden.app.running import run
from cloudwarden.aws.access.clockwatch import ClockWatch
from cloudwarden.clock import FakeClock, SystemClock
from cloudwarden.core.acceptance import Discovery
from cloudwarden.settings import Settings

SUMMER = """
from cloudwarden import Policy, cron
from cloudwarden.library.tagging import RequiredTags, required_tags
from cloudwarden.aws import ec2

summer = Policy(
    name="summer",
    rule=required_tags.on(ec2.Instance),
    params=RequiredTags(keys=("owner",)),
    schedule=cron("0 9 * 6-8 *"),
)
"""


class Nowhere:
    """Sessions that look after nothing."""

    clock = ClockWatch(SystemClock().now)

    def discover(self, alive: Callable[[], None]) -> Discovery:
        """No scope."""
        alive()
        return Discovery(scopes=())


def interval(app: App) -> timedelta | None:
    """How often the policy runs, as a metric."""
    told = app.metrics.registry.get_sample_value("cloudwarden_policy_interval_seconds", {"policy": "summer"})
    return None if told is None else timedelta(seconds=told)


def become(holds: Callable[[], bool]) -> None:
    """Wait until it holds, at most ten seconds."""
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)


# The notifier of systemd leaves a socket open where there is no systemd.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_how_often_a_calendars_policy_runs_is_told_anew_each_day(tmp_path: Path) -> None:
    """On the last day of its season the next run is nine months away: nothing is stale then."""
    (tmp_path / "summer.py").write_text(SUMMER)
    settings = Settings(database=f"sqlite:///{tmp_path}/cloudwarden.db", policies=tmp_path, port=0)
    app = build(settings, begins=True)
    clock = vars(app)["clock"] = FakeClock(datetime(2026, 7, 10, tzinfo=UTC))
    vars(app)["sessions"] = Nowhere()
    stop = threading.Event()
    told: list[timedelta | None] = []

    def days_pass() -> None:
        become(lambda: interval(app) is not None)
        told.append(interval(app))
        clock.advance(timedelta(days=60))
        become(lambda: interval(app) != told[0])
        told.append(interval(app))
        stop.set()

    watching = threading.Thread(target=days_pass)
    watching.start()
    try:
        run(app, stop)
    finally:
        stop.set()
        watching.join()
        app.close()
    assert told == [timedelta(days=1), timedelta(days=274)]
