"""Stencils: requests that botocore made once, sent again with nothing new but who signs, and when.

A sweep makes the same few listing calls of each region for a thousand accounts. botocore resolves the endpoint,
validates, serializes, builds a user agent and emits a dozen events for each, and that is most of what a call costs.

What is leant on, of botocore 1.44: the event `before-send`, which shows the finished request; a client's `_endpoint`
and its `http_session`, a `URLLib3Session` whose `_proxy_config`, `_get_connection_manager`, `_setup_ssl_cert`,
and `_verify` lead to the very connection pool that `send` uses; and the keys of what a parser is given. Where any of it
is not as expected, through a proxy, or where a stencil does not give what botocore itself has just sent, signature
included, the call goes the ordinary way for good.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol, cast
from urllib.parse import urlsplit
from uuid import uuid4

from botocore.client import BaseClient
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserFactory
from urllib3 import HTTPConnectionPool

from cloudwarden.aws.access.exchange import Answered, Exchange
from cloudwarden.aws.access.speaker import Speaker
from cloudwarden.aws.errors import translated

Answer = Mapping[str, Any]

MOST = 64
"""Stencils that one client keeps: more than any service has kinds that are listed."""

_SENT: ContextVar[list[tuple[object, Any]] | None] = ContextVar("cloudwarden_sent", default=None)
"""Where the ordinary call that is being made leaves the requests that it sent, as AWSPreparedRequest, each with the
Stencils of its client: credentials that are renewed to sign it make requests of another client."""

_OWN = frozenset({"X-Amz-Date", "X-Amz-Security-Token", "Authorization", "amz-sdk-invocation-id"})
"""Headers that each request has anew."""

_KNOWN = _OWN | {"Content-Type", "User-Agent", "Content-Length", "amz-sdk-request"}
"""All headers: with another one nobody knows whether it would be the same the next time."""


class Watching(Protocol):
    """Who is told of each request, as botocore's events tell of it on the ordinary way."""

    def begin(self) -> float:
        """A request is about to be made, at the returned instant."""
        ...

    def answered(self, operation: str, speaker: Speaker, began: float, response: Any, parsed: dict[str, Any]) -> None:
        """It was answered, be it with an error."""
        ...

    def failed(self, operation: str, speaker: Speaker, began: float, error: Exception) -> None:
        """There was no answer, or none that could be read."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Stencil:
    """A request of the query protocols (a POST of a form to `/`) without its signature.

    `opening` is what stands before the time in the canonical request, `scope` what stands after the day in the
    credential's scope. See "Create a signed AWS API request" of the AWS Identity and Access Management User Guide.
    """

    url: str
    headers: Mapping[str, str]
    body: str
    opening: str
    digest: str
    scope: str

    def signed(self, credentials: ReadOnlyCredentials, at: str, invocation: str) -> dict[str, str]:
        """All headers of one request; `at` is such as `20261125T040000Z`."""
        token = credentials.token
        named = "content-type;host;x-amz-date" + (";x-amz-security-token" if token else "")
        valued = f"{at}\nx-amz-security-token:{token}\n" if token else f"{at}\n"
        canonical = f"{self.opening}{valued}\n{named}\n{self.digest}"
        scope = f"{at[:8]}/{self.scope}"
        key = f"AWS4{credentials.secret_key}".encode()
        for word in scope.split("/"):
            key = hmac.digest(key, word.encode(), "sha256")
        text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{_digest(canonical)}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        claim = f"Credential={credentials.access_key}/{scope}, SignedHeaders={named}, Signature={signature}"
        headers = {
            **self.headers,
            "X-Amz-Date": at,
            "Authorization": f"AWS4-HMAC-SHA256 {claim}",
            "amz-sdk-invocation-id": invocation,
        }
        return {**headers, "X-Amz-Security-Token": token} if token else headers


def cut(request: Any) -> Stencil | None:
    """A stencil of a request that botocore sent; None unless it gives that very request again."""
    try:
        sent = {name: _text(value) for name, value in request.headers.items()}
        url = urlsplit(request.url)
        stencil = Stencil(
            url=request.url,
            headers={name: value for name, value in sent.items() if name not in _OWN},
            body=request.body,
            opening=f"POST\n/\n\ncontent-type:{sent['Content-Type']}\nhost:{url.netloc}\nx-amz-date:",
            digest=_digest(request.body),
            scope=sent["Authorization"].partition("Credential=")[2].partition(",")[0].split("/", 2)[2],
        )
        credentials = request.context["signing"]["request_credentials"].get_frozen_credentials()
        again = stencil.signed(credentials, sent["X-Amz-Date"], sent["amz-sdk-invocation-id"])
    except (LookupError, TypeError, ValueError, AttributeError):
        return None
    alike = request.method == "POST" and url[2:] == ("/", "", "") and sent.keys() <= _KNOWN
    return stencil if alike and again == sent else None


class Stencils:
    """The stencils of one client. Threads may share it."""

    def __init__(
        self, client: BaseClient, parsers: ResponseParserFactory, watch: Watching, now: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._parsers = parsers
        self._watch = watch
        self._now = now
        self._kept: dict[tuple[str, str], Direct | None] = {}
        client.meta.events.register(f"before-send.{client.meta.service_model.service_id.hyphenize()}", self._overheard)

    def sent(
        self, operation: str, arguments: Mapping[str, Any], speaker: Speaker, ordinary: Callable[[], Answer]
    ) -> Answer:
        """The answer to a call that is made again and again alike; `ordinary` is botocore's way. Raises CloudError."""
        key = (operation, repr(arguments))
        if (direct := self._kept.get(key)) is not None:
            return direct.sent(speaker)
        if key in self._kept or len(self._kept) >= MOST:
            return ordinary()
        sent: list[tuple[object, Any]] = []
        overhearing = _SENT.set(sent)
        try:
            answer = ordinary()
        finally:
            _SENT.reset(overhearing)
        mine = [request for whose, request in sent if whose is self]
        self._kept[key] = self._direct(operation, mine[0]) if len(mine) == 1 else None
        return answer

    def _direct(self, operation: str, request: Any) -> Direct | None:
        stencil = cut(request)
        if stencil is None or (pool := pool_of(self._client, stencil.url)) is None:
            return None
        name = self._client.meta.method_to_api_mapping[operation]
        model = self._client.meta.service_model
        shape: Any = model.operation_model(name).output_shape
        parser = self._parsers.create_parser(model.resolved_protocol)
        exchange = Exchange(pool, stencil.url, urlsplit(stencil.url).netloc)
        return Direct(name, stencil, exchange, lambda answer: parser.parse(answer, shape), self._watch, self._now)

    def _overheard(self, request: object, **_: object) -> None:
        sent = _SENT.get()
        if sent is not None:
            sent.append((self, request))


