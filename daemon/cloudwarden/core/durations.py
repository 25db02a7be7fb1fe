"""Durations as a policy file and a settings file write them."""

from __future__ import annotations

import re
from datetime import timedelta

_WRITTEN = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WRITTEN_IN = (("d", 86_400), ("h", 3_600), ("m", 60))

LONGEST_DURATION = timedelta(days=365_000)
"""A thousand years: added to now, or taken from it, every duration up to it gives an instant that there is."""


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

    Raises ValueError that says what to write: a bare number has no unit, so it is refused, as is what is longer than
    `LONGEST_DURATION`.
    """
    compact = text.replace(" ", "")
    if not _WRITTEN.fullmatch(compact):
        raise ValueError('write a number with its unit, such as "30s", "15m", "6h", "14d" or "1h30m"')
    parts = _PART.findall(compact)
    try:
        written = sum((timedelta(**{_UNITS[unit]: float(count)}) for count, unit in parts), timedelta(0))
    except OverflowError:
        written = timedelta.max
    if written > LONGEST_DURATION:
        raise ValueError(f"write a duration of at most {LONGEST_DURATION.days}d")
    return written


def written_duration(value: timedelta) -> str:
    """The duration as settings write it: `1h30m`; `0s` when there is none."""
    left = value.total_seconds()
    parts = []
    for unit, length in _WRITTEN_IN:
        count, left = divmod(left, length)
        if count:
            parts.append(f"{int(count)}{unit}")
    if left or not parts:
        parts.append(f"{left:g}s")
    return "".join(parts)
