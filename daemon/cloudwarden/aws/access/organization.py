"""The accounts of an organization, as AWS Organizations tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from cloudwarden.aws.access.account import Account, OrganizationAccess
from cloudwarden.aws.access.clients import SpeakingClient
from cloudwarden.aws.pages import items, pages, text
from cloudwarden.core.errors import CloudError

_NAME = "Organizations"
_ACTIVE = "ACTIVE"
_UNIT, _ROOT = "ou-", "r-"


class Organization:
    """Lists the accounts that are looked after: active ones only, as suspended and closing ones refuse every role.

    See "ListAccounts", "ListAccountsForParent" and "ListOrganizationalUnitsForParent" of the AWS Organizations API
    reference. They page by twenty, and an empty page may have a successor.
    """

    def __init__(self, access: OrganizationAccess, client: Callable[[], SpeakingClient]) -> None:
        self._access = access
        self._client = client

    def accounts(self) -> tuple[Account, ...]:
        """Every active account that is included and not excluded, by id. Raises CloudError when any page is missing."""
        client = self._client()
        found = dict(self._included(client))
        for unwanted in self._excluded(client):
            found.pop(unwanted, None)
        return tuple(found[id_] for id_ in sorted(found))

    def _included(self, client: SpeakingClient) -> Iterator[tuple[str, Account]]:
        if not self._access.include:
            yield from _active(pages(client, "list_accounts", {}))
        for parent in self._access.include:
            for unit in _with_units_below(client, parent):
                yield from _active(_named(unit, pages(client, "list_accounts_for_parent", {"ParentId": unit})))

    def _excluded(self, client: SpeakingClient) -> Iterator[str]:
        for excluded in self._access.exclude:
            if not excluded.startswith((_UNIT, _ROOT)):
                yield excluded
                continue
            for unit in _with_units_below(client, excluded):
                for page in _named(unit, pages(client, "list_accounts_for_parent", {"ParentId": unit})):
                    yield from (text(one, "Id", of=_NAME) for one in items(page, "Accounts", of=_NAME))


def _with_units_below(client: SpeakingClient, parent: str) -> Iterator[str]:
    """The parent, and every unit at any depth below it."""
    waiting = [parent]
    while waiting:
        unit = waiting.pop()
        yield unit
        for page in _named(unit, pages(client, "list_organizational_units_for_parent", {"ParentId": unit})):
            waiting.extend(text(one, "Id", of=_NAME) for one in items(page, "OrganizationalUnits", of=_NAME))


def _named(unit: str, listed: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Every page about one unit. Raises CloudError that names it, which AWS's own words do not."""
    try:
        yield from listed
    except CloudError as error:
        raise type(error)(f"{error} ({unit})", code=error.code, request_id=error.request_id) from None


def _active(listed: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Account]]:
    for page in listed:
        for one in items(page, "Accounts", of=_NAME):
            # State took the place of Status in 2026; what says neither is not taken for active.
            if (one.get("State") or text(one, "Status", of=_NAME)) == _ACTIVE:
                id_ = text(one, "Id", of=_NAME)
                yield id_, Account(id=id_, name=str(one.get("Name") or ""), named=False)
