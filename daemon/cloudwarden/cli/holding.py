"""What holds everything that a verb shows, and which no row of its table would say: the pauses in force."""

from __future__ import annotations

from collections.abc import Iterable

from cloudwarden.cli.output import moment, notice
from cloudwarden.core.pause import Pause

Shown = Iterable[tuple[str, str]]
"""What is shown: policies, each with an account."""


def say_pauses(pauses: Iterable[Pause], shown: Shown) -> None:
    """Say, on stderr, each pause that holds something of what is shown."""
    places = set(shown)
    for one in pauses:
        if any(one.covers(policy, account) for policy, account in places):
            notice(paused(one))


def paused(one: Pause) -> str:
    """A pause in a line."""
    why = f": {one.words}" if one.words else ""
    return "; before that, ".join([f"paused: {one.what} by {one.by} since {moment(one.at)}{why}", *one.earlier])
