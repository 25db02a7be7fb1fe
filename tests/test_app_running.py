"""What a process does with its parts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from cloudwarden.app import build
from cloudwarden.app.running import once, run
from cloudwarden.aws.access.clockwatch import ClockWatch
from cloudwarden.clock import SystemClock
from cloudwarden.core.acceptance import Discovery, KnownScope
from cloudwarden.core.pause import ITSELF, Pause
from cloudwarden.core.policy import Mode
from cloudwarden.settings import Settings
from cloudwarden.web.health import Health
from world import NOON, SCOPE

ENFORCING = """
from cloudwarden import ENFORCE, Policy, every
from cloudwarden.aws import ec2
from cloudwarden.library.compute import Idle, idle

stop_idle = Policy(name="stop-idle", rule=idle, params=Idle(), schedule=every(hours=1), mode=ENFORCE, action=ec2.Stop())
"""


class Discovering:
    """Sessions that know of no scope, and what time it is."""

    def __init__(self, ahead: timedelta) -> None:
        self.clock = ClockWatch(SystemClock().now)
        self.clock.ahead = ahead

    def discover(self, alive: Callable[[], None]) -> Discovery:
        """Nothing."""
        alive()
        return Discovery(scopes=())


# The notifier of systemd leaves a socket open where there is no systemd.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_stands_is_shown_before_the_first_sweep(tmp_path: Path) -> None:
    """A first sweep may take long; that the store was put back is still so after a restart."""
    settings = Settings(database=f"sqlite:///{tmp_path}/cloudwarden.db", policies=tmp_path, port=0)
    app = build(settings, begins=True)
    with app.store.transaction() as tx:
        tx.decisions.save_pause(Pause(by=ITSELF, at=NOON, reason="the store was put back"))
    stop = threading.Event()
    stop.set()
    try:
        run(app, stop)
    finally:
        app.close()
    sample = app.metrics.registry.get_sample_value
    assert sample("cloudwarden_store_rolled_back") == 1
    assert sample("cloudwarden_cloudwatch_metrics_budget") == settings.cloudwatch.metrics_per_day


@pytest.mark.parametrize(("ahead", "kept"), [(timedelta(seconds=1), 0), (timedelta(days=400), 1)])
def test_one_sweep_lets_go_of_what_is_old(tmp_path: Path, ahead: timedelta, kept: int) -> None:
    """Where `once` is run by cron alone, nothing else would, and the database grew for ever."""
    app = build(Settings(database=f"sqlite:///{tmp_path}/cloudwarden.db", policies=tmp_path), begins=True)
    vars(app)["sessions"] = Discovering(ahead)
    with app.store.transaction() as tx:
        tx.scopes.save([KnownScope(scope=SCOPE, name="", found_at=NOON, accepted_at=NOON, left_at=NOON)])
    try:
        once(app)
        with app.store.reading() as tx:
            assert len(tx.scopes.known()) == kept
    finally:
        app.close()


def test_policies_that_are_edited_during_a_sweep_hold_what_comes_after_it(tmp_path: Path) -> None:
    """A sweep of many accounts takes long, and who lowered a policy's mode meanwhile relies on it."""

    def lowered() -> None:
        (tmp_path / "policy.py").write_text(ENFORCING.replace("ENFORCE", "OBSERVE"))

    (tmp_path / "policy.py").write_text(ENFORCING)
    app = build(Settings(database=f"sqlite:///{tmp_path}/cloudwarden.db", policies=tmp_path), begins=True)
    vars(app)["sessions"] = Discovering(timedelta(0))
    try:
        once(app)
        assert app.exemptions_doubt() is None
        app.alive = lowered
        once(app)
        assert "were edited, and are not read yet" in str(app.exemptions_doubt())
    finally:
        app.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_policy_is_shown_to_go_no_further_than_the_ceiling(tmp_path: Path) -> None:
    """On the page and in the metric: that it acts would be untrue."""
    (tmp_path / "policy.py").write_text(ENFORCING)
    database = f"sqlite:///{tmp_path}/cloudwarden.db"
    app = build(Settings(database=database, policies=tmp_path, port=0, ceiling=Mode.PROPOSE), begins=True)
    stop = threading.Event()
    stop.set()
    try:
        run(app, stop)
        (line,) = app.overview.board(Health(live=True, ready=True, details={})).policies
    finally:
        app.close()
    sample = app.metrics.registry.get_sample_value
    assert line.mode == "propose"
    assert sample("cloudwarden_policies", {"mode": "propose", "status": "loaded"}) == 1
