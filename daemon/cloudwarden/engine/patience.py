"""Patience: what one scope, region or rule may take of a sweep, so that a slow one does not hold up all others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

from cloudwarden.core.detail import Detail
from cloudwarden.core.evidence import Query
from cloudwarden.core.lifecycle import watched_for
from cloudwarden.core.resource import Scope
from cloudwarden.core.schedule import Schedule
from cloudwarden.engine.drag import Drag
from cloudwarden.ports.asking import asking_until

SCOPE_SECONDS = 900.0
"""The most that a listing may take, and besides it all that is asked about a scope."""

LEAST_SCOPE_SECONDS = 60.0
"""However often policies run: a hundred pages of a listing, or three late answers, come to their end within it."""

SHARE = 1 / 6
"""Of the time in which a policy has to look again, or is blind: a third of its interval. A listing, what is asked, and
what is asked before a proposal take one such share each, and as much is left for everything else."""

DETAIL_SECONDS = 0.1
"""What each question that is a call of its own adds: services without a documented limit are asked ten times a second
(`aws/quotas.py`). So the time of a large scope never ends because it is large."""


def scope_seconds(schedules: Iterable[Schedule], now: datetime) -> float:
    """What a listing may take in a sweep that begins now, so that one slow scope makes none of these policies blind.

    Each of them waits for the sweep, also one that is not due in it.
    """
    shortest = min((watched_for(one, now).total_seconds() for one in schedules), default=SCOPE_SECONDS / SHARE)
    return min(SCOPE_SECONDS, max(LEAST_SCOPE_SECONDS, shortest * SHARE))


class Patience:
    """One pass over some scopes, or one process's part of a sweep; `timer` is `Clock.monotonic`.

    What is not asked in time is unknown: timeout. What is waited for in other scopes, between two rounds of questions,
    is nobody's time. `cut_off` counts, by policy, the evaluations that did not end; `drag` is what regions cost.
    """

    def __init__(self, timer: Callable[[], float], scope_seconds: float) -> None:
        self._timer = timer
        self._scope_seconds = scope_seconds
        self.cut_off: Counter[str] = Counter()
        self.drag = Drag(scope_seconds)
        self._left: defaultdict[Scope, float] = defaultdict(lambda: scope_seconds)

    def listing(self) -> AbstractContextManager[None]:
        """Around one listing."""
        return asking_until(self._timer() + self._scope_seconds)

    @contextmanager
    def asking(self, scope: Scope, queries: Collection[Query[object]]) -> Iterator[None]:
        """Around one round of questions about a scope; its rounds come one after another."""
        self._left[scope] += DETAIL_SECONDS * sum(isinstance(query, Detail) for query in queries)
        began = self._timer()
        try:
            with asking_until(began + self._left[scope]):
                yield
        finally:
            self._left[scope] -= self._timer() - began
