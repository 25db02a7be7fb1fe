"""The daemon: the main thread's loop of sweeps, approved actions and reloads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import date

import structlog

from cloudwarden.collecting import unhurried
from cloudwarden.core.errors import CloudError, StoreError
from cloudwarden.core.policy import AnyPolicy, Mode
from cloudwarden.engine.act import Actor
from cloudwarden.engine.events import (
    DaemonStarted,
    DaemonStopped,
    JournalFailed,
    PoliciesLoaded,
    StoreCounted,
    SweepFailed,
)
from cloudwarden.engine.gather import StopAsked
from cloudwarden.engine.orphans import Orphans
from cloudwarden.engine.sweep import Sweeper
from cloudwarden.in_force import InForce
from cloudwarden.loading import Edits, Loaded
from cloudwarden.ports import Clock, Reporter
from cloudwarden.register import ExemptionRegister
from cloudwarden.scheduler import Scheduler
from cloudwarden.systemd import Heartbeat, Systemd
from cloudwarden.upkeep import Upkeep
from cloudwarden.version import VERSION
from cloudwarden.web.health import Health

TICK_SECONDS = 1.0
"""How soon an approval, or a step of a waiting action, is looked at while no policy is due."""

COUNT_RESTS = 20
"""Counting a large store takes a fifth of a second: it rests so many times as long before it counts again."""


class Daemon:
    """Sweeps what is due, acts on what was approved, and reloads, until asked to stop."""

    def __init__(
        self,
        *,
        clock: Clock,
        reporter: Reporter,
        sweeper: Sweeper,
        actor: Actor,
        load: Callable[[Loaded | None], Loaded],
        mode_of: Callable[[AnyPolicy], Mode],
        counts: Callable[[], StoreCounted],
        stop: threading.Event,
        reload: threading.Event,
        edits: Edits,
        schedule_known: Callable[[str, float, str | None], None],
        upkeep: Upkeep,
        orphans: Orphans,
        register: ExemptionRegister,
        in_force: InForce,
        copy_details: Callable[[], Mapping[str, str]],
    ) -> None:
        self._clock = clock
        self._reporter = reporter
        self._sweeper = sweeper
        self._actor = actor
        self._load = load
        self._mode_of = mode_of
        self._counts = counts
        self._stop = stop
        self._reload = reload
        self._edits = edits
        self._schedule_known = schedule_known
        self._upkeep = upkeep
        self._orphans = orphans
        self._register = register
        self._in_force = in_force
        self._copy_details = copy_details
        self._scheduler = Scheduler(clock=clock, reporter=reporter)
        self._heartbeat = Heartbeat()
        self._systemd = Systemd(self._heartbeat)
        self._loaded: Loaded | None = None
        self._failing = "no sweep yet"
        self._count_from = 0.0
        self._told_on: date | None = None

    def run(self, address: str) -> None:
        """Be the daemon; returns when asked to stop, with the call in flight finished and journalled."""
        self._load_policies()
        self._scheduler.start()
        # The first sweep may take long, and until it ends gauges of the store would say nothing of what stands.
        self._count()
        self._reporter.report(DaemonStarted(version=VERSION, address=address))
        self._systemd.ready(f"serving {address}")
        self._systemd.feed_watchdog()
        try:
            while not self._stop.is_set():
                self._turn()
        except StopAsked:
            pass
        finally:
            self._systemd.stopping()
            self._scheduler.stop()
            self._reporter.report(DaemonStopped(reason="asked to stop"))

    def alive(self) -> None:
        """Progress was made. Raises StopAsked when the daemon should leave."""
        self._heartbeat.beat()
        if self._stop.is_set():
            raise StopAsked("asked to stop")

    def health(self) -> Health:
        """Live while progress is made; ready while there are policies and the latest sweep was kept."""
        policies: Mapping[str, AnyPolicy] = self._loaded.policies if self._loaded else {}
        details = {"policies": str(len(policies))}
        if self._failing:
            details["sweep"] = self._failing
        for number, problem in enumerate(self._loaded.problems if self._loaded else (), start=1):
            details[f"policy_problem_{number}"] = str(problem)
        details |= self._register.details()
        details |= self._in_force.details()
        details |= self._copy_details()
        return Health(live=self._heartbeat.alive, ready=bool(policies) and not self._failing, details=details)

    def _turn(self) -> None:
        self._heartbeat.beat()
        if self._reload.is_set() or self._edits.found():
            self._reload.clear()
            self._systemd.reloading()
            self._load_policies()
            self._systemd.ready("policies reloaded")
        if self._clock.now().date() != self._told_on:
            self._tell_intervals()
        self._register.turn()
        self._scheduler.check_clock()
        names = self._scheduler.due(timeout_seconds=TICK_SECONDS)
        if names:
            self._sweep(names)
        else:
            self._actor.act(self._policies(), "")
        self._orphans.turn(self._loaded.clean if self._loaded else None)
        self._upkeep.turn()
        self._count()

    def _policies(self) -> Mapping[str, AnyPolicy]:
        return self._loaded.policies if self._loaded else {}

    def _sweep(self, names: tuple[str, ...]) -> None:
        policies = self._policies()
        due = tuple(policies[name] for name in names if name in policies)
        try:
            with unhurried():
                trouble = self._sweeper.sweep(due, policies).trouble
            self._failing = f"the latest sweep could not be stored: {trouble}" if trouble else ""
        except (CloudError, StoreError) as error:
            self._failing = f"the latest sweep failed: {error}"
            self._reporter.report(SweepFailed(run_id="", policies=names, detail=str(error)))
        finally:
            structlog.contextvars.clear_contextvars()
            self._scheduler.finished()

    def _load_policies(self) -> None:
        self._edits.take()
        self._in_force.look()
        self._loaded = self._load(self._loaded)
        policies = self._loaded.policies
        self._scheduler.replace(policies)
        self._reporter.report(
            PoliciesLoaded(
                policies=tuple((policy.name, str(self._mode_of(policy))) for policy in policies.values()),
                problems=tuple(str(problem) for problem in self._loaded.problems),
                kinds=frozenset(policy.kind.kind for policy in policies.values()),
            )
        )
        try:
            self._register.take(self._loaded)
        except StoreError as error:
            self._reporter.report(JournalFailed(run_id="", detail=str(error)))
        self._tell_intervals()

    def _tell_intervals(self) -> None:
        """How often each policy runs: of one that follows a calendar, that is another from day to day."""
        now = self._clock.now()
        self._told_on = now.date()
        for policy in self._policies().values():
            interval = policy.schedule.interval_at(now).total_seconds()
            self._schedule_known(policy.name, interval, policy.action.name if policy.action else None)

    def _count(self) -> None:
        began = self._clock.monotonic()
        if began < self._count_from:
            return
        try:
            self._reporter.report(self._counts())
        except StoreError as error:
            self._reporter.report(JournalFailed(run_id="", detail=str(error)))
        ended = self._clock.monotonic()
        self._count_from = ended + (ended - began) * COUNT_RESTS
