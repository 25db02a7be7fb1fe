"""Doubts: why nobody can tell what files say by now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubts:
    """Why what files say is not known at the moment, or None each: of exemptions, and of settings.

    Not knowing the exemptions holds actions, not knowing the settings undos too.
    """

    exemptions: Callable[[], str | None] = lambda: None
    settings: Callable[[], str | None] = lambda: None


NO_DOUBTS = Doubts()
