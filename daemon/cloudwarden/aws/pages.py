"""Asking AWS: one call, or all the pages of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from cloudwarden.aws.access.clients import SpeakingClient
from cloudwarden.aws.errors import translated
from cloudwarden.core.errors import CloudError, InvalidRequest, MalformedAnswer

Answer = Mapping[str, Any]

NEXT_PAGE = "NextToken"
"""What most services call what leads to the next page."""

_LEADING_ON = frozenset(
    (
        *("continuationtoken", "marker", "nextcontinuationtoken", "nextmarker", "nextpagetoken", "nexttoken"),
        "paginationtoken",
    )
)
"""Names of what says that an answer goes on, in lower case: see "Pagination" of the services' references."""


def goes_on(answer: Answer) -> bool:
    """Whether there is more to come than this answer, by whatever name its service leads on."""
    return any(value for name, value in answer.items() if name.lower() in _LEADING_ON)


def ask(client: SpeakingClient, operation: str, arguments: Mapping[str, Any], *, recurring: bool = False) -> Answer:
    """One call, in its turn, and again while that may help; `operation` is in boto3's snake case. Raises CloudError.

    One that is `recurring`, made alike for every scope, is made by its stencil.
    """

    def ordinary() -> Answer:
        return _sent(getattr(client, operation), arguments)

    if not hasattr(client.shared, operation):
        raise InvalidRequest(f"{client.meta.service_model.service_name} has no operation {operation}")
    if not recurring:
        return client.repeated(operation, arguments, ordinary)
    by_stencil = partial(client.stencils.sent, operation, arguments, client.speaker, ordinary)
    return client.repeated(operation, arguments, by_stencil)


def items(page: Answer, key: str, *, of: str) -> list[Mapping[str, Any]]:
    """What a page lists; `of` is the service. Raises MalformedAnswer where it lists nothing by that name."""
    found = page.get(key)
    if not isinstance(found, list):
        raise MalformedAnswer(f"{of}: a page without {key}")
    return found


def text(item: Mapping[str, Any], key: str, *, of: str) -> str:
    """A text that every item has; `of` is the service. Raises MalformedAnswer where this one has not."""
    value = item.get(key)
    if not isinstance(value, str) or not value:
        raise MalformedAnswer(f"{of}: an item without {key}")
    return value


def _sent(method: Callable[..., Answer], arguments: Mapping[str, Any]) -> Answer:
    # The original error is not chained: a traceback that is logged would print the secrets that ours leaves out.
    try:
        return method(**arguments)
    except Exception as error:  # noqa: BLE001 - a broken answer raises whatever the parser happened to meet
        failure: CloudError = translated(error)
    raise failure


def pages(
    client: SpeakingClient,
    operation: str,
    arguments: Mapping[str, Any],
    *,
    next_page: str = NEXT_PAGE,
    asked_as: str = "",
    recurring: bool = False,
) -> Iterator[Answer]:
    """Every page of an operation as it comes; `next_page` is what the service calls the token that leads on.

    A request gives it back by that name, or by `asked_as`. The first page is `recurring` or not, as for `ask`; the
    others never are.

    An error raises CloudError after the pages before it were given. A token that comes again would page for
    ever: MalformedAnswer. No page is kept here while the next one is asked for.
    """
    seen: set[str] = set()
    following: Mapping[str, Any] = {}
    while True:
        page = ask(client, operation, {**arguments, **following}, recurring=recurring and not seen)
        token = page.get(next_page)
        yield page
        del page
        if not token:
            return
        if token in seen:
            raise MalformedAnswer(f"{operation}: the same {next_page} came twice")
        seen.add(token)
        following = {asked_as or next_page: token}
