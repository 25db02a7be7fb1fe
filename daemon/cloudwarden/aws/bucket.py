"""A token bucket that mirrors AWS's and learns when AWS's is smaller: arithmetic alone, with the time passed in."""

from __future__ import annotations

from dataclasses import dataclass

from cloudwarden.aws.quotas import Quota

REFILL_SECONDS = 1.0
"""AWS adds tokens every second, we count them as they grow: so much of the refill is never spent ahead."""

LEAST_STORE = 0.1
"""Where AWS stores nothing, this part of a second's calls may go at once."""

FALL = 0.7
"""What a throttle leaves of the rate: the multiplicative decrease of AIMD, gentle since AWS stores what we leave."""

STORE_FALL = 0.5
"""What it leaves of the store."""

CLIMB_PER_SECOND = 0.01
"""How much of itself the rate gains in a second with successful calls: 36 of them mend one fall."""

STORE_CLIMB_PER_SECOND = 0.001
"""What the store gains then, of its documented size: every sweep spends it first, and would else be throttled anew."""

FLOOR = 0.02
"""The part of the documented rate that always remains, so that recovery can be noticed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """Leave for one call, given at `at`; `stored` when it came from the store, not from the refill."""

    at: float
    stored: bool


class Bucket:
    """Our side of one of AWS's token buckets. Times are seconds of one monotonic clock. Not thread-safe by itself.

    A throttle means that AWS has no token left, so nor have we, for a second at least. If we thought that the store
    still held some, the store is smaller than we thought; if we were spending the refill, the refill is. Whichever it
    is falls once for all requests that were under way when it fell, and climbs back while calls succeed, up to the
    documented value.
    """

    def __init__(self, quota: Quota, now: float) -> None:
        stored = max(quota.rate * LEAST_STORE, quota.burst - quota.rate * REFILL_SECONDS)
        self._most_stored = max(1.0, min(quota.burst, stored))
        self._top_rate = min(quota.rate, max(quota.rate * (1 - LEAST_STORE), quota.burst - self._most_stored))
        self.rate = self._top_rate
        self.store = self._most_stored
        self.tokens = self.store
        self._now = now
        self._fell_at = float("-inf")
        self._succeeded_at = now

    def wait_seconds(self, now: float, *, tokens: int = 1, ahead: int = 0) -> float:
        """How long until `tokens` are there besides the `ahead` that others wait for; 0.0 when they are there.

        More tokens than the store can hold count as all that it holds.
        """
        self._refill(now)
        lacking = ahead + min(float(tokens), self.store) - self.tokens
        return max(0.0, lacking / self.rate) if lacking > 1e-9 else 0.0

    def take(self, now: float, *, tokens: int = 1) -> Turn:
        """Take tokens now. What is lacking is owed."""
        self._refill(now)
        self.tokens -= tokens
        return Turn(at=now, stored=self.tokens >= 1.0)

    def level(self, now: float) -> float:
        """How many tokens there are; negative when some are owed."""
        self._refill(now)
        return self.tokens

    def lower(self, now: float, level: float) -> None:
        """Somebody else has drawn AWS's bucket down to so many tokens; more than there are changes nothing."""
        self._refill(now)
        self.tokens = min(self.tokens, level)

    def throttled(self, turn: Turn, now: float) -> bool:
        """AWS refused a call. True when this lowered the rate or the store: one congestion lowers once."""
        self._refill(now)
        self.tokens = min(self.tokens, 0.0)
        if turn.at <= self._fell_at:
            return False
        # AWS may add nothing for a second, in which each further call would be refused and lower us again.
        self.tokens = min(self.tokens, -self.rate * REFILL_SECONDS)
        # What was not saved up before the last throttle can only be refill.
        saved = turn.stored and turn.at - self._fell_at > self.store / self.rate
        self._fell_at = self._succeeded_at = now
        if saved:
            self.store = max(1.0, self.store * STORE_FALL)
        else:
            self.rate = max(self._top_rate * FLOOR, self.rate * FALL)
        return True

    def succeeded(self, now: float) -> None:
        """AWS answered a call. Only time with calls in it mends: silence proves nothing."""
        self._refill(now)
        seconds = min(1.0, max(0.0, now - self._succeeded_at))
        self._succeeded_at = max(self._succeeded_at, now)
        self.rate = min(self._top_rate, self.rate * (1 + seconds * CLIMB_PER_SECOND))
        self.store = min(self._most_stored, self.store + seconds * STORE_CLIMB_PER_SECOND * self._most_stored)

    def _refill(self, now: float) -> None:
        if now > self._now:
            self.tokens = min(self.store, self.tokens + (now - self._now) * self.rate)
            self._now = now
