"""The schedule in real time and with a clock that is set: what is due, what waits, what is counted as missed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cloudwarden import cron, every, hours, minutes
from cloudwarden.clock import FakeClock, SystemClock
from cloudwarden.core.schedule import Schedule
from cloudwarden.engine.events import ClockJumped, RunMissed
from cloudwarden.scheduler import Scheduler, missed_between
from reports import Reports
from world import NOON, stop_idle


@pytest.fixture
def reports() -> Reports:
    """What was reported."""
    return Reports()


@pytest.fixture
def scheduler(reports: Reports) -> Iterator[Scheduler]:
    """A started scheduler on the system's clock."""
    made = Scheduler(clock=SystemClock(), reporter=reports)
    made.start()
    yield made
    made.stop()


def test_policies_with_an_interval_are_due_at_start_and_together(scheduler: Scheduler) -> None:
    """All of them share the first sweep; a cron one waits for its time."""
    never = cron("0 0 1 1 *")
    scheduler.replace(
        {
            "a": stop_idle(name="a"),
            "b": stop_idle(name="b"),
            "c": stop_idle(name="c", schedule=never),
        }
    )
    assert scheduler.due(timeout_seconds=2) == ("a", "b")
    assert scheduler.due(timeout_seconds=0.05) == ()


def test_interval_fires_again(scheduler: Scheduler) -> None:
    """A policy of every second is due again about a second later."""
    scheduler.replace({"a": stop_idle(name="a", schedule=every(seconds=1))})
    assert scheduler.due(timeout_seconds=2) == ("a",)
    scheduler.finished()
    assert scheduler.due(timeout_seconds=3) == ("a",)


def test_what_a_sweep_takes_shifts_no_later_one(scheduler: Scheduler) -> None:
    """One that took half its interval begins the next on the second all the same; this machine may be late with one."""
    scheduler.replace({"a": stop_idle(name="a", schedule=every(seconds=1))})
    assert scheduler.due(timeout_seconds=2.0)
    scheduler.finished()
    began: list[float] = []
    for _ in range(4):
        assert scheduler.due(timeout_seconds=5.0)
        began.append(time.monotonic())
        time.sleep(0.5)
        scheduler.finished()
    late = [at - began[0] - number for number, at in enumerate(began)]
    assert min(late[2:]) < 0.3


def test_no_overlap_and_the_missed_run_is_counted(scheduler: Scheduler, reports: Reports) -> None:
    """While a policy runs it does not become due; what it missed is reported."""
    scheduler.replace({"a": stop_idle(name="a", schedule=every(seconds=1))})
    assert scheduler.due(timeout_seconds=2) == ("a",)
    assert scheduler.due(timeout_seconds=1.3) == ()
    assert [type(event) for event in reports.of(RunMissed)] == [RunMissed]


def test_unchanged_policy_keeps_its_time_and_a_changed_one_is_due_at_once(scheduler: Scheduler) -> None:
    """A reload runs what was edited, and nothing else."""
    same, edited = stop_idle(name="same"), stop_idle(name="edited")
    scheduler.replace({"same": same, "edited": edited})
    scheduler.due(timeout_seconds=2)
    scheduler.finished()
    params = edited.params.model_copy(update={"max_cpu_percent": 9.0})
    scheduler.replace({"same": same, "edited": stop_idle(name="edited", params=params)})
    assert scheduler.due(timeout_seconds=1) == ("edited",)


def test_removed_policy_is_never_due_again(scheduler: Scheduler) -> None:
    """What was waiting for a removed policy is forgotten."""
    scheduler.replace({"a": stop_idle(name="a", schedule=every(seconds=1))})
    scheduler.replace({})
    assert scheduler.due(timeout_seconds=1.2) == ()


