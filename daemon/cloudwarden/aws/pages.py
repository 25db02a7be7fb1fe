"""Asking AWS: one call, or all the pages of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cloudwarden.aws.access.clients import SpeakingClient
from cloudwarden.aws.errors import translated
from cloudwarden.core.errors import CloudError, InvalidRequest, MalformedAnswer

Answer = Mapping[str, Any]


def ask(client: SpeakingClient, operation: str, arguments: Mapping[str, Any]) -> Answer:
    """One call, in its turn, and again while that may help; `operation` is in boto3's snake case. Raises CloudError."""
    method = getattr(client, operation, None)
    if method is None:
        raise InvalidRequest(f"{client.meta.service_model.service_name} has no operation {operation}")
    return client.repeated(operation, arguments, lambda: _sent(method, arguments))


def _sent(method: Callable[..., Answer], arguments: Mapping[str, Any]) -> Answer:
    # The original error is not chained: a traceback that is logged would print the secrets that ours leaves out.
    try:
        return method(**arguments)
    except Exception as error:  # noqa: BLE001 - a broken answer raises whatever the parser happened to meet
        failure: CloudError = translated(error)
    raise failure


def pages(
    client: SpeakingClient, operation: str, arguments: Mapping[str, Any], *, next_page: str = "NextToken"
) -> Iterator[Answer]:
    """Every page of an operation as it comes; `next_page` is what the service calls the token that leads on.

    An error raises CloudError after the pages before it were given. A token that comes again would page for
    ever: MalformedAnswer. No page is kept here while the next one is asked for.
    """
    seen: set[str] = set()
    following: Mapping[str, Any] = {}
    while True:
        page = ask(client, operation, {**arguments, **following})
        token = page.get(next_page)
        yield page
        del page
        if not token:
            return
        if token in seen:
            raise MalformedAnswer(f"{operation}: the same {next_page} came twice")
        seen.add(token)
        following = {next_page: token}