class Direct:
    """One call that is made by its stencil: `operation` is its name in AWS's words."""

    def __init__(
        self,
        operation: str,
        stencil: Stencil,
        exchange: Exchange,
        parse: Callable[[dict[str, Any]], dict[str, Any]],
        watch: Watching,
        now: Callable[[], datetime],
    ) -> None:
        self._operation = operation
        self._stencil = stencil
        self._exchange = exchange
        self._parse = parse
        self._watch = watch
        self._now = now

    def sent(self, speaker: Speaker) -> Answer:
        """What AWS answers. Raises CloudError."""
        began = self._watch.begin()
        try:
            response = self._exchanged(speaker)
            parsed = self._parse(
                {
                    "headers": response.headers,
                    "status_code": response.status,
                    "body": response.data,
                    "context": {"operation_name": self._operation},
                }
            )
        except Exception as error:  # noqa: BLE001 - a broken answer raises whatever the parser happened to meet
            failure = translated(error)
            self._watch.failed(self._operation, speaker, began, error)
        else:
            self._watch.answered(self._operation, speaker, began, response, parsed)
            if response.status < 300:
                return parsed
            failure = translated(ClientError(cast("Any", parsed), self._operation))
        # Not chained, as on the ordinary way: a traceback would print what our error leaves out.
        raise failure

    def _exchanged(self, speaker: Speaker) -> Answered:
        at, invocation = f"{self._now():%Y%m%dT%H%M%SZ}", str(uuid4())
        return self._exchange.post(self._stencil.signed(speaker.credentials(), at, invocation), self._stencil.body)


def pool_of(client: BaseClient, url: str) -> HTTPConnectionPool | None:
    """The connections, with their timeouts and certificates, that a client's own requests use; None through a proxy."""
    try:
        session: Any = client._endpoint.http_session  # type: ignore[attr-defined]  # see above
        if session._proxy_config.proxy_url_for(url) is not None:
            return None
        pool: HTTPConnectionPool = session._get_connection_manager(url).connection_from_url(url)
        session._setup_ssl_cert(pool, url, session._verify)
    except (AttributeError, TypeError):
        return None
    return pool


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
