"""The database, seen and changed in transactions."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from cloudwarden.ports.decisions import Decisions
from cloudwarden.ports.findings import ActionRecords, Findings, Proposals
from cloudwarden.ports.journal import Journal, Keeping
from cloudwarden.ports.outbox import Notices
from cloudwarden.ports.sweeps import Runs, Scopes, Spending


class Transaction(Protocol):
    """Everything in the store, seen and changed together."""

    @property
    def findings(self) -> Findings: ...
    @property
    def proposals(self) -> Proposals: ...
    @property
    def actions(self) -> ActionRecords: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def decisions(self) -> Decisions: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def scopes(self) -> Scopes: ...
    @property
    def spending(self) -> Spending: ...
    @property
    def keeping(self) -> Keeping: ...
    @property
    def notices(self) -> Notices: ...


class Store(Protocol):
    """The database. A transaction commits when its block ends, and keeps nothing when the block raises."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a write transaction. Raises StoreBusy, StoreUnwritable or StoreUnusable."""
        ...

    def reading(self) -> AbstractContextManager[Transaction]:
        """One unchanging view of everything, which lets writers go on; writing in it is refused."""
        ...
