"""In SQL, how the record is kept: how far the journal was shipped, and the restorations from a backup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from cloudwarden.ports import Restoration, Shipment
from cloudwarden.store import rows
from cloudwarden.store.tables import restorations, shipments


class SqlKeeping:
    """`ports.Keeping`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def shipments(self) -> Sequence[Shipment]:
        return rows.fetch(self._connection, select(shipments).order_by(shipments.c.target), _shipment_from)

    def save_shipment(self, shipment: Shipment) -> None:
        rows.upsert(self._connection, shipments, [asdict(shipment) | {"left": list(shipment.left)}])

    def restored(self) -> Restoration | None:
        query = select(restorations).order_by(restorations.c.seq.desc(), restorations.c.at.desc()).limit(1)
        found = rows.fetch(self._connection, query, _restoration_from)
        return found[0] if found else None

    def save_restoration(self, restoration: Restoration) -> None:
        rows.upsert(self._connection, restorations, [asdict(restoration)])


def _shipment_from(row: RowMapping) -> Shipment:
    fields: dict[str, Any] = dict(row)
    fields["left"] = tuple(fields["left"])
    return Shipment(**fields)


def _restoration_from(row: RowMapping) -> Restoration:
    return Restoration(**row)
