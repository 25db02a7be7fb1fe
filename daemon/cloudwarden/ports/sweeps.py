"""What sweeps leave for the next ones: their counts, the scopes, what was spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.resource import Scope


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRun:
    """The latest finished sweep of a policy, for the limit: what it judged, and when it began.

    `population` is of scopes that were listed completely and may be acted in; None when there is no such scope.
    `fingerprint` is the version that swept; None of a sweep by an earlier version of Cloudwarden.
    """

    policy: str
    run_id: str
    started_at: datetime
    population: int | None
    fingerprint: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopeRun:
    """What a policy's latest sweep left of one scope.

    `read_at` is when one last could read it (if this one, it is the sweep's own instant), None when none ever did, and
    `matches` how many violations there were then. `population` is how many resources this sweep judged; None where it
    could not list them, or they may not be acted on.
    """

    scope: Scope
    read_at: datetime | None = None
    matches: int | None = None
    population: int | None = None


class Runs(Protocol):
    """The latest sweep of each policy."""

    def get(self, policy: str) -> PolicyRun | None: ...

    def swept(self) -> Mapping[str, datetime | None]:
        """Every policy that was swept, with when a sweep of it last could read any scope; None when none ever did."""
        ...

    def save(self, run: PolicyRun, scopes: Iterable[ScopeRun]) -> None:
        """Remember a sweep and the scopes it covered."""
        ...

    def scopes(self, policy: str) -> Mapping[Scope, ScopeRun]:
        """The scopes that the latest sweep of the policy covered."""
        ...

    def population(self, policy: str, account: str) -> int | None:
        """How many resources the policy's latest sweep judged in an account; None when that is known of no scope."""
        ...

    def matches(self, policy: str) -> Sequence[int]:
        """How many violations each of the policy's latest usual sweeps found, newest first; bounded."""
        ...

    def add_matches(self, policy: str, at: datetime, count: int) -> None:
        """Remember the violations of one usual sweep."""
        ...

    def forget_matches(self, policy: str) -> None:
        """Begin the history anew."""
        ...


class Scopes(Protocol):
    """Scopes that were ever found."""

    def known(self) -> Mapping[Scope, KnownScope]:
        """All of them, those that left included."""
        ...

    def save(self, scopes: Iterable[KnownScope]) -> None: ...


class Spending(Protocol):
    """What was asked of what costs money."""

    def metrics(self, day: date) -> int:
        """CloudWatch metrics asked for on a day, in UTC."""
        ...

    def save(self, day: date, metrics: int) -> None:
        """Remember a day's number; the numbers of earlier days go."""
        ...
