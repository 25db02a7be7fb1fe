"""A store that fails when a test wants it to."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from cloudwarden.core.errors import StoreUnusable, StoreUnwritable
from cloudwarden.ports import Store, Transaction


@dataclass(kw_only=True)
class FaultyStore:
    """A store that is at times unreadable, or unwritable."""

    inner: Store
    unreadable: bool = False
    unwritable: bool = False

    def reading(self) -> AbstractContextManager[Transaction]:
        """Read, if that can be done."""
        if self.unreadable:
            raise StoreUnusable("disk I/O error")
        return self.inner.reading()

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Write, if that can be done."""
        if self.unwritable:
            raise StoreUnwritable("disk I/O error")
        return self.inner.transaction()
