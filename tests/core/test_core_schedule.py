"""Schedules: crontab's weekdays, time zones, intervals, and clear errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from cloudwarden import cron, every, hours, minutes
from cloudwarden.core.errors import PolicyError
from cloudwarden.core.schedule import Schedule

SUNDAY = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("weekday", "days"),
    [("0", {6}), ("7", {6}), ("1-5", {0, 1, 2, 3, 4}), ("*/2", {6, 1, 3, 5}), ("sat,sun", {5, 6}), ("5-7", {4, 5, 6})],
)
def test_weekdays_are_those_of_crontab(weekday: str, days: set[int]) -> None:
    """0 and 7 are Sunday, and ranges and steps count from there."""
    trigger = cron(f"0 9 * * {weekday}").trigger()
    fires = []
    moment = SUNDAY
    for _ in range(14):
        following = trigger.get_next_fire_time(None, moment)
        assert following is not None
        fires.append(following)
        moment = following + timedelta(seconds=1)
    assert {fire.weekday() for fire in fires} == days


def test_time_zone_moves_with_summer_time() -> None:
    """Nine in Berlin is nine in Berlin on both sides of the change."""
    trigger = cron("0 9 * * *", timezone="Europe/Berlin").trigger()
    for day in (datetime(2026, 3, 28, 0, 0, tzinfo=UTC), datetime(2026, 3, 30, 0, 0, tzinfo=UTC)):
        fire = trigger.get_next_fire_time(None, day)
        assert fire is not None
        assert fire.astimezone(ZoneInfo("Europe/Berlin")).hour == 9


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("0 9 1,15 * mon", "reads as either"),
        ("0 9 * *", "4 fields"),
        ("0 25 * * *", "25"),
        ("0 9 * * 8", "weekday"),
        ("x 9 * * *", "x"),
    ],
)
def test_bad_cron_says_what_is_wrong(expression: str, says: str) -> None:
    """The message names the expression and the fault."""
    with pytest.raises(PolicyError, match=says):
        cron(expression)


def test_unknown_time_zone_is_named() -> None:
    """A misspelt zone is an error, not UTC."""
    with pytest.raises(PolicyError, match="Europe/Berlinn"):
        cron("0 9 * * *", timezone="Europe/Berlinn")


@pytest.mark.parametrize("wrong", [{"seconds": 0.5}, {}, {"minutes": -1}, {"days": 365_001}])
def test_interval_below_a_second_or_beyond_all_time_is_refused(wrong: dict[str, float]) -> None:
    """A schedule needs time between its runs, and a next one."""
    with pytest.raises(PolicyError, match="every"):
        every(**wrong)  # type: ignore[arg-type]


def test_interval_of_office_hours_is_the_night() -> None:
    """The longest gap counts, so that a weekend is not an outage."""
    assert cron("0 9-17 * * mon-fri").interval_at(SUNDAY) >= hours(16)
    assert every(minutes=15).interval_at(SUNDAY) == minutes(15)


@pytest.mark.parametrize("expression", ["0 9 */2 * mon", "0 9 1 * *", "0 9 * * mon", "0 9 1 * */2"])
def test_a_star_in_one_of_the_days_leaves_no_doubt(expression: str) -> None:
    """There crontab(5) means the same as everybody else."""
    assert cron(expression).expression == expression


@pytest.mark.parametrize(
    ("expression", "day", "interval"),
    [
        ("0 9 1-7 * *", "2026-03-10", timedelta(days=25)),
        ("0 9 1-7 * *", "2026-03-03", timedelta(days=25)),
        ("0 9 * 6-8 *", "2026-03-10", timedelta(days=274)),
        ("0 9 * 6-8 *", "2026-07-10", timedelta(days=1)),
        ("0 9 * 6-8 *", "2026-08-31", timedelta(days=274)),
        ("0 6 29 2 *", "2026-03-10", timedelta(days=1461)),
        ("* * * * *", "2026-03-10", minutes(1)),
        ("* * * 1 *", "2026-03-10", timedelta(days=334, minutes=1)),
        ("0 6 30 2 *", "2026-03-10", timedelta(days=366)),
    ],
)
def test_interval_of_single_days_or_months_is_the_time_between_them(
    expression: str, day: str, interval: timedelta
) -> None:
    """On any day outside them too: a policy is not stale because its next run is weeks away, as it was to be."""
    moment = datetime.fromisoformat(f"{day}T12:00+00:00")
    assert cron(expression).interval_at(moment) == interval


@pytest.mark.parametrize("moment", ["2026-03-10T09:00", "2026-03-10T09:01", "2026-03-11T08:59"])
def test_the_run_before_a_moment_is_found(moment: str) -> None:
    """Never the one of the moment itself."""
    before = cron("0 9 * * *").fire_before(datetime.fromisoformat(f"{moment}+00:00"))
    assert before == datetime(2026, 3, 9 if moment.endswith("09:00") else 10, 9, tzinfo=UTC)


OFFICE = "*/5 8-18 * * mon-fri"


@pytest.mark.parametrize(
    ("schedule", "since", "now", "overdue"),
    [
        (every(minutes=15), "2026-03-02 12:00", "2026-03-02 12:30", False),
        (every(minutes=15), "2026-03-02 12:00", "2026-03-02 12:37", False),
        (every(minutes=15), "2026-03-02 12:00", "2026-03-02 12:38", True),
        (every(minutes=15, jitter=minutes(3)), "2026-03-02 12:00", "2026-03-02 12:43", False),
        (every(minutes=15, jitter=minutes(3)), "2026-03-02 12:00", "2026-03-02 12:44", True),
        (cron(OFFICE), "2026-03-06 18:55", "2026-03-09 08:00", False),
        (cron(OFFICE), "2026-03-06 18:55", "2026-03-09 08:05", False),
        (cron(OFFICE), "2026-03-06 18:55", "2026-03-09 08:10", True),
        (cron(OFFICE), "2026-03-02 12:00", "2026-03-05 12:00", True),
        (cron("0 9 * * mon-fri"), "2026-03-06 09:00", "2026-03-10 09:00", False),
        (cron("0 9 * * mon-fri"), "2026-03-06 09:00", "2026-03-11 09:00", True),
        (cron(OFFICE, jitter=minutes(2)), "2026-03-06 18:53", "2026-03-09 08:05", False),
    ],
)
def test_what_was_missed_is_counted_in_runs(schedule: Schedule, since: str, now: str, *, overdue: bool) -> None:
    """A weekend without any is no gap; three days without those that were due are one."""
    earlier, later = (datetime.fromisoformat(f"{moment}+00:00") for moment in (since, now))
    assert schedule.overdue(earlier, later, runs=2) is overdue


@pytest.mark.parametrize("schedule", [every(minutes=15), cron("*/15 * * * *")])
@pytest.mark.parametrize("took", [0, 1, 7])
@pytest.mark.parametrize("takes", [0, 1, 7])
def test_one_missed_run_is_one_however_long_sweeps_take(schedule: Schedule, took: int, takes: int) -> None:
    """The next one settles up to half an interval earlier or later within its time than the one before the gap."""
    begun = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert not schedule.overdue(begun + minutes(took), begun + minutes(30 + takes), runs=2)


@pytest.mark.parametrize("schedule", [every(minutes=15), every(minutes=15, jitter=minutes(5)), cron("*/15 * * * *")])
def test_what_is_planned_for_is_never_overdue(schedule: Schedule) -> None:
    """The leeway of a sweep's end is no time that a slow scope may take."""
    assert not schedule.overdue(SUNDAY, SUNDAY + schedule.overdue_in(SUNDAY, runs=2) - timedelta(seconds=1), runs=2)


