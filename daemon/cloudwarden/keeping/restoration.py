"""Restoring the store from a backup: examined first, made safe, put in place, and what it does not know told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cloudwarden.core.errors import CloudError, ShippingError, StoreError
from cloudwarden.engine.decide import Decider
from cloudwarden.engine.restore import Restored, restored
from cloudwarden.keeping.lines import read
from cloudwarden.keeping.shipper import shipment_of, unknown_marks
from cloudwarden.ports import JournalCopy
from cloudwarden.store import SqlStore, open_store, own
from cloudwarden.store.backup import database_file, entries_above, examine, put_in_place, refuse_broken, staged
from cloudwarden.store.place import log_of, refuse_unwritten


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftBehind:
    """Entries that are elsewhere and not in the restored store, counted by event; `trouble` is what nobody can tell."""

    where: str
    events: Mapping[str, int]
    until: str = ""
    trouble: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Restoration:
    """What was done: `aside` is where the database from before is kept, `newest` when the backup's journal ends."""

    restored: Restored
    newest: datetime | None
    aside: Path | None
    left_behind: tuple[LeftBehind, ...]


def restore(
    url: str, backup: Path, decider: Decider, *, exported: Path | None, target: str | None, copy: JournalCopy | None
) -> Restoration:
    """Put a backup in the database's place. Raises AlreadyRunning while a daemon owns it, DecisionError without a
    reason, and StoreError.

    Until the last step the database is as it was. `target` and `copy` are where the journal is shipped to.
    """
    decider.demand_reason()
    file = database_file(url)
    with own(url):
        examined = examine(backup, exported)
        draft = staged(backup, file)
        try:
            store = open_store(f"sqlite:///{draft}", keep_old=False)
            try:
                refuse_broken(store, backup, exported)
                newest, left_behind, branches = _missing(store, file, exported, target, copy)
                with store.transaction() as tx:
                    done = restored(tx, decider, file=str(backup), sha256=examined.sha256, copies=branches)
            finally:
                store.close()
            # Without it everything would be as the backup has it: not paused, and trusted.
            refuse_unwritten(draft)
            aside = put_in_place(draft, file, decider.now)
        finally:
            for rest in (draft, log_of(draft)):
                rest.unlink(missing_ok=True)
    return Restoration(restored=done, newest=newest, aside=aside, left_behind=left_behind)


def _missing(
    store: SqlStore, file: Path, exported: Path | None, target: str | None, copy: JournalCopy | None
) -> tuple[datetime | None, tuple[LeftBehind, ...], Mapping[str, Collection[str]]]:
    with store.reading() as tx:
        seq = tx.journal.last()
        newest = [entry.at for entry in tx.journal.entries(after=seq - 1, most=1)]
    found = [_in_database(file, seq, exported)] if file.exists() else []
    branches: dict[str, Collection[str]] = {}
    if target is not None and copy is not None:
        in_copy, ahead = _in_copy(store, target, copy, seq)
        found.append(in_copy)
        branches[target] = ahead
    return (newest[0] if newest else None), tuple(found), branches


def _in_database(file: Path, seq: int, exported: Path | None) -> LeftBehind:
    where = "the database until now"
    try:
        entries, unread = entries_above(file, seq, exported)
    except StoreError as error:
        return LeftBehind(where=where, events={}, trouble=str(error))
    counted = _counted(where, [(one.event, one.at.isoformat()) for one in entries])
    lacking = [
        f"entries {max(seq, one.segment.first_seq - 1) + 1} to {one.segment.last_seq} are in {one.segment.file}, and "
        f"{one.why}"
        for one in unread
    ]
    return replace(counted, trouble="; ".join(lacking))


def _in_copy(store: SqlStore, target: str, copy: JournalCopy, seq: int) -> tuple[LeftBehind, Collection[str]]:
    """What the shipped copy holds beyond the backup, on branches that the backup has not left behind."""
    where = f"the journal's copy at {target}"
    try:
        with store.reading() as tx:
            shipment = shipment_of(tx, target)
            ahead = {mark.branch for mark in unknown_marks(tx, shipment, copy.ahead(shipment.seq))}
        beyond = {
            line.hash: (line.event, line.at)
            for _, text in copy.lines(after=seq)
            if (line := read(text)) and line.sound and line.seq > seq and line.branch not in shipment.left
        }
    except (CloudError, ShippingError) as error:
        return LeftBehind(where=where, events={}, trouble=str(error)), ()
    return _counted(where, list(beyond.values())), ahead


def _counted(where: str, told: list[tuple[str, str]]) -> LeftBehind:
    return LeftBehind(
        where=where, events=dict(Counter(event for event, _ in told)), until=max((at for _, at in told), default="")
    )
