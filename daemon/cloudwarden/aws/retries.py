"""Asks AWS again when that may help: within the limits, a number of attempts, a time, and a budget."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeVar

from cloudwarden.aws.limits import Leave, Limits
from cloudwarden.aws.outages import Call, Outages, in_vain
from cloudwarden.aws.quotas import Charge
from cloudwarden.aws.standstills import Standstills
from cloudwarden.core.errors import CloudError, MalformedAnswer, Throttled, Timeout
from cloudwarden.core.resource import Scope
from cloudwarden.lately import Lately
from cloudwarden.ports.asking import asking_ends

PATIENCE_SECONDS = 60.0
"""The most that one call waits in all, for its turn and between attempts."""

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 20.0
"""Between attempts, each twice the one before; what is waited is a random part of it, so that many do not come
back together. See "Retry behavior" of the AWS SDKs and Tools Reference Guide."""

BUDGET = 10.0
"""Repetitions that a failing service gets in one scope before each further one has to be earned."""

EARNED_PER_SUCCESS = 0.1
EARNED_PER_SECOND = 0.1

T = TypeVar("T")


class Budget:
    """Repetitions left. An outage earns but few, over time, so that we do not multiply its load."""

    def __init__(self, now: float) -> None:
        self._left = BUDGET
        self._now = now

    def spend(self, now: float) -> bool:
        """Whether there is one left, which is spent."""
        self.earn(EARNED_PER_SECOND * max(0.0, now - self._now))
        self._now = max(self._now, now)
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

    def earn(self, repetitions: float) -> None:
        """Some more, up to the whole budget."""
        self._left = min(BUDGET, self._left + repetitions)


class Retries:
    """Makes a call in its turn and, unless it may be made once only, again after an error that may pass.

    A throttle costs no budget: every attempt waits for its turn, and the turns have just become fewer. What throttles
    without end or gives no answer is left alone, and nothing begins when the time is over that whoever asks has for all
    of its calls. What is left alone is refused here, outside what is repeated.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        attempts: int,
        patience_seconds: float = PATIENCE_SECONDS,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._limits = limits
        self._attempts = attempts
        self._patience_seconds = patience_seconds
        self._chance = chance
        self._budgets: Lately[Scope, dict[str, Budget]] = Lately(limits.clock)
        self._lock = threading.Lock()
        self._standstills = Standstills(limits.clock)
        self._outages = Outages(limits.clock)

    def ask(
        self,
        scope: Scope,
        service: str,
        taken: tuple[Charge, ...],
        send: Callable[[], T],
        *,
        once: bool = False,
        region: str | None = None,
        ready: Callable[[], object] = lambda: None,
    ) -> T:
        """What `send` returns. Raises the CloudError of the last attempt, or of why none was made.

        `region` is where it is asked, if that is not the scope's own. `ready` is called before each attempt, to raise
        what says nothing of the service: that there are no credentials.
        """
        until = self._until()
        place = (service, region or scope.region, scope.account)
        with self._outages.asking(place, once=once) as call:
            unstoppable = once or self._standstills.begin(scope, service)
            attempt = 1
            while True:
                leaves = self._turn(scope, service, taken, until, call, unstoppable=unstoppable)
                ready()
                try:
                    answer = send()
                except CloudError as error:
                    self._failed(error, scope, service, leaves, call)
                    if not self._may_repeat(error, attempt, call) or not self._again(
                        scope, service, error, attempt, until
                    ):
                        self._gave_up(error, scope, service, call)
                        raise
                else:
                    self._answered(scope, service, leaves, call)
                    return answer
                attempt += 1

    def _turn(
        self, scope: Scope, service: str, taken: tuple[Charge, ...], until: float, call: Call, *, unstoppable: bool
    ) -> tuple[Leave, ...]:
        """Wait for a turn. Others may find out meanwhile that it would be in vain. Raises Throttled and Unavailable."""
        self._refuse(scope, service, call, unstoppable=unstoppable)
        leaves = self._limits.enter(scope, service, taken, until=until)
        self._refuse(scope, service, call, unstoppable=unstoppable)
        return leaves

    def _refuse(self, scope: Scope, service: str, call: Call, *, unstoppable: bool) -> None:
        if not unstoppable:
            self._standstills.refuse(scope, service)
        self._outages.refuse(call)

    def _may_repeat(self, error: CloudError, attempt: int, call: Call) -> bool:
        """Whether there are attempts left. What finds out whether a service answers again has one."""
        return not call.once and attempt < self._attempts and not (call.finds_out and in_vain(error))

    def _gave_up(self, error: CloudError, scope: Scope, service: str, call: Call) -> None:
        """A call ended so, with all its repetitions. One attempt of what is made once proves nothing."""
        if call.once:
            return
        if isinstance(error, Throttled):
            self._standstills.throttled(scope, service)
        elif in_vain(error):
            self._outages.failed(call)

    def _until(self) -> float:
        """When this call has to be over. Raises Timeout when it must not begin any more."""
        now, ends = self._limits.clock(), asking_ends()
        if now >= ends:
            raise Timeout("not asked: this scope was asked for as long as it may be in one sweep")
        return min(now + self._patience_seconds, ends)

    def _failed(self, error: CloudError, scope: Scope, service: str, leaves: tuple[Leave, ...], call: Call) -> None:
        if isinstance(error, Throttled):
            self._limits.throttled(leaves)
            self._outages.answered(call)
        elif not error.maybe_done:
            # A refusal is an answer too.
            self._answered(scope, service, leaves, call)

    def _again(self, scope: Scope, service: str, error: CloudError, attempt: int, until: float) -> bool:
        """Whether to make another attempt, after the pause before it."""
        if not error.retryable and not isinstance(error, MalformedAnswer):
            return False
        seconds = self._chance() * min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
        if self._limits.clock() + seconds > until:
            return False
        if not isinstance(error, Throttled) and not self._affordable(scope, service):
            return False
        began = self._limits.clock()
        stopping = self._limits.pause(seconds)
        self._limits.waited(scope, service, self._limits.clock() - began)
        return not stopping

    def _affordable(self, scope: Scope, service: str) -> bool:
        with self._lock:
            return self._budget(scope, service).spend(self._limits.clock())

    def _answered(self, scope: Scope, service: str, leaves: tuple[Leave, ...], call: Call) -> None:
        self._limits.succeeded(leaves)
        self._standstills.answered(scope, service)
        self._outages.answered(call)
        with self._lock:
            self._budget(scope, service).earn(EARNED_PER_SUCCESS)

    def _budget(self, scope: Scope, service: str) -> Budget:
        here = self._budgets.get(scope)
        here = self._budgets.keep(scope, {}) if here is None else here
        if (found := here.get(service)) is None:
            found = here[service] = Budget(self._limits.clock())
        return found
