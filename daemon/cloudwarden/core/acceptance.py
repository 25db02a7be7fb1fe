"""Scopes that were found, and those that an operator let policies act in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.core.verdict import Cause

NO_SCOPES = (
    "no account has a region that is looked after: see aws.regions, aws.regions_include, aws.regions_exclude, "
    "aws.organization and aws.roles"
)
"""What to say where there is nowhere to look, which is not that nothing was found."""

LEFT_OUT = "settings"
"""The source of a problem that is no failure: the settings leave an account no region, so nobody looks after it."""

STATEMENTS = "statements"
"""Another such source: statements of the daemon's own IAM policies that name no account, or are not understood."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundScope:
    """A scope that there is. `named` says that the settings name both its account and its region.

    `remembered` says that nobody told of its account since this process began, but an earlier one did, whose settings
    may have been others: it is only observed, accepted or not.
    """

    scope: Scope
    name: str = ""
    named: bool
    remembered: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class DiscoveryProblem:
    """What could not be discovered, so that the last good answer stands for it; or what is known to lead nowhere.

    `source` is a bounded word: `credentials`, `organization`, `roles`, `regions`, LEFT_OUT or STATEMENTS. `account` is
    whose regions or role are meant.
    """

    source: str
    account: str = ""
    cause: Cause

    @property
    def untold(self) -> bool:
        """Whether something could not be told: what settings leave out, and what statements name, is known."""
        return self.source not in (LEFT_OUT, STATEMENTS)

    def __str__(self) -> str:
        return f"{self.source}{f' of {self.account}' if self.account else ''}: {self.cause}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Discovery:
    """All scopes that there are, as far as is known.

    Where something is untold, a scope that is missing is not gone, and one that is here may be.
    """

    scopes: tuple[FoundScope, ...]
    problems: tuple[DiscoveryProblem, ...] = ()

    @property
    def untold(self) -> tuple[DiscoveryProblem, ...]:
        """The problems by which something could not be told."""
        return tuple(one for one in self.problems if one.untold)


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownScope:
    """A scope that was found once. Until it is accepted, policies observe in it and do no more.

    `accepted_by` is a person, or `settings`. `left_at` is when a whole discovery first did without it.
    """

    scope: Scope
    name: str
    found_at: datetime
    accepted_at: datetime | None = None
    accepted_by: str = ""
    left_at: datetime | None = None

    @property
    def accepted(self) -> bool:
        """Whether policies may do more than observe in it."""
        return self.accepted_at is not None

    @property
    def waits(self) -> bool:
        """Whether it waits for an operator to accept it."""
        return not self.accepted and self.left_at is None


def trusted_in(trusts: Callable[[Scope], bool], scope: Scope, places: Iterable[Scope | None]) -> bool:
    """Whether trust, as `trusts` tells of each scope, lets a policy act by itself on what `scope` has in these places.

    Of what is listed for all regions at once each place counts too, for any may have been accepted since; None is a
    place that nobody knows.
    """
    everywhere = scope.region != GLOBAL or all(place is not None and trusts(place) for place in places)
    return everywhere and trusts(scope)
