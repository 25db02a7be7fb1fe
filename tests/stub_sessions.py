"""Sessions for tests: they speak to a stub, wait without taking time, and remember what is reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cloudwarden.aws.access.account import AwsAccess
from cloudwarden.aws.limits import Limits
from cloudwarden.aws.session import Sessions
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.engine.events import CloudCalled
from cloudwarden.ports import Reporter
from stub_aws import SCOPE, StubAws


@dataclass
class Stopwatch:
    """A timer that a test moves."""

    seconds: float = 0.0

    def __call__(self) -> float:
        """Seconds since some beginning."""
        return self.seconds


@dataclass
class Heard:
    """A reporter that remembers."""

    events: list[object] = field(default_factory=list)

    def report(self, event: object) -> None:
        """Remember it."""
        self.events.append(event)

    def calls(self, operation: str) -> list[CloudCalled]:
        """What was reported of an operation."""
        return [event for event in self.events if isinstance(event, CloudCalled) and event.operation == operation]


@dataclass
class SimulatedTime:
    """Seconds that pass when somebody waits. `stopping` says to whoever waits that it should leave."""

    seconds: float = 0.0
    stopping: bool = False
    waits: list[float] = field(default_factory=list)

    def clock(self) -> float:
        """Now."""
        return self.seconds

    def pause(self, seconds: float) -> bool:
        """Wait, without taking any time."""
        self.waits.append(seconds)
        self.seconds += seconds
        return self.stopping


def simulated_limits(reporter: Reporter, time: SimulatedTime | None = None) -> Limits:
    """Limits whose waits take no time."""
    time = time or SimulatedTime()
    return Limits(reporter, clock=time.clock, pause=time.pause)


def sessions_to(
    stub: StubAws,
    heard: Heard | None = None,
    *,
    limits: Limits | None = None,
    timer: Callable[[], float] = time.perf_counter,
    now: Callable[[], datetime] | None = None,
    remembered: Callable[[], Collection[KnownScope]] = tuple,
    **settings: Any,
) -> Sessions:
    """Sessions whose AWS is the stub; one attempt unless said otherwise, so that tests do not wait."""
    access = {"regions": (SCOPE.region,), "endpoint_url": stub.url, "attempts": 1, "read_timeout_seconds": 5.0}
    heard = heard or Heard()
    return Sessions(
        AwsAccess(**{**access, **settings}),
        heard,
        limits or simulated_limits(heard),
        timer=timer,
        now=now,
        remembered=remembered,
    )