QUARTERS = cron("*/15 * * * *", timezone="Europe/Berlin")
TWICE = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
"""When the hour from 02:00 begins in Berlin that comes twice that night."""


def test_the_hour_that_comes_twice_has_all_of_its_runs() -> None:
    """Eight quarters from two to three o'clock, and then the next hour's."""
    fires = list(islice(QUARTERS.fires_after(TWICE), 8))
    assert fires == [TWICE + minutes(15 * number) for number in range(1, 9)]


@pytest.mark.parametrize("begun", range(-60, 180, 15))
def test_the_hour_that_comes_twice_is_no_gap(begun: int) -> None:
    """A sweep a quarter of an hour ago is a quarter of an hour ago in that night too, and an hour is an hour."""
    earlier = TWICE + minutes(begun)
    assert not QUARTERS.overdue(earlier, earlier + minutes(15), runs=1)
    assert QUARTERS.overdue(earlier, earlier + minutes(60), runs=2)


@pytest.mark.parametrize("day", range(23, 27))
def test_the_longest_gap_is_found_across_the_hour_that_comes_twice(day: int) -> None:
    """A schedule of the night pauses by day; the night itself is an hour longer, and has no gap."""
    nights = cron("*/15 0-5 * * *", timezone="Europe/Berlin")
    assert nights.interval_at(TWICE.replace(day=day)) == hours(18.25)
