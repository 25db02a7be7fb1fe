"""The schedule: which policies are due, no policy twice at once, and nothing missed without being counted."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice, takewhile

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.schedule import Cron, Schedule
from cloudwarden.engine.events import ClockJumped, RunMissed
from cloudwarden.ports import Clock, Reporter

JUMP = timedelta(seconds=5)
"""A difference between the wall clock and the monotonic one that is no drift: somebody set the clock."""

GATHERS_WITHIN_SECONDS = 0.1
"""How long the first due policy waits for others due at the same time, so that they share one sweep."""

_MOST_MISSED = 10_000
"""Where counting missed runs stops: past that, the number says no more."""


class Scheduler:
    """Tells which policies are due. Policies with an interval are due at start; cron ones at their times alone."""

    def __init__(self, *, clock: Clock, reporter: Reporter) -> None:
        self._clock = clock
        self._reporter = reporter
        self._condition = threading.Condition()
        self._waiting: set[str] = set()
        self._running: set[str] = set()
        self._schedules: dict[str, Schedule] = {}
        self._fingerprints: dict[str, str] = {}
        self._fired: dict[str, datetime] = {}
        self._offset = self._clock_offset()
        self._jobs = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        """Begin to fire."""
        self._jobs.start()

    def stop(self) -> None:
        """Fire no more."""
        self._jobs.shutdown(wait=False)

    def replace(self, policies: Mapping[str, AnyPolicy]) -> None:
        """Schedule these policies and no others. One whose schedule did not change keeps its times.

        A new policy, or one whose rule, params or action changed, is due at once if it has an interval.
        """
        for name in self._schedules.keys() - policies.keys():
            self._jobs.remove_job(name)
            self._forget(name)
        for name, policy in policies.items():
            self._schedule(name, policy)

    def due(self, *, timeout_seconds: float) -> tuple[str, ...]:
        """Wait until a policy is due, at most so long; the names of all that are, which then count as running."""
        with self._condition:
            if not self._condition.wait_for(lambda: self._waiting, timeout_seconds):
                return ()
            self._condition.wait(GATHERS_WITHIN_SECONDS)
            names = tuple(sorted(self._waiting))
            self._running = set(names)
            self._waiting.clear()
            return names

    def finished(self) -> None:
        """The policies that were due have been swept."""
        with self._condition:
            self._running.clear()

    def check_clock(self) -> None:
        """Put the schedule right when the system clock was set: APScheduler would wait for the old times.

        A policy of which a run was jumped over is due at once, so that a machine that slept over the hour misses none.
        """
        offset = self._clock_offset()
        jumped = offset - self._offset
        self._offset = offset
        if abs(jumped) < JUMP:
            return
        self._reporter.report(ClockJumped(seconds=jumped.total_seconds()))
        for name, schedule in self._schedules.items():
            job = self._jobs.get_job(name)
            next_at = job.next_run_time if job is not None else None
            self._fired.pop(name, None)
            self._jobs.reschedule_job(name, trigger=_trigger(schedule))
            if not isinstance(schedule, Cron):
                self._fire(name)
            elif next_at is not None and next_at <= self._clock.now():
                self._fire(name, missed=missed_between(schedule, next_at, self._clock.now()))
        self._jobs.wakeup()

    def _schedule(self, name: str, policy: AnyPolicy) -> None:
        same_schedule = self._schedules.get(name) == policy.schedule
        same_policy = self._fingerprints.get(name) == policy.fingerprint
        self._schedules[name] = policy.schedule
        self._fingerprints[name] = policy.fingerprint
        if not same_schedule:
            # What the new schedule would have had run since then was never due.
            self._fired.pop(name, None)
            self._jobs.add_job(
                self._fire_in_time, _trigger(policy.schedule), args=(name,), id=name, name=name, replace_existing=True
            )
        if not (same_schedule and same_policy) and not isinstance(policy.schedule, Cron):
            self._fire(name)

    def _forget(self, name: str) -> None:
        with self._condition:
            self._waiting.discard(name)
        for known in (self._schedules, self._fingerprints, self._fired):
            known.pop(name, None)

    def _fire_in_time(self, name: str) -> None:
        last = self._fired.get(name)
        self._fire(name, missed=missed_between(self._schedules[name], last, self._clock.now()) if last else 0)

    def _fire(self, name: str, *, missed: int = 0) -> None:
        self._fired[name] = self._clock.now()
        with self._condition:
            if name in self._waiting or name in self._running:
                missed += 1
            else:
                self._waiting.add(name)
                self._condition.notify_all()
        if missed:
            self._reporter.report(RunMissed(policy=name, missed=missed))

    def _clock_offset(self) -> timedelta:
        epoch = self._clock.now().timestamp()
        return timedelta(seconds=epoch - self._clock.monotonic())


def missed_between(schedule: Schedule, last: datetime, now: datetime) -> int:
    """How many runs should have begun after `last` and before the one that begins `now`."""
    if not isinstance(schedule, Cron):
        return max(0, round((now - last - schedule.jitter) / schedule.interval) - 1)
    end = now - schedule.jitter - timedelta(seconds=1)
    fires = takewhile(lambda fire: fire < end, schedule.fires_after(last + timedelta(seconds=1)))
    return sum(1 for _ in islice(fires, _MOST_MISSED))


def _trigger(schedule: Schedule) -> BaseTrigger:
    if isinstance(schedule, Cron):
        return schedule.trigger()
    return IntervalTrigger(
        seconds=int(schedule.interval.total_seconds()),
        timezone="UTC",
        jitter=int(schedule.jitter.total_seconds()) or None,
    )
