"""Looks: how a question whose answer shows dependants is put to AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cloudwarden.core.blast import Dependant, Gap, Look
from cloudwarden.core.detail import Detail, arguments
from cloudwarden.core.plain import Json

View = Callable[[Mapping[str, Any]], Iterable[Dependant | Look | Gap]]


def listed(
    what: str,
    service: str,
    operation: str,
    path: str,
    view: View,
    asked: Mapping[str, Json],
    *,
    next_page: str = "NextToken",
    asked_as: str = "",
) -> Look:
    """A look at every page of a listing; `path` is where a page has its items."""
    detail = Detail(
        service=service,
        operation=operation,
        arguments=arguments(asked),
        path=path,
        next_page=next_page,
        asked_as=asked_as,
    )
    return Look(what=what, detail=detail, view=view)


def filtered(values: Mapping[str, str]) -> list[Json]:
    """EC2's filters: each name has this one value."""
    return [{"Name": name, "Values": [value]} for name, value in sorted(values.items())]
