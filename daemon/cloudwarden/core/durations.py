"""Durations as a policy file and a settings file write them."""

from __future__ import annotations

import re
from datetime import timedelta

_WRITTEN = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def seconds(count: float) -> timedelta:
    """`count` seconds."""
    return timedelta(seconds=count)


def minutes(count: float) -> timedelta:
    """`count` minutes."""
    return timedelta(minutes=count)


def hours(count: float) -> timedelta:
    """`count` hours."""
    return timedelta(hours=count)


def days(count: float) -> timedelta:
    """`count` days of 24 hours."""
    return timedelta(days=count)


def duration(text: str) -> timedelta:
    """A duration as settings write it: "30s", "15m", "6h", "14d", "2w", or several at once such as "1h30m".

    Raises ValueError that says what to write: a bare number has no unit, so it is refused.
    """
    compact = text.replace(" ", "")
    if not _WRITTEN.fullmatch(compact):
        raise ValueError('write a number with its unit, such as "30s", "15m", "6h", "14d" or "1h30m"')
    try:
        return sum((timedelta(**{_UNITS[unit]: float(count)}) for count, unit in _PART.findall(compact)), timedelta(0))
    except OverflowError as error:
        raise ValueError("write a duration of at most 999999999 days") from error
