"""Scopes, and the frozen views of what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, TypeVar

from cloudwarden.core.saving import Charges, Uncharged

GLOBAL = "global"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Scope:
    """One account in one region; a global service's region is `global`."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"


class Tags(Mapping[str, str]):
    """A resource's tags: a mapping that nobody can write to."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Mapping[str, str] | None = None) -> None:
        self._pairs: dict[str, str] = dict(pairs or {})

    def __getitem__(self, key: str) -> str:
        return self._pairs[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __hash__(self) -> int:
        return hash(frozenset(self._pairs.items()))

    def __repr__(self) -> str:
        return f"Tags({self._pairs!r})"


NO_TAGS = Tags()


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One thing in a scope, as its service described it.

    A subclass is a kind: it sets `kind` to `service.noun` and adds the fields that rules read. Every field
    was really read: what could not be read keeps the resource out of the listing, and the listing incomplete.
    Only `tags` may be `UnreadTags`, where the service lists without them. A kind whose service lists all regions
    at once sets `is_global`; its resources are in region `global`, whatever region each of them is kept in.
    `dependants_permissions` are the IAM actions that looking for what depends on it needs. A kind whose ids people
    choose, and may give again, sets `ids_come_again` if `identity`, or `created`, tells one resource from the next of
    its id.
    """

    kind: ClassVar[str] = "resource"
    is_global: ClassVar[bool] = False
    dependants_permissions: ClassVar[tuple[str, ...]] = ()
    ids_come_again: ClassVar[bool] = False

    id: str
    arn: str
    account: str
    region: str
    name: str | None = None
    tags: Tags = NO_TAGS
    created: datetime | None = None

    @property
    def scope(self) -> Scope:
        """The account and region that this resource is in."""
        return Scope(account=self.account, region=self.region)

    @property
    def identity(self) -> str | None:
        """What its service calls it besides its id, and never anything else; None where only `created` tells."""
        return None

    @property
    def kept_in(self) -> Scope | None:
        """Where it is kept, which must be accepted before it is touched; None when nobody knows."""
        return self.scope

    def overtaken(self, action: str, done_at: datetime) -> str | None:
        """Why undoing an action that was done then would undo what somebody did since; None where nothing tells."""
        del action, done_at
        return None

    @property
    def charges(self) -> Charges:
        """What it costs as it is."""
        return Uncharged(why=f"nobody has written down what {self.kind} costs")

    @classmethod
    def listed_in(cls, scopes: Iterable[Scope]) -> tuple[Scope, ...]:
        """Where this kind is listed, given where policies look: a global kind once for each account."""
        if cls.is_global:
            return tuple(dict.fromkeys(Scope(account=scope.account, region=GLOBAL) for scope in scopes))
        return tuple(dict.fromkeys(scopes))


R = TypeVar("R", bound=Resource)
