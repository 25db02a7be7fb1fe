"""An AWS that enforces its token buckets, and many callers in simulated time: what the limits must live with."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cloudwarden.aws.bucket import Bucket, Turn
from cloudwarden.aws.quotas import Quota

DESCRIBE = Quota(name="non-mutating", burst=100, rate=20)


@dataclass
class AwsBucket:
    """AWS's own bucket: refilled continuously, or by the second as the EC2 guide tells it, from a phase of its own."""

    burst: float
    rate: float
    by_the_second: bool = False
    phase: float = 0.37
    tokens: float = field(init=False)
    _now: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def allows(self, now: float) -> bool:
        """Whether a request that arrives now has a token, which it takes."""
        passed = now - self._now
        if self.by_the_second:
            passed = math.floor(now + self.phase) - math.floor(self._now + self.phase)
        self.tokens = min(self.burst, self.tokens + passed * self.rate)
        self._now = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a simulated sweep took. `bound_seconds` is how fast AWS's bucket allows it at best."""

    calls: int
    throttled: int
    seconds: float
    bound_seconds: float

    @property
    def share_throttled(self) -> float:
        """The part of all requests that AWS refused."""
        return self.throttled / (self.calls + self.throttled)

    @property
    def times_bound(self) -> float:
        """How many times as long as the bound it took."""
        return self.seconds / self.bound_seconds


@dataclass(kw_only=True)
class Sweep:
    """`threads` callers that share our bucket for `calls` calls of `latency_seconds` each, refused ones again."""

    ours: Bucket
    aws: AwsBucket
    calls: int
    began: float = 0.0
    threads: int = 16
    latency_seconds: float = 0.03
    chance: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - the same in every run
    _events: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _left: int = 0
    _throttled: int = 0
    _ended: float = 0.0

    def run(self) -> Swept:
        """Make all calls."""
        self._left = self.calls
        for _ in range(self.threads):
            self._at(self.began, self._next)
        while self._events:
            now, _, happens = heapq.heappop(self._events)
            happens(now)
        return Swept(
            calls=self.calls,
            throttled=self._throttled,
            seconds=self._ended - self.began,
            bound_seconds=(self.calls - self.aws.burst) / self.aws.rate,
        )

    def _at(self, instant: float, happens: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (instant, next(self._numbers), happens))

    def _next(self, now: float) -> None:
        if self._left:
            self._left -= 1
            self._ask(now)

    def _ask(self, now: float) -> None:
        if seconds := self.ours.wait_seconds(now):
            self._at(now + seconds, self._ask)
            return
        turn = self.ours.take(now)
        self._at(now + self.latency_seconds * self.chance.uniform(0.3, 0.7), lambda then: self._arrive(then, turn))

    def _arrive(self, now: float, turn: Turn) -> None:
        heard = self._answered if self.aws.allows(now) else self._refused
        self._at(now + self.latency_seconds / 2, lambda then: heard(then, turn))

    def _answered(self, now: float, turn: Turn) -> None:
        del turn
        self.ours.succeeded(now)
        self._ended = now
        self._next(now)

    def _refused(self, now: float, turn: Turn) -> None:
        self._throttled += 1
        self.ours.throttled(turn, now)
        self._at(now + self.chance.random(), self._ask)


@dataclass
class ThrottlingAws:
    """AWS's buckets by the account of a request's credentials and its operation, in real time."""

    clock: Callable[[], float]
    burst: float = DESCRIBE.burst
    rate: float = DESCRIBE.rate
    buckets: dict[tuple[str, str], AwsBucket] = field(default_factory=dict)
    refused: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def allows(self, account: str, operation: str) -> bool:
        """Whether a request has a token."""
        now = self.clock()
        bucket = self.buckets.setdefault((account, operation), AwsBucket(self.burst, self.rate, _now=now))
        allowed = bucket.allows(now)
        self.refused[account] += not allowed
        return allowed
