"""What reads a cloud, and what changes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cloudwarden.core.action import Call, Read
from cloudwarden.core.evidence import Answers, Query
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Cause


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The resources of one kind in one scope.

    `problem` is set when some may be missing: then absence proves nothing.
    """

    resources: tuple[Resource, ...]
    problem: Cause | None = None

    @property
    def complete(self) -> bool:
        """Whether a resource that is not here does not exist."""
        return self.problem is None


class Inventory(Protocol):
    """Reads what is in a scope. It never raises for what the cloud answers: a problem is part of the listing."""

    def list(self, kind: type[Resource], scope: Scope) -> Listing:
        """All resources of a kind in a scope."""
        ...

    def get(self, kind: type[Resource], scope: Scope, resource_id: str) -> Listing:
        """One resource, read now; complete and empty when it does not exist."""
        ...


class EvidenceSource(Protocol):
    """Answers queries about one scope, as few calls as possible."""

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> Answers:
        """An answer for every query: what its type promises, or `Unreadable` with the cause. Raises no CloudError."""
        ...


class Actuator(Protocol):
    """The only one who calls a mutating API, and who reads to prove what such a call did."""

    def call(self, scope: Scope, call: Call, *, dry_run: bool = False) -> Mapping[str, str]:
        """Make the call and return what it `keeps`. Raises CloudError.

        With `dry_run`, ask only whether it would be permitted: returns empty, raises AccessDenied when not.
        """
        ...

    def read(self, scope: Scope, read: Read) -> Json:
        """What the reading shows at its path; None when the thing does not exist. Raises CloudError."""
        ...
