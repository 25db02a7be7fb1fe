"""What was spent, in SQL."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, delete, select

from cloudwarden.store import rows
from cloudwarden.store.tables import spending


class SqlSpending:
    """`ports.Spending`: a row for today, and none for days that are over."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def metrics(self, day: date) -> int:
        query = select(spending.c.metrics).where(spending.c.day == day)
        return self._connection.execute(query).scalar_one_or_none() or 0

    def save(self, day: date, metrics: int) -> None:
        self._connection.execute(delete(spending).where(spending.c.day < day))
        rows.upsert(self._connection, spending, [{"day": day, "metrics": metrics}])
