"""Clients that all accounts share: one per service and region, each request signed as the one who makes it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient
from botocore.credentials import Credentials, ReadOnlyCredentials

from cloudwarden.aws.access.speaker import SPEAKER, Speaker
from cloudwarden.aws.access.stencil import Stencils
from cloudwarden.aws.quotas import charges
from cloudwarden.aws.retries import Retries
from cloudwarden.core.errors import AccessDenied
from cloudwarden.core.resource import Scope

T = TypeVar("T")

_SPEAKING: ContextVar[Speaker | None] = ContextVar("cloudwarden_speaking", default=None)


class Nobody(Credentials):
    """The credentials that a shared client has of its own: a request in nobody's name is refused, not signed."""

    def __init__(self) -> None:
        super().__init__("", "", method="nobody")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Raise AccessDenied."""
        raise AccessDenied("a request in nobody's name: make it on the client that Sessions.client gives")


class SpeakingClient:
    """A shared client in the name of one scope: its operations, by boto3's names, are signed as that scope's account.

    Only operations, made through `pages.ask`: a paginator or waiter would make its requests later, in nobody's name,
    and be refused. One that asks `once` never repeats a request.
    """

    def __init__(
        self, shared: BaseClient, stencils: Stencils, speaker: Speaker, retries: Retries, *, once: bool
    ) -> None:
        self.shared = shared
        self.stencils = stencils
        self.speaker = speaker
        self._retries = retries
        self._once = once

    def repeated(self, operation: str, arguments: Mapping[str, Any], send: Callable[[], T]) -> T:
        """What `send` returns, which makes the call once; again while that may help. Raises CloudError."""
        service = self.shared.meta.service_model.service_name
        taken = charges(service, operation, arguments)
        return self._retries.ask(
            self.scope,
            service,
            taken,
            send,
            once=self._once,
            region=self.shared.meta.region_name,
            ready=self.speaker.credentials,
        )

    @property
    def meta(self) -> Any:
        """The shared client's: its service model, region, endpoint and events."""
        return self.shared.meta

    @property
    def scope(self) -> Scope:
        """The scope that is spoken for."""
        return self.speaker.scope

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self.shared, name)
        if not callable(operation):
            return operation

        @wraps(operation)
        def spoken(*args: Any, **arguments: Any) -> Any:
            token = _SPEAKING.set(self.speaker)
            try:
                return operation(*args, **arguments)
            finally:
                _SPEAKING.reset(token)

        return spoken


class ClientPool:
    """The latest `most` clients by service and region; `build` makes one that is missing.

    A client that had to leave is not closed: a thread may be in the middle of a call on it.
    """

    def __init__(self, build: Callable[[str, str], tuple[BaseClient, Stencils]], retries: Retries, most: int) -> None:
        self._build = build
        self._retries = retries
        self._most = most
        self._clients: OrderedDict[tuple[str, str], tuple[BaseClient, Stencils]] = OrderedDict()
        # Building a client is not thread-safe in botocore; using one is.
        self._building = threading.RLock()

    def __len__(self) -> int:
        return len(self._clients)

    def client(self, service: str, region: str, *, once: bool, speaker: Speaker) -> SpeakingClient:
        """The shared client, in the speaker's name. Raises CloudError."""
        key = (service, region)
        with self._building:
            if key not in self._clients:
                client, stencils = self._build(service, region)
                self._clients[key] = bound(client), stencils
                while len(self._clients) > self._most:
                    self._clients.popitem(last=False)
            self._clients.move_to_end(key)
            return SpeakingClient(*self._clients[key], speaker, self._retries, once=once)


def bound(client: BaseClient) -> BaseClient:
    """The client, made to sign each request as whoever makes it.

    botocore reads `request_credentials` of a request's signing context right after the event `before-sign`. That
    is no documented interface, which is why a test asks with many accounts and threads at once. Each repetition of
    a request is signed anew, so credentials that were renewed in the meantime are used.
    """
    name = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register_first(f"provide-client-params.{name}", _stamp)
    client.meta.events.register_first(f"before-sign.{name}", _sign)
    client.meta.events.register(f"after-call.{name}", _heed)
    return client


def _stamp(context: dict[str, Any], **_: object) -> None:
    context[SPEAKER] = _SPEAKING.get()


def _sign(request: AWSRequest, **_: object) -> None:
    speaker: Speaker | None = request.context.get(SPEAKER)
    if speaker is None:
        return
    frozen = speaker.credentials()
    credentials = Credentials(frozen.access_key or "", frozen.secret_key or "", frozen.token)
    request.context["signing"] = {**request.context.get("signing", {}), "request_credentials": credentials}


def _heed(parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    speaker: Speaker | None = context.get(SPEAKER)
    if speaker is not None:
        speaker.heed(parsed)
