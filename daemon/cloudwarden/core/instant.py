"""Instants that people write."""

from __future__ import annotations

from datetime import UTC, datetime


def in_utc(moment: datetime) -> datetime:
    """An instant (aware) in UTC, as everything here keeps and shows it.

    Raises ValueError that says what to write of one that is outside the years 1 to 9999 there: with its offset it is
    written all the same, and would fail whoever shows or keeps it.
    """
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(
            f"{moment.isoformat()} is outside the years 1 to 9999 of UTC: write a time from 0001-01-01T00:00:00Z to "
            "9999-12-31T23:59:59Z"
        ) from error
