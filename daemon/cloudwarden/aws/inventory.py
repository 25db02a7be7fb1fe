"""Reads what is in a scope, page by page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from cloudwarden.aws.kind import Kind
from cloudwarden.aws.pages import pages
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import CloudError, MalformedAnswer, NotFound
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.ports import Listing

FEW = 20
"""EC2 gives no fewer a page."""

_MALFORMED = (LookupError, TypeError, ValueError, AttributeError)
"""What reading an item that is not as documented raises."""


class AwsInventory:
    """Lists resources as their kinds declare.

    An error on any page gives what the pages before it held, with the problem; so does an item that is not as
    its API documents. What another account owns is left out, and the listing no less complete for that. See
    "Pagination" and "Query requests" of the Amazon EC2 Developer Guide.
    """

    def __init__(self, sessions: Sessions, kinds: Iterable[Kind[Any]]) -> None:
        self._sessions = sessions
        self._kinds: Mapping[type[Resource], Kind[Any]] = {kind.resource: kind for kind in kinds}

    def list(self, kind: type[Resource], scope: Scope) -> Listing:
        """All resources of a kind in a scope."""
        declared = self._kinds[kind]
        size = {} if declared.page_size is None else {declared.page_size_name: declared.page_size}
        resources, problem = self._read(declared, scope, {**declared.arguments, **size}, recurring=True)
        return Listing(resources=tuple(resources.values()), problem=None if problem is None else _cause(problem))

    def get(self, kind: type[Resource], scope: Scope, resource_id: str) -> Listing:
        """One resource, read now; complete and empty when it does not exist."""
        declared = self._kinds[kind]
        # What describes one by itself answers with the item, in no list.
        asked = replace(declared, operation=declared.one, items=()) if declared.one else declared
        # Without a page size: EC2 refuses MaxResults beside ids.
        resources, problem = self._read(asked, scope, declared.by_id(resource_id))
        if isinstance(problem, NotFound):
            return Listing(resources=())
        found = resources.get(resource_id)
        if declared.one and found is None and problem is None:
            # A list may be empty; an answer about something else says nothing of this.
            problem = MalformedAnswer(f"{declared.one}: asked for {resource_id}, told of {', '.join(resources)}")
        return Listing(
            resources=() if found is None else (found,), problem=None if problem is None else _cause(problem)
        )

    def glimpse(self, kind: type[Resource], scope: Scope) -> Listing:
        """The first few resources, by one small request: whether they may be listed at all. Absence proves nothing."""
        declared = self._kinds[kind]
        size = {} if declared.page_size is None else {declared.page_size_name: FEW}
        resources, problem = self._read(declared, scope, {**declared.arguments, **size}, most_pages=1)
        return Listing(resources=tuple(resources.values()), problem=None if problem is None else _cause(problem))

    def declared(self, kind: type[Resource]) -> Kind[Any]:
        """How a kind is read."""
        return self._kinds[kind]

    def _read(
        self,
        kind: Kind[Any],
        scope: Scope,
        arguments: Mapping[str, Any],
        *,
        most_pages: int | None = None,
        recurring: bool = False,
    ) -> tuple[dict[str, Resource], CloudError | None]:
        """Resources by id (a page may repeat one that the page before it held), and the first thing that went wrong."""
        resources: dict[str, Resource] = {}
        problem: CloudError | None = None
        try:
            client = self._sessions.client(kind.service, scope)
            answered = pages(
                client,
                kind.operation,
                arguments,
                next_page=kind.next_page,
                asked_as=kind.asked_as,
                recurring=recurring,
            )
            for page in islice(answered, most_pages):
                problem = _view(kind, scope, page, resources) or problem
                # A page of raw items is as large as its thousand resources several times over.
                del page
        except CloudError as error:
            problem = error
        return resources, problem


def _view(kind: Kind[Any], scope: Scope, page: Mapping[str, Any], into: dict[str, Resource]) -> CloudError | None:
    """Add a page's resources to `into`; the last item that could not be understood, if any, is the problem."""
    items: list[Any] = [page]
    problem = None
    for key in kind.items:
        holders, items = items, []
        for holder in holders:
            try:
                items.extend(holder[key])
            except _MALFORMED as error:
                problem = _malformed(kind, error)
    for item in items:
        try:
            resource = kind.read(item, scope)
        except _MALFORMED as error:
            problem = _malformed(kind, error)
        else:
            if resource is not None:
                into[resource.id] = resource
    return problem


def _malformed(kind: Kind[Any], error: Exception) -> MalformedAnswer:
    return MalformedAnswer(f"{kind.operation}: {type(error).__name__}: {error}")


def _cause(error: CloudError) -> Cause:
    return Cause(reason=error.reason, detail=str(error))
