"""The record of what was decided and done, and how it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cloudwarden.core.plain import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """One line of the journal. `hash` covers `previous` and every other field, so that none can be altered unseen."""

    seq: int
    at: datetime
    event: str
    run_id: str
    action_id: str
    details: Mapping[str, Json]
    previous: str
    hash: str


class Journal(Protocol):
    """The append-only record of intents, outcomes and decisions."""

    def append(
        self, *, at: datetime, event: str, details: Mapping[str, Json], run_id: str = "", action_id: str = ""
    ) -> JournalEntry:
        """Chain one entry; it is durable when the transaction commits."""
        ...

    def entries(self, *, after: int = 0, action_id: str | None = None, most: int = 1000) -> Sequence[JournalEntry]:
        """Entries with `seq` above `after`, oldest first."""
        ...

    def last(self) -> int:
        """The highest number that an entry was ever given; 0 before the first."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Shipment:
    """How far the journal was shipped to a target: up to entry `seq`, which has this hash.

    `branch` names the history that the store goes on with; a restoration begins another one, and the ones that were
    `left` behind may have entries in the copy that the store does not know.
    """

    target: str
    branch: str
    left: tuple[str, ...] = ()
    seq: int = 0
    hash: str = ""
    shipped_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Restoration:
    """The store was put back to what it was when its journal ended with entry `seq`: by whom, when, why, from what.

    Without a `file` nobody said so: its journal's copy showed it, and `at` is when.
    """

    at: datetime
    by: str
    origin: str
    reason: str
    file: str
    sha256: str
    seq: int


class Keeping(Protocol):
    """How the record itself is kept."""

    def shipments(self) -> Sequence[Shipment]:
        """How far the journal was shipped, for every target that there ever was."""
        ...

    def save_shipment(self, shipment: Shipment) -> None: ...

    def restored(self) -> Restoration | None:
        """The latest restoration, in the order of the journal; None when there never was one."""
        ...

    def save_restoration(self, restoration: Restoration) -> None: ...
