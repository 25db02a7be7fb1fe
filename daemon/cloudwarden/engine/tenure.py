"""Tenure: which daemon an unfinished action belongs to, and when another one may take it over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from cloudwarden.core.errors import LeaseLost, StoreError
from cloudwarden.core.finding import ActionRecord
from cloudwarden.core.plain import Json
from cloudwarden.ports import Clock, Stopping, Store, Transaction

LEASE = timedelta(seconds=30)
"""How long an action stays with a daemon that was not heard of: a killed one leaves it for half a minute."""

RENEWED_SECONDS = 10.0
"""Between two renewals: two may fail before a lease lapses, as when another writer holds the store."""


class Tenure:
    """The unfinished actions of one daemon, called `owner`.

    `alone` begins the names of owners that cannot live beside this one, because whoever owns the store's lock on
    this machine is alone on it: their leases are over. A lease that does not change for its length on our own
    monotonic clock is over too, so that a wall clock that is set back blocks nothing for years.
    """

    def __init__(self, clock: Clock, *, owner: str = "", alone: str = "") -> None:
        self.owner = owner
        self._clock = clock
        self._alone = alone
        self._seen: dict[tuple[str, str], tuple[datetime, float]] = {}

    def taken(self, store: Store, record: ActionRecord) -> ActionRecord | None:
        """The action, as ours from now on; None while it is another daemon's. Raises StoreError."""
        if record.owner == self.owner:
            return record
        if not self._over(record):
            return None
        with store.transaction() as tx:
            stored = tx.actions.get(record.id)
            if stored is None or stored.state.ended or not self._over(stored):
                return None
            # An instant that is still to come was written by a wrong clock; nothing would ever be late by it.
            changed_at = min(stored.changed_at, self._clock.now())
            mine = replace(stored, owner=self.owner, lease_until=self._until(), changed_at=changed_at)
            tx.actions.save(mine)
            if stored.owner:
                details: dict[str, Json] = {
                    "from": stored.owner,
                    "to": self.owner,
                    "state": str(stored.state),
                    "step": stored.step,
                }
                tx.journal.append(
                    at=self._clock.now(),
                    event="action_taken_over",
                    run_id=stored.run_id,
                    action_id=stored.id,
                    details=details,
                )
        return mine

    def holding(self, tx: Transaction, record: ActionRecord) -> ActionRecord:
        """The action with its lease renewed, or given up when it ended, to be saved in this transaction.

        Raises LeaseLost when another daemon took it over meanwhile: then its word counts, and not ours.
        """
        self._still_mine(tx, record)
        if record.state.ended:
            for what in ("change", "lease"):
                self._seen.pop((what, record.id), None)
            return replace(record, owner="", lease_until=None)
        return replace(record, owner=self.owner, lease_until=self._until())

    def lapsed(self, tx: Transaction, record: ActionRecord) -> bool:
        """Whether another daemon may take it over by now. Raises LeaseLost when one did."""
        stored = self._still_mine(tx, record)
        return stored is None or stored.lease_until is None or self._clock.now() >= stored.lease_until

    def renew(self, store: Store) -> int:
        """Heartbeat: renew the leases of all that is ours; how many. Raises StoreError."""
        with store.reading() as tx:
            if not any(self._mine(tx)):
                return 0
        with store.transaction() as tx:
            renewed = [replace(record, lease_until=self._until()) for record in self._mine(tx)]
            for record in renewed:
                tx.actions.save(record)
        return len(renewed)

    def age(self, record: ActionRecord) -> timedelta:
        """How long nothing has changed, by the wall clock or by how long we have seen it so: the longer of them."""
        watched = timedelta(seconds=self._watched("change", record.id, record.changed_at))
        return max(watched, self._clock.now() - record.changed_at)

    def _still_mine(self, tx: Transaction, record: ActionRecord) -> ActionRecord | None:
        stored = tx.actions.get(record.id)
        if stored is not None and (stored.owner != self.owner or stored.state.ended):
            raise LeaseLost(f"action {record.id} is {stored.state}, and no longer this daemon's: {stored.owner} has it")
        return stored

    def _mine(self, tx: Transaction) -> Iterator[ActionRecord]:
        return (record for record in tx.actions.unfinished() if record.owner == self.owner)

    def _over(self, record: ActionRecord) -> bool:
        if not record.owner or record.lease_until is None or record.owner == self.owner:
            return True
        if self._alone and record.owner.startswith(self._alone):
            return True
        watched = self._watched("lease", record.id, record.lease_until)
        return self._clock.now() >= record.lease_until or watched >= LEASE.total_seconds()

    def _watched(self, what: str, action_id: str, at: datetime) -> float:
        """Seconds for which we have seen this instant stand there."""
        now = self._clock.monotonic()
        known, since = self._seen.get((what, action_id), (None, now))
        if known != at:
            since = now
            self._seen[what, action_id] = (at, since)
        return now - since

    def _until(self) -> datetime:
        return self._clock.now() + LEASE


def beat(tenure: Tenure, store: Store, stop: Stopping) -> None:
    """Renew until asked to stop: in a thread of its own, as a sweep or a call may take longer than a lease.

    A renewal that fails is tried again; a lease that lapses meanwhile costs no more than another look before the call.
    """
    while not stop.wait(RENEWED_SECONDS):
        with contextlib.suppress(StoreError):
            tenure.renew(store)
