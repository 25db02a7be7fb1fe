"""Caution: when a policy that may act by itself had better only propose, because something is unusual."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cloudwarden.core.lifecycle import patience_of

USUAL_FROM = 3
"""Sweeps after which a policy has a history."""

GROWTH = 2
FREE = 5
"""More violations than `GROWTH` times the most of its latest sweeps, and `FREE`, are not usual."""


def unusual(
    matches: int, history: Sequence[int], *, last_sweep: datetime | None, interval: timedelta, now: datetime
) -> str | None:
    """Why a sweep that found so many violations is not like the ones before it, in words; None when it is.

    A rule that begins to match everything, a repaired source, a daemon that slept: each looks at first like a lot
    of work that is due.
    """
    if last_sweep is not None and not timedelta(0) <= now - last_sweep <= patience_of(interval):
        return f"the first sweep after a gap: the one before was at {last_sweep:%Y-%m-%d %H:%M}Z"
    if len(history) >= USUAL_FROM and matches > GROWTH * max(history) + FREE:
        return (
            f"{matches} violations, and at most {max(history)} in the {len(history)} sweeps before: "
            "if that is right, trust the policy again"
        )
    return None
