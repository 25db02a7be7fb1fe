"""How one kind of AWS resource is read: a declaration that the inventory carries out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from cloudwarden.core.resource import Resource, Scope

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind(Generic[R]):
    """How one kind of resource is read: a declaration, not code.

    `items` is the path of lists to flatten in an answer, such as `("Reservations", "Instances")`. `view` makes
    one raw item a typed resource, and raises KeyError, TypeError or ValueError when it is malformed. `by_id`
    gives the arguments that read one resource, by the listing's own `operation`, or by `one`, whose answer is then the
    raw item itself. `arguments` are passed when listing, besides `page_size`, which is passed as `page_size_name`.
    `next_page` is the name, in answers, of the token that leads to the next page; requests call it so too, or
    `asked_as`. `permissions` are the IAM actions that reading needs, the listing's first. `owner` names the field of an
    item that says whose account it is of, where a listing shows those of others too.
    """

    resource: type[R]
    service: str
    operation: str
    items: tuple[str, ...]
    view: Callable[[Mapping[str, Any], Scope], R]
    by_id: Callable[[str], Mapping[str, Any]]
    permissions: tuple[str, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    page_size: int | None = 1000
    page_size_name: str = "MaxResults"
    next_page: str = "NextToken"
    asked_as: str = ""
    one: str = ""
    owner: str = ""

    def read(self, raw: Mapping[str, Any], scope: Scope) -> R | None:
        """One raw item as a resource; None when another account owns it: there it is judged, and here nobody may
        change it. One that does not say whose it is, is of the account that was asked.
        """
        owned_by_another = bool(self.owner) and raw.get(self.owner, scope.account) != scope.account
        return None if owned_by_another else self.view(raw, scope)
