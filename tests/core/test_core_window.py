"""Windows and freezes: when they are open, across time zones and changes of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from cloudwarden.core.errors import PolicyError
from cloudwarden.core.window import Freeze, closed, window

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-03-02 08:59", False),
        ("2026-03-02 09:00", True),
        ("2026-03-02 16:59", True),
        ("2026-03-02 17:00", False),
        ("2026-03-07 12:00", False),
    ],
)
def test_business_hours_are_open_from_the_first_minute_to_before_the_last(moment: str, *, is_open: bool) -> None:
    """On its days, and on no other."""
    assert window("mon-fri 09:00-17:00").open_at(at(moment)) is is_open


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [("2026-03-28 08:00", True), ("2026-03-28 07:59", False), ("2026-03-29 07:00", True), ("2026-03-29 15:00", False)],
)
def test_summer_time_moves_the_window_along(moment: str, *, is_open: bool) -> None:
    """Nine o'clock in Berlin is eight in UTC the day before the change, and seven on the day of it."""
    assert window("* 09:00-17:00", timezone="Europe/Berlin").open_at(at(moment)) is is_open


def test_the_hour_that_comes_twice_is_open_twice() -> None:
    """In New York 01:30 comes twice in autumn: both are in a window around it."""
    night = window("sun 01:00-02:00", timezone="America/New_York")
    assert [night.open_at(at(f"2026-11-01 0{hour}:30")) for hour in (4, 5, 6, 7)] == [False, True, True, False]


def test_the_hour_that_does_not_come_is_never_open() -> None:
    """In New York 02:30 does not come in spring: a window of that hour stays closed that day."""
    night = window("sun 02:00-03:00", timezone="America/New_York")
    assert not any(night.open_at(at("2026-03-08 00:00") + timedelta(minutes=10 * step)) for step in range(144))


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [("2026-03-06 23:00", True), ("2026-03-07 03:59", True), ("2026-03-07 04:00", False), ("2026-03-06 03:00", False)],
)
def test_a_window_over_midnight_belongs_to_the_day_it_opens_on(moment: str, *, is_open: bool) -> None:
    """Friday night lasts into Saturday; Thursday's does not exist."""
    assert window("fri 22:00-04:00").open_at(at(moment)) is is_open


def test_a_whole_day_is_open_all_day() -> None:
    """From midnight to midnight."""
    saturday = window("sat 00:00-24:00")
    assert [saturday.open_at(at(f"2026-03-0{day} 23:59")) for day in (6, 7, 8)] == [False, True, False]


def test_holidays_are_closed() -> None:
    """Whatever day of the week they fall on."""
    assert not window("mon-fri 00:00-24:00", holidays=[MONDAY.date()]).open_at(MONDAY)
    assert window("mon-fri 00:00-24:00", holidays=[date(2026, 3, 3)]).open_at(MONDAY)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-12-24 23:59", True),
        ("2026-12-25 00:00", False),
        ("2026-12-25 01:00", False),
        ("2026-12-25 23:00", False),
        ("2026-12-26 01:00", False),
        ("2026-12-28 23:00", True),
    ],
)
def test_a_night_ends_where_a_holiday_begins(moment: str, *, is_open: bool) -> None:
    """From Thursday's ten o'clock to midnight; Friday, which is Christmas, has neither its morning nor its night."""
    nights = window("mon-fri 22:00-04:00", holidays=[date(2026, 12, 25)])
    assert nights.open_at(at(moment)) is is_open


def test_days_may_wrap_around_the_week() -> None:
    """From Saturday to Monday."""
    days = window("sat-mon 00:00-24:00").days
    assert days == {5, 6, 0}


@pytest.mark.parametrize(
    ("hours", "timezone", "says"),
    [
        ("weekdays", "UTC", "write days and hours"),
        ("mon-fri 09:00", "UTC", "write days and hours"),
        ("mon-xyz 09:00-17:00", "UTC", "'xyz' is no day"),
        ("mon 25:00-26:00", "UTC", "hour must be"),
        ("mon 09:00-17:00", "Europe/Atlantis", "'Europe/Atlantis' is not known"),
        ("fri 24:00-04:00", "UTC", "the next day's 00:00: write that day"),
    ],
)
def test_nonsense_is_refused_with_what_to_write(hours: str, timezone: str, says: str) -> None:
    """Each mistake is named."""
    with pytest.raises(PolicyError, match=says):
        window(hours, timezone=timezone)


def test_without_windows_every_hour_is_open() -> None:
    """A window is a choice."""
    assert closed([], [], MONDAY) is None


def test_one_open_window_of_several_is_enough() -> None:
    """And when none is, the reason names them all."""
    windows = [window("sat 09:00-10:00"), window("mon 00:00-01:00")]
    assert closed(windows, [], MONDAY) is None
    assert closed(windows, [], MONDAY + timedelta(hours=2)) == (
        "outside the change window sat 09:00-10:00 UTC and mon 00:00-01:00 UTC"
    )


def test_a_freeze_wins_over_an_open_window() -> None:
    """From its first instant to before its end."""
    freeze = Freeze(begins=MONDAY, until=MONDAY + timedelta(days=1), reason="year-end close")
    assert closed([window("* 00:00-24:00")], [freeze], MONDAY) == "frozen until 2026-03-03 00:00Z: year-end close"
    assert closed([], [freeze], MONDAY + timedelta(days=1)) is None
