"""Patience: how long one scope may be asked, so that a slow one does not hold up all others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager

from cloudwarden.core.detail import Detail
from cloudwarden.core.evidence import Query
from cloudwarden.core.resource import Scope
from cloudwarden.ports.asking import asking_until

SCOPE_SECONDS = 900.0
"""What a listing may take, and besides it all that is asked about a scope. Policies usually run every quarter of an
hour: what takes longer holds up the next sweep of all scopes."""

DETAIL_SECONDS = 0.1
"""What each question that is a call of its own adds: services without a documented limit are asked ten times a second
(`aws/quotas.py`). So the time of a large scope never ends because it is large."""


class Patience:
    """One pass over some scopes; `timer` is `Clock.monotonic`. What is not asked in time is unknown: timeout.

    What is waited for in other scopes, between two rounds of questions, is nobody's time.
    """

    def __init__(self, timer: Callable[[], float], scope_seconds: float) -> None:
        self._timer = timer
        self._scope_seconds = scope_seconds
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
