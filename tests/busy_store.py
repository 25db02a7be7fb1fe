"""A store in which somebody else decides between a reading and the writing that follows from it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from cloudwarden.ports import Store, Transaction


@dataclass(kw_only=True)
class BusyStore:
    """A store in which `meanwhile` is committed once, right before the next transaction begins."""

    inner: Store
    meanwhile: Callable[[Transaction], object] | None = None

    def reading(self) -> AbstractContextManager[Transaction]:
        """Read what is there."""
        return self.inner.reading()

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Write, after somebody else did."""
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            with self.inner.transaction() as tx:
                meanwhile(tx)
        return self.inner.transaction()
