"""The store: transactions on one database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, StaticPool

from cloudwarden.core.errors import StoreBusy
from cloudwarden.store.connection import reading
from cloudwarden.store.decisions import SqlDecisions, SqlRuns, SqlScopes
from cloudwarden.store.findings import SqlActionRecords, SqlFindings, SqlProposals
from cloudwarden.store.journal import SqlJournal
from cloudwarden.store.keeping import SqlKeeping
from cloudwarden.store.notices import SqlNotices
from cloudwarden.store.spending import SqlSpending


class SqlTransaction:
    """`ports.Transaction` on a connection that has begun one."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @property
    def findings(self) -> SqlFindings:
        """Findings in the store."""
        return SqlFindings(self.connection)

    @property
    def proposals(self) -> SqlProposals:
        """Proposals in the store."""
        return SqlProposals(self.connection)

    @property
    def actions(self) -> SqlActionRecords:
        """Actions in the store."""
        return SqlActionRecords(self.connection)

    @property
    def journal(self) -> SqlJournal:
        """The append-only record."""
        return SqlJournal(self.connection)

    @property
    def decisions(self) -> SqlDecisions:
        """Exemptions, pauses, trust."""
        return SqlDecisions(self.connection)

    @property
    def runs(self) -> SqlRuns:
        """The latest sweep of each policy."""
        return SqlRuns(self.connection)

    @property
    def scopes(self) -> SqlScopes:
        """Scopes that were ever found."""
        return SqlScopes(self.connection)

    @property
    def spending(self) -> SqlSpending:
        """What was asked of what costs money."""
        return SqlSpending(self.connection)

    @property
    def keeping(self) -> SqlKeeping:
        """How the record itself is kept."""
        return SqlKeeping(self.connection)

    @property
    def notices(self) -> SqlNotices:
        """What owners are to be told, and what they were told."""
        return SqlNotices(self.connection)


class SqlStore:
    """`ports.Store` on SQLite, in a file or in memory; usable by many threads at once.

    Writers of one process wait for each other here rather than by polling the file's lock. One database in
    memory has one connection, so there readers wait as well.
    """

    def __init__(self, engine: Engine, *, busy_timeout_seconds: float) -> None:
        self._engine = engine
        self._reader = reading(engine)
        self._busy_timeout_seconds = busy_timeout_seconds
        self._writing = threading.Lock()
        self._shared = isinstance(engine.pool, StaticPool)

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """Begin a write transaction. Raises StoreBusy, StoreUnwritable or StoreUnusable."""
        with self._turn(), self._engine.begin() as connection:
            yield SqlTransaction(connection)

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        """One unchanging view of the database, for reports: writers go on, and writing in it is refused."""
        if self._shared:
            with self._turn(), self._reader.begin() as connection:
                yield SqlTransaction(connection)
        else:
            with self._reader.begin() as connection:
                yield SqlTransaction(connection)

    def close(self) -> None:
        """Let go of the file; a database in memory ends."""
        self._engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._writing.acquire(timeout=self._busy_timeout_seconds):
            raise StoreBusy(
                f"another transaction of this process went on for {self._busy_timeout_seconds:g} s; try again"
            )
        try:
            yield
        finally:
            self._writing.release()
