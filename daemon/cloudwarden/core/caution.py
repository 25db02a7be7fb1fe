"""Caution: when a policy that may act by itself had better only propose, because something is unusual."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cloudwarden.core.lifecycle import watched
from cloudwarden.core.schedule import Schedule

GROWTH = 2
FREE = 5
"""More violations than `GROWTH` times the most of its latest sweeps, and `FREE`, are not usual."""


def unwatched(read_at: datetime | None, schedule: Schedule, now: datetime) -> str | None:
    """Why a sweep of a scope is the first one after a gap, in words; None when it is not.

    `read_at` is when the policy's sweeps last read the scope; what was listed in part or whose metrics could not be
    read is no reading of it. A repaired source, and a daemon that slept, look at first like a lot of work that is due.
    """
    if read_at is None:
        return "the first sweep that can read this scope"
    if watched(schedule, read_at, now):
        return None
    return f"the first sweep after a gap: this scope was last read at {read_at:%Y-%m-%d %H:%M}Z"


def unusual(matches: int, history: Sequence[int]) -> str | None:
    """Why so many violations are not like what the sweeps before found, in words; None when they are.

    A rule that begins to match everything looks at first like a lot of work, too. Trust begins the history, with what
    was found when it was given.
    """
    if not history or matches <= GROWTH * max(history) + FREE:
        return None
    return (
        f"{matches} violations, and at most {max(history)} in the {len(history)} sweeps before: "
        "if that is right, trust the policy again"
    )
