"""When a policy is due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger

from cloudwarden.core.durations import LONGEST_DURATION
from cloudwarden.core.errors import PolicyError

_MOST_FIRES = 2_000
"""Runs looked at for the longest gap: a week of every five minutes; a denser schedule has no longer ones."""

_YEARS_BACK = timedelta(days=3_653)
"""Where the run before is looked for: two 29th of February are eight years apart around a year such as 2100."""

_LEAST_GAP = timedelta(minutes=1)
"""Between two runs of a cron expression."""

_NEVER = timedelta(days=366)
"""The gap of a schedule that has no two runs."""

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, kw_only=True, slots=True)
class Every:
    """Again and again with the same time between; the first time at start, spread by up to `jitter`."""

    interval: timedelta
    jitter: timedelta = timedelta(0)

    def __str__(self) -> str:
        return f"every {self.interval}"

    def interval_at(self, moment: datetime) -> timedelta:
        """The time between runs."""
        del moment
        return self.interval

    def overdue(self, since: datetime, now: datetime, runs: int) -> bool:
        """Whether more than so many runs ought to have begun since.

        Each begins up to the jitter late. Both instants are ones at which a sweep settled, and no two sweeps take
        equally long: one that took half an interval longer than the one before it missed no run.
        """
        return now - since > (self.interval + self.jitter) * runs + self.interval / 2

    def overdue_in(self, since: datetime, runs: int) -> timedelta:
        """How long after `since` so many runs will have begun, which is never overdue: nobody plans on the leeway."""
        del since
        return self.interval * runs


@dataclass(frozen=True, kw_only=True, slots=True)
class Cron:
    """At the times of a five-field cron expression, in a time zone; 0 and 7 are Sunday, as in crontab(5)."""

    expression: str
    timezone: str = "UTC"
    jitter: timedelta = timedelta(0)

    def __str__(self) -> str:
        return f"cron {self.expression!r} {self.timezone}"

    def trigger(self) -> CronTrigger:
        """The trigger that fires at these times."""
        minute, hour, day, month, weekday = self.expression.split()
        return CronTrigger(
            minute=minute,
            hour=hour,
            day=day,
            month=month,
            day_of_week=_named_weekdays(weekday),
            timezone=ZoneInfo(self.timezone),
            jitter=int(self.jitter.total_seconds()) or None,
        )

    def fires_after(self, moment: datetime) -> Iterator[datetime]:
        """When it fires after a moment, again and again, without jitter; in UTC.

        Time that is added to a local time, or lies between two of them, forgets that an hour may come twice.
        """
        trigger = replace(self, jitter=timedelta(0)).trigger()
        while following := trigger.get_next_fire_time(None, moment + timedelta(microseconds=1)):
            moment = following.astimezone(UTC)
            yield moment

    def fire_before(self, moment: datetime) -> datetime | None:
        """When it fired last before a moment, without jitter, in UTC; None when it did not for ten years."""
        # Halved again and again: only what comes after a time can be asked for.
        last, end = next(self.fires_after(moment - _YEARS_BACK), moment), moment
        if last >= moment:
            return None
        while end - last > _LEAST_GAP:
            middle = last + (end - last) / 2
            fire = next(self.fires_after(middle), moment)
            last, end = (fire, end) if fire < moment else (last, middle)
        return last

    def interval_at(self, moment: datetime) -> timedelta:
        """The longest time between two runs, from the one before `moment`'s day to those of the week after it.

        The longest, so that a schedule of working hours does not look blind every night; and from the one before, so
        that one of a few days a month, or of a few months, does not look blind until the next of them.
        """
        return _longest_gap(self, moment.replace(hour=0, minute=0, second=0, microsecond=0))

    def overdue(self, since: datetime, now: datetime, runs: int) -> bool:
        """Whether more than so many runs ought to have begun since: nights and weekends without any are no gap."""
        return _overdue(self, since, now, runs)

    def overdue_in(self, since: datetime, runs: int) -> timedelta:
        """How long after `since` more than so many runs will have begun."""
        trigger, after = replace(self, jitter=timedelta(0)).trigger(), since
        for _ in range(runs + 1):
            following = trigger.get_next_fire_time(None, after + timedelta(microseconds=1))
            if following is None:
                return timedelta.max
            after = following
        return after - since


@lru_cache(maxsize=1024)
def _longest_gap(schedule: Cron, day: datetime) -> timedelta:
    if next(schedule.fires_after(day), None) is None:
        return _NEVER
    fires: list[datetime] = []
    before = schedule.fire_before(day)
    for fire in schedule.fires_after(day - _LEAST_GAP if before is None else before - _LEAST_GAP):
        fires.append(fire)
        if len(fires) >= 2 and (fire >= day + timedelta(days=8) or len(fires) >= _MOST_FIRES):
            break
    return max((later - earlier for earlier, later in pairwise(fires)), default=_NEVER)


@lru_cache(maxsize=1024)
def _overdue(schedule: Cron, since: datetime, now: datetime, runs: int) -> bool:
    # A run may have begun before its time by as much as the jitter.
    fires = takewhile(lambda fire: fire <= now, schedule.fires_after(since + schedule.jitter))
    return sum(1 for _ in islice(fires, runs + 1)) > runs


Schedule = Every | Cron


def every(
    *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0, jitter: timedelta = timedelta(0)
) -> Every:
    """A schedule with the same time between runs: `every(minutes=15)`. At least one second."""
    interval = timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)
    if not timedelta(seconds=1) <= interval <= LONGEST_DURATION:
        raise PolicyError(
            f"every(...) is {interval}: write at least one second and at most {LONGEST_DURATION.days} days, such as "
            "every(minutes=15)"
        )
    if jitter < timedelta(0) or jitter >= interval:
        raise PolicyError(f"jitter is {jitter}: write one between zero and the interval, {interval}")
    return Every(interval=interval, jitter=jitter)


def cron(expression: str, *, timezone: str = "UTC", jitter: timedelta = timedelta(0)) -> Cron:
    """A schedule by cron expression: `cron("0 9 * * mon-fri", timezone="Europe/Berlin")`.

    Five fields: minute, hour, day, month, weekday; not both of a day of the month and a weekday, which crontab(5) reads
    as either, and many take for both. Raises PolicyError that says what is wrong with them.
    """
    if len(expression.split()) != 5:
        raise PolicyError(
            f"cron {expression!r} has {len(expression.split())} fields: write five, minute hour day month weekday, "
            'such as cron("0 9 * * mon-fri")'
        )
    _, _, day, _, weekday = expression.split()
    # With a star in one of them, a step included, crontab(5) too means the days that are both.
    if not day.startswith("*") and not weekday.startswith("*"):
        raise PolicyError(
            f"cron {expression!r} has a day of the month and a weekday, which crontab(5) reads as either: write * for "
            "one of them, and a policy for each where you mean either"
        )
    schedule = Cron(expression=expression, timezone=timezone, jitter=jitter)
    try:
        schedule.trigger()
    except ZoneInfoNotFoundError as error:
        raise PolicyError(f"time zone {timezone!r} is not known: write an IANA name such as 'Europe/Berlin'") from error
    except ValueError as error:
        raise PolicyError(f"cron {expression!r}: {error}") from error
    return schedule


def _named_weekdays(field: str) -> str:
    """crontab's weekday numbers as names: APScheduler counts from Monday, crontab(5) from Sunday."""
    if field.strip() == "*":
        return field
    return ",".join(_named_weekday_part(part) for part in field.split(","))


def _named_weekday_part(part: str) -> str:
    days, slash, step = part.partition("/")
    first, dash, last = days.partition("-")
    if first == "*" and slash:
        first, dash, last = "0", "-", "6"
    if not first.isdigit():
        return part
    if not dash:
        return f"{_weekday(first)}{slash}{step}"
    low, high = int(first), int(last)
    if not 0 <= low <= high <= 7:
        raise ValueError(f"weekdays {days!r}: write a range within 0-7, or names such as mon-fri")
    return ",".join(_WEEKDAYS[day] for day in range(low, high + 1, int(step or 1)))


def _weekday(number: str) -> str:
    if int(number) > 7:
        raise ValueError(f"weekday {number!r}: write 0 to 7, or a name such as mon")
    return _WEEKDAYS[int(number)]
