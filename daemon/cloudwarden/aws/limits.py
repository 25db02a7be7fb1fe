"""Whoever calls AWS waits here for a turn: one queue per account, region, service and class of calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cloudwarden.aws.bucket import Bucket, Turn
from cloudwarden.aws.quotas import Charge, Quota
from cloudwarden.core.errors import Throttled
from cloudwarden.core.resource import Scope
from cloudwarden.engine.events import CloudWaited, LimitLowered
from cloudwarden.lately import Lately
from cloudwarden.ports import Reporter

Pause = Callable[[float], bool]
"""Sleeps so many seconds; True as soon as the process has been asked to leave, such as `Event.wait`."""

LONGEST_PAUSE_SECONDS = 0.5
"""How late a waiting call hears that its turn comes sooner, or that the daemon stops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leave:
    """A turn that was given, and what it was taken from."""

    queue: Queue
    turn: Turn


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """How many tokens a process thinks are left of one quota."""

    scope: Scope
    service: str
    quota: Quota
    tokens: float


class Limits:
    """The queues of one process, shared by all its threads; nothing that one of them waits for delays another.

    Those of a scope that is not asked any more go: by then they are full, and a throttle of last week says nothing.
    `clock` gives monotonic seconds, `pause` sleeps by that clock.
    """

    def __init__(self, reporter: Reporter, *, clock: Callable[[], float] = time.monotonic, pause: Pause) -> None:
        self._reporter = reporter
        self.clock = clock
        self.pause = pause
        self._queues: Lately[Scope, dict[tuple[str, str], Queue]] = Lately(clock)
        self._adding = threading.Lock()

    def enter(self, scope: Scope, service: str, charges: tuple[Charge, ...], *, until: float) -> tuple[Leave, ...]:
        """Wait for a turn. Raises Throttled when it would come after `until`, or when the process is to leave."""
        return tuple(self._queue(scope, service, charge.quota).enter(charge.tokens, until) for charge in charges)

    def throttled(self, leaves: tuple[Leave, ...]) -> None:
        """AWS refused what the turns were for: whichever bucket it meant, all of them slow down."""
        for leave in leaves:
            leave.queue.throttled(leave.turn)

    def succeeded(self, leaves: tuple[Leave, ...]) -> None:
        """AWS answered what the turns were for."""
        for leave in leaves:
            leave.queue.succeeded()

    def levels(self, scope: Scope) -> tuple[Level, ...]:
        """What is left of the buckets in a scope that this process has drawn down by half: others mend in a moment."""
        return tuple(
            Level(scope=scope, service=queue.service, quota=queue.quota, tokens=tokens)
            for queue in list((self._queues.get(scope) or {}).values())
            if (tokens := queue.level()) < queue.bucket.store / 2
        )

    def lower(self, levels: Iterable[Level]) -> None:
        """Another process of this daemon has drawn from AWS's buckets too; nothing is raised by that."""
        for level in levels:
            self._queue(level.scope, level.service, level.quota).lower(level.tokens)

    def waited(self, scope: Scope, service: str, seconds: float) -> None:
        """Tell of time that a call stood still before it was made."""
        if seconds > 0.0:
            self._reporter.report(CloudWaited(scope=scope, service=service, seconds=seconds))

    def lowered(self, queue: Queue) -> None:
        """Tell of a limit that fell."""
        self._reporter.report(
            LimitLowered(
                scope=queue.scope,
                service=queue.service,
                limit=queue.quota.name,
                calls_per_second=queue.bucket.rate,
                burst=queue.bucket.store,
            )
        )

    def _queue(self, scope: Scope, service: str, quota: Quota) -> Queue:
        key = (service, quota.name)
        if (here := self._queues.get(scope)) is not None and (found := here.get(key)) is not None:
            return found
        with self._adding:
            here = self._queues.get(scope)
            here = self._queues.keep(scope, {}) if here is None else here
            return here.setdefault(key, Queue(self, scope, service, quota))


class Queue:
    """First come, first served at one bucket."""

    def __init__(self, limits: Limits, scope: Scope, service: str, quota: Quota) -> None:
        self.scope, self.service, self.quota = scope, service, quota
        self.bucket = Bucket(quota, limits.clock())
        self._limits = limits
        self._lock = threading.Lock()
        self._waiting: dict[object, int] = {}
        """Tokens wanted by each that waits, in order of arrival."""

    def enter(self, tokens: int, until: float) -> Leave:
        """Wait for so many tokens. Raises Throttled."""
        began = self._limits.clock()
        with self._lock:
            if not self._waiting and self.bucket.wait_seconds(began, tokens=tokens) == 0.0:
                return Leave(queue=self, turn=self.bucket.take(began, tokens=tokens))
        try:
            return self._waited(tokens, until)
        finally:
            self._limits.waited(self.scope, self.service, self._limits.clock() - began)

    def _waited(self, tokens: int, until: float) -> Leave:
        ticket = object()
        with self._lock:
            self._waiting[ticket] = tokens
        try:
            while True:
                found = self._try(ticket, until)
                if isinstance(found, Leave):
                    return found
                # In pieces: the rate may have changed, and those ahead may have given up.
                if self._limits.pause(min(found, LONGEST_PAUSE_SECONDS)):
                    raise Throttled(f"{self.service}: not asked, for the daemon was told to stop")
        finally:
            with self._lock:
                self._waiting.pop(ticket, None)

    def _try(self, ticket: object, until: float) -> Leave | float:
        """The turn, or the seconds until it may come. Raises Throttled when that is too late."""
        now = self._limits.clock()
        with self._lock:
            tokens = self._waiting[ticket]
            ahead = sum(wanted for wanted in self._before(ticket))
            seconds = self.bucket.wait_seconds(now, tokens=tokens, ahead=ahead)
            if seconds == 0.0:
                del self._waiting[ticket]
                return Leave(queue=self, turn=self.bucket.take(now, tokens=tokens))
            if now + seconds > until:
                raise Throttled(
                    f"{self.service}: not asked, for the turn would come in {seconds:.0f} s: {ahead} wait ahead for "
                    f"{self.quota.name} calls, of which {self.bucket.rate:.2g} a second are made"
                )
            return seconds

    def _before(self, ticket: object) -> Iterator[int]:
        for other, wanted in self._waiting.items():
            if other is ticket:
                return
            yield wanted

    def level(self) -> float:
        """How many tokens are left."""
        with self._lock:
            return self.bucket.level(self._limits.clock())

    def lower(self, tokens: float) -> None:
        """No more than so many are left."""
        with self._lock:
            self.bucket.lower(self._limits.clock(), tokens)

    def throttled(self, turn: Turn) -> None:
        """AWS refused the call of this turn."""
        with self._lock:
            fell = self.bucket.throttled(turn, self._limits.clock())
        if fell:
            self._limits.lowered(self)

    def succeeded(self) -> None:
        """AWS answered."""
        with self._lock:
            self.bucket.succeeded(self._limits.clock())