@pytest.mark.parametrize("jump", [hours(2), -hours(2)], ids=["forward", "back"])
def test_clock_that_is_set_makes_intervals_due_again(jump: timedelta, reports: Reports) -> None:
    """Whichever way the clock is set, a policy does not wait for the old times."""
    clock = FakeClock(datetime.now(UTC))
    scheduler = Scheduler(clock=clock, reporter=reports)
    scheduler.start()
    try:
        scheduler.replace({"a": stop_idle(name="a")})
        scheduler.due(timeout_seconds=2)
        scheduler.finished()
        clock.jump(jump)
        scheduler.check_clock()
        assert scheduler.due(timeout_seconds=2) == ("a",)
        (event,) = reports.of(ClockJumped)
        assert isinstance(event, ClockJumped)
        assert event.seconds == pytest.approx(jump.total_seconds(), abs=1)
    finally:
        scheduler.stop()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that is right, until it is set."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture
def slept(clock: FakeClock, reports: Reports) -> Iterator[Scheduler]:
    """A started scheduler on that clock."""
    made = Scheduler(clock=clock, reporter=reports)
    made.start()
    yield made
    made.stop()


def test_a_run_that_the_clock_jumped_over_is_due_at_once(slept: Scheduler, clock: FakeClock, reports: Reports) -> None:
    """A laptop that slept over the one hour of its day sweeps when it wakes, not a day later."""
    soon, later = clock.now() + minutes(30), clock.now() + hours(6)
    slept.replace(
        {
            "passed": stop_idle(name="passed", schedule=cron(f"{soon.minute} {soon.hour} * * *")),
            "ahead": stop_idle(name="ahead", schedule=cron(f"{later.minute} {later.hour} * * *")),
        }
    )
    clock.jump(hours(1))
    slept.check_clock()
    assert slept.due(timeout_seconds=2) == ("passed",)
    assert reports.of(RunMissed) == []


def test_more_runs_that_the_clock_jumped_over_are_counted(slept: Scheduler, clock: FakeClock, reports: Reports) -> None:
    """One of them is made up for; the others were missed."""
    slept.replace({"a": stop_idle(name="a", schedule=cron("*/30 * * * *"))})
    clock.jump(hours(5))
    slept.check_clock()
    assert slept.due(timeout_seconds=2) == ("a",)
    (missed,) = reports.of(RunMissed)
    assert isinstance(missed, RunMissed)
    assert missed.missed in (8, 9)


def test_an_edited_schedule_has_missed_nothing(slept: Scheduler, clock: FakeClock, reports: Reports) -> None:
    """What it would have had run since the last run of the one before was never due."""
    slept.replace({"a": stop_idle(name="a", schedule=every(hours=24))})
    assert slept.due(timeout_seconds=2) == ("a",)
    slept.finished()
    clock.advance(hours(12))
    slept.replace({"a": stop_idle(name="a", schedule=cron("*/5 * * * *"))})
    slept._jobs.modify_job("a", next_run_time=datetime.now(UTC))  # rather than wait for minutes
    assert slept.due(timeout_seconds=2) == ("a",)
    assert reports.of(RunMissed) == []


def test_steady_clock_is_left_alone(reports: Reports) -> None:
    """Time that passes is no jump."""
    clock = FakeClock(NOON)
    scheduler = Scheduler(clock=clock, reporter=reports)
    clock.advance(hours(5))
    scheduler.check_clock()
    assert reports.of(ClockJumped) == []


@pytest.mark.parametrize(
    ("schedule", "passed", "missed"),
    [
        (every(minutes=15), minutes(15), 0),
        (every(minutes=15), minutes(16), 0),
        (every(minutes=15), minutes(61), 3),
        (cron("0 * * * *"), hours(1), 0),
        (cron("0 * * * *"), hours(4), 3),
        (every(minutes=10, jitter=minutes(5)), minutes(15), 0),
    ],
)
def test_missed_runs_are_counted(schedule: Schedule, passed: timedelta, missed: int) -> None:
    """A sleep of an hour misses three quarter-hours; a late start misses none."""
    assert missed_between(schedule, NOON, NOON + passed) == missed


def test_missed_runs_are_counted_in_the_hour_that_comes_twice() -> None:
    """From 02:45 in Berlin to half past the second two o'clock: those at two and at a quarter past were missed."""
    quarters, earlier = cron("*/15 * * * *", timezone="Europe/Berlin"), datetime(2026, 10, 25, 0, 45, tzinfo=UTC)
    assert missed_between(quarters, earlier, earlier + minutes(45)) == 2
