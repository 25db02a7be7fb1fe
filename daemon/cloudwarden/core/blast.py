"""Blast radius: what else depends on a resource that an action would change, as far as it could be read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from cloudwarden.core.detail import Detail
from cloudwarden.core.verdict import Cause

NOT_READ = "not-read"
"""Why a blast radius is unknown that nobody looked at."""

AMBIGUOUS = "ambiguous"
"""Why it is unknown whether what was read depends on the resource or on another."""

EVERYTHING = "everything"
"""What is not known where nothing is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dependant:
    """One thing that an action would disturb beside its resource; its kind and id are who it is.

    `why` says how it depends, and `name` what people call it: both are words, and may change without its being another.
    """

    kind: str
    id: str
    why: str
    name: str | None = None

    def __str__(self) -> str:
        named = f" ({self.name})" if self.name and self.name != self.id else ""
        return f"{self.kind} {self.id}{named}: {self.why}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A sort of dependants that could not be read completely, and why. `what` is a fixed word or two."""

    what: str
    cause: Cause

    def __str__(self) -> str:
        return f"{self.what} ({self.cause})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One question whose answer shows what depends on a resource: data, which whoever answers details carries out.

    `view` makes of an item of the answer's list what depends by it, further looks, or a gap where the answer does not
    settle it. It raises LookupError, TypeError, ValueError or AttributeError for what is not as documented. `what` is
    the sort of dependants.
    """

    what: str
    detail: Detail
    view: Callable[[Mapping[str, Any]], Iterable[Dependant | Look | Gap]]


@runtime_checkable
class Dependable(Protocol):
    """A resource whose kind can tell what depends on it."""

    def dependants(self) -> Iterable[Dependant | Look]:
        """What depends on it, as it says itself, and where to look for the rest."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class BlastRadius:
    """What else depends on a resource: `dependants` by kind and id, each once; and what is not known of them.

    Without `gaps` the list is complete. `read_at` is when it was read; None when it never was.
    """

    dependants: tuple[Dependant, ...] = ()
    gaps: tuple[Gap, ...] = ()
    read_at: datetime | None = field(default=None, compare=False)

    @classmethod
    def of(cls, dependants: Iterable[Dependant], gaps: Iterable[Gap], read_at: datetime | None) -> BlastRadius:
        """In an order that no answer of the cloud can change; what is named twice counts once."""
        by_who = {(one.kind, one.id): one for one in dependants}
        by_what = {one.what: one for one in gaps}
        return cls(
            dependants=tuple(by_who[who] for who in sorted(by_who)),
            gaps=tuple(by_what[what] for what in sorted(by_what)),
            read_at=read_at,
        )

    @property
    def known(self) -> bool:
        """Whether the list is complete."""
        return not self.gaps

    @property
    def hash(self) -> str:
        """What an approver has seen: it changes when a dependant or a gap comes or goes, and not with their words."""
        parts = [f"{one.kind} {one.id}" for one in self.dependants] + [f"? {one.what}" for one in self.gaps]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @property
    def unknown(self) -> str:
        """What is not known, in words; empty when the list is complete."""
        return "; ".join(str(gap) for gap in self.gaps)

    def beyond(self, seen: BlastRadius) -> tuple[Dependant, ...]:
        """The dependants that were not there when `seen` was read."""
        before = {(one.kind, one.id) for one in seen.dependants}
        return tuple(one for one in self.dependants if (one.kind, one.id) not in before)

    def unread_since(self, seen: BlastRadius) -> tuple[Gap, ...]:
        """What was known when `seen` was read, and is not known now."""
        before = {gap.what for gap in seen.gaps}
        return () if EVERYTHING in before else tuple(gap for gap in self.gaps if gap.what not in before)

    def __str__(self) -> str:
        if not self.gaps:
            return str(len(self.dependants)) if self.dependants else "nothing else"
        return f"{len(self.dependants)} and unknown" if self.dependants else "unknown"


def unread(why: str) -> BlastRadius:
    """A blast radius of which nothing is known."""
    return BlastRadius(gaps=(Gap(what=EVERYTHING, cause=Cause(reason=NOT_READ, detail=why)),))


UNREAD = unread("nobody has looked at what depends on it")
"""What a proposal of an older version knows."""
