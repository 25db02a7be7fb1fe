"""Windows and freezes: when actions may be taken, in somebody's local time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cloudwarden.core.errors import PolicyError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(r"(?P<days>[a-z,-]+|\*) (?P<start>\d\d?:\d\d)-(?P<end>\d\d?:\d\d)")
_WRITE = 'write days and hours, such as window("mon-fri 09:00-17:00", timezone="Europe/Berlin")'


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Hours of the week in which actions may be taken, in a time zone; never on one of its `holidays`.

    `days` are numbers from 0, Monday. A window whose `end` is not after its `start` lasts into the next day, and
    belongs to the day on which it opens. On a holiday it is closed from midnight to midnight, and does not open either:
    a night that begins before one ends at its midnight, and there is none that begins on one. Wall-clock hours are
    compared, so the change to summer time moves it along.
    """

    days: frozenset[int]
    start: time
    end: time
    timezone: str = "UTC"
    holidays: frozenset[date] = frozenset()

    def __str__(self) -> str:
        names = ",".join(_DAYS[day] for day in sorted(self.days))
        return f"{names} {self.start:%H:%M}-{self.end:%H:%M} {self.timezone}"

    def open_at(self, now: datetime) -> bool:
        """Whether actions may be taken at an instant (aware)."""
        local = now.astimezone(ZoneInfo(self.timezone))
        clock, today = local.time(), local.date()
        if today in self.holidays:
            return False
        if self.start < self.end:
            return self.start <= clock < self.end and self._opens_on(today)
        yesterday = today - timedelta(days=1)
        return (clock >= self.start and self._opens_on(today)) or (clock < self.end and self._opens_on(yesterday))

    def _opens_on(self, day: date) -> bool:
        return day.weekday() in self.days and day not in self.holidays


@dataclass(frozen=True, kw_only=True, slots=True)
class Freeze:
    """A time in which no action is taken, whatever the windows say; `until` is its first instant after."""

    begins: datetime
    until: datetime
    reason: str

    def __str__(self) -> str:
        return f"frozen until {self.until.astimezone(UTC):%Y-%m-%d %H:%M}Z: {self.reason}"

    def covers(self, now: datetime) -> bool:
        """Whether an instant (aware) is in it."""
        return self.begins <= now < self.until


def window(hours: str, *, timezone: str = "UTC", holidays: Iterable[date] = ()) -> Window:
    """A change window: `window("mon-fri 09:00-17:00", timezone="Europe/Berlin")`, `window("sat,sun 22:00-04:00")`.

    Raises PolicyError that says what is wrong and what to write.
    """
    found = _FORM.fullmatch(hours.strip().lower())
    if found is None:
        raise PolicyError(f"window {hours!r}: {_WRITE}")
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PolicyError(f"time zone {timezone!r} is not known: write an IANA name such as 'Europe/Berlin'") from error
    try:
        start, end = _start(found["start"]), _time(found["end"])
        days = frozenset(day for part in found["days"].split(",") for day in _days(part))
    except ValueError as error:
        raise PolicyError(f"window {hours!r}: {error}; {_WRITE}") from error
    return Window(days=days, start=start, end=end, timezone=timezone, holidays=frozenset(holidays))


def closed(windows: Iterable[Window], freezes: Iterable[Freeze], now: datetime) -> str | None:
    """Why no action may be taken now, in words; None when one may. Without any window, every hour is open."""
    for freeze in freezes:
        if freeze.covers(now):
            return str(freeze)
    given = list(windows)
    if not given or any(one.open_at(now) for one in given):
        return None
    return f"outside the change window {' and '.join(map(str, given))}"


def _start(text: str) -> time:
    if text == "24:00":
        raise ValueError("it begins at 24:00, which is the next day's 00:00: write that day and 00:00")
    return _time(text)


def _time(text: str) -> time:
    """`24:00` is the day's end, which is the next one's beginning."""
    hour, minute = (int(part) for part in text.split(":"))
    return time(0, 0) if (hour, minute) == (24, 0) else time(hour, minute)


def _days(part: str) -> Iterable[int]:
    if part == "*":
        return range(7)
    first, dash, last = part.partition("-")
    low, high = _day(first), _day(last if dash else first)
    return range(low, high + 1) if low <= high else (*range(low, 7), *range(high + 1))


def _day(name: str) -> int:
    if name not in _DAYS:
        raise ValueError(f"{name!r} is no day: write mon to sun")
    return _DAYS.index(name)
