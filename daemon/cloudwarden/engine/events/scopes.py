"""Which accounts and regions there are."""

from __future__ import annotations

from dataclasses import dataclass

from cloudwarden.core.acceptance import DiscoveryProblem


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopesFound:
    """Regions of an account were found that were not there before. Unless accepted, they are only observed."""

    account: str
    name: str
    regions: tuple[str, ...]
    accepted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopesLeft:
    """A complete discovery no longer found regions of an account: it closed or left, or they were disabled.

    With the last of its regions goes what is global of it: then `regions` names that, too.
    """

    account: str
    name: str
    regions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopesUntold:
    """Which scopes there are could not be told since the process began, so that nothing is done in any."""

    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopesDiscovered:
    """The scopes were told: in how many policies may act, and how many wait. With problems, old answers stand.

    `told_before` says that there are problems, of nothing untold, and that they are those of the time before.
    """

    accepted: int
    waiting: int
    problems: tuple[DiscoveryProblem, ...]
    told_before: bool = False
