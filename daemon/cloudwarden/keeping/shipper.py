"""The shipper: brings every committed entry of the journal to its copy, in order, and tells when it cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from cloudwarden.core.errors import CloudError, ShippingError, StoreError
from cloudwarden.core.pause import ITSELF, Pause
from cloudwarden.core.plain import Json
from cloudwarden.engine.events import JournalShipped, RollbackFound, ShippingFailed
from cloudwarden.engine.restore import branched, new_branch
from cloudwarden.keeping.lines import packed
from cloudwarden.ports import (
    Batch,
    Clock,
    JournalCopy,
    Mark,
    Reporter,
    Restoration,
    Shipment,
    Stopping,
    Store,
    Transaction,
)

ROLLBACK_FOUND = "rollback_found"
"""The event of the entry that says: the copy knows entries that this store does not."""

BATCH = 500
"""Entries in a batch: some hundred kilobytes, and one object or one append."""

EVERY_SECONDS = 2.0
"""How soon a committed entry is on its way."""

LONGEST_PAUSE_SECONDS = 60.0
"""After failures the pauses double up to this: whoever mends the place sees it work within a minute."""


class Shipper:
    """Ships from the position that the store keeps. What was put and not yet marked is put again: at least once.

    Nothing may be done before the copy was compared once: until then the store may have forgotten what it knows.
    """

    def __init__(self, *, store: Store, copy: JournalCopy, target: str, clock: Clock, reporter: Reporter) -> None:
        self._store = store
        self._copy = copy
        self._target = target
        self._clock = clock
        self._reporter = reporter
        self._compared = False
        self._fit = False
        self._problem = ""

    def turn(self) -> bool:
        """Ship one batch; whether it went and more may follow. Reports a failure, and raises none."""
        try:
            if not self._compared:
                self._compare()
            if not self._fit:
                self._copy.refuse_unfit()
                self._fit = True
            return self._ship()
        except (CloudError, ShippingError, StoreError, OSError) as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001  # without its thread nothing is shipped, and nothing done, any more
            # Its text may hold whatever a library was given.
            self._fail(f"a fault of Cloudwarden's own: {type(error).__name__}")
        return False

    def _fail(self, why: str) -> None:
        self._problem = why
        detail = self.doubt() or why
        self._reporter.report(ShippingFailed(target=self._target, detail=detail, unshipped=self._unshipped()))

    def details(self) -> Mapping[str, str]:
        """What health should show."""
        if doubt := self.doubt():
            return {"journal_copy": doubt}
        return {"journal_copy": f"not shipped to {self._target}: {self._problem}"} if self._problem else {}

    def doubt(self) -> str | None:
        """Why nothing may be done yet, in words; None once the copy was compared."""
        if self._compared:
            return None
        return (
            f"the journal's copy at {self._target} was not compared yet with the store, which may have been put back: "
            f"{self._problem or 'it is being read'}"
        )

    @property
    def failing(self) -> bool:
        """Whether the latest turn failed."""
        return bool(self._problem)

    def _compare(self) -> None:
        """See that the copy knows nothing that this store has forgotten."""
        with self._store.reading() as tx:
            shipment = shipment_of(tx, self._target)
        marks = self._copy.ahead(shipment.seq)
        with self._store.transaction() as tx:
            unknown = unknown_marks(tx, shipment, marks)
            why = self._rolled_back(tx, shipment, unknown) if unknown else None
            if why is None:
                tx.keeping.save_shipment(shipment)
        if why is not None:
            self._reporter.report(RollbackFound(target=self._target, detail=why))
        self._compared = True

    def _rolled_back(self, tx: Transaction, shipment: Shipment, unknown: Sequence[Mark]) -> str:
        """Nothing acts on a store that has forgotten what was done and decided, until a person has looked."""
        now, newest = self._clock.now(), max(mark.seq for mark in unknown)
        why = (
            f"the store was put back to an earlier state: its journal's copy at {self._target} knows entries up to "
            f"{newest} that it does not. `cloudwarden journal verify --copy {self._target}` says more"
        )
        after = branched(shipment, {mark.branch for mark in unknown})
        tx.keeping.save_shipment(after)
        details: dict[str, Json] = {
            "target": self._target,
            "after": shipment.seq,
            "copy_seq": newest,
            "left": list(after.left),
            "branch": after.branch,
        }
        tx.keeping.save_restoration(_unsaid(tx, now, why))
        tx.journal.append(at=now, event=ROLLBACK_FOUND, details=details)
        # Over one that stands too: whoever made that resumes it for another reason, and has not looked.
        tx.decisions.save_pause(Pause(by=ITSELF, at=now, reason=why).over(tx.decisions.pauses()))
        return why

    def _ship(self) -> bool:
        batch, shipment = self._next()
        if batch is None:
            self._problem = ""
            return False
        self._copy.put(batch)
        now = self._clock.now()
        with self._store.transaction() as tx:
            tx.keeping.save_shipment(_moved(shipment, batch, now))
            unshipped = tx.journal.last() - batch.last_seq
        self._problem = ""
        shipped = batch.last_seq - batch.first_seq + 1
        self._reporter.report(JournalShipped(target=self._target, entries=shipped, unshipped=unshipped))
        return unshipped > 0

    def _next(self) -> tuple[Batch | None, Shipment]:
        with self._store.reading() as tx:
            shipment = shipment_of(tx, self._target)
            entries = tx.journal.entries(after=shipment.seq, most=BATCH)
        return (packed(entries, shipment.branch) if entries else None), shipment

    def _unshipped(self) -> int:
        try:
            with self._store.reading() as tx:
                return tx.journal.last() - shipment_of(tx, self._target).seq
        except StoreError:
            return 0


def shipment_of(tx: Transaction, target: str) -> Shipment:
    """How far the journal was shipped to a target; from the beginning when it never was."""
    known = {one.target: one for one in tx.keeping.shipments()}
    return known.get(target) or Shipment(target=target, branch=new_branch())


def unknown_marks(tx: Transaction, shipment: Shipment, marks: Sequence[Mark]) -> Sequence[Mark]:
    """Those that the store neither holds nor has left behind."""
    return [mark for mark in marks if mark.branch not in shipment.left and not _known(tx, mark)]


def ship_until(shipper: Shipper, stop: Stopping) -> None:
    """Ship until asked to stop, in a thread of its own: a slow copy must not hold up a sweep."""
    pause = EVERY_SECONDS
    while not stop.wait(pause):
        while shipper.turn() and not stop.is_set():
            pass
        pause = min(LONGEST_PAUSE_SECONDS, pause * 2) if shipper.failing else EVERY_SECONDS
    if not shipper.failing:
        shipper.turn()


def _known(tx: Transaction, mark: Mark) -> bool:
    return any(
        entry.seq == mark.seq and entry.hash.startswith(mark.hash)
        for entry in tx.journal.entries(after=mark.seq - 1, most=1)
    )


def _unsaid(tx: Transaction, now: datetime, why: str) -> Restoration:
    """A restoration that nobody told of: what had begun in the store then takes no further step."""
    return Restoration(at=now, by=ITSELF, origin="", reason=why, file="", sha256="", seq=tx.journal.last())


def _moved(shipment: Shipment, batch: Batch, now: datetime) -> Shipment:
    return replace(shipment, seq=batch.last_seq, hash=batch.last_hash, shipped_at=now)
