"""One request and its answer, over a connection that urllib3 opens and keeps.

What a sweep asks is short, and so are most answers: what urllib3 and `http.client` do for each is a third of all that a
call costs. The connection, its TLS and its certificates are theirs; the answer is read by llhttp, the parser of
Node.js, through httptools.

What is leant on, of urllib3 2: a pool's `_get_conn` and `_put_conn`, and its `timeout`; a connection's `timeout`,
`is_closed`, `connect` and `sock`.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from botocore import exceptions as boto
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from urllib3 import HTTPConnectionPool
from urllib3 import exceptions as wire

from cloudwarden.aws.access.deadline import SILENCES

PIECE = 65_536
"""Bytes that are received at once, at most."""

_LENGTHS = frozenset({"content-length", "transfer-encoding"})
"""Headers that say where an answer ends; without them it ends where the connection does."""

_FAILURES: tuple[tuple[type[Exception], type[boto.BotoCoreError]], ...] = (
    (wire.NewConnectionError, boto.EndpointConnectionError),
    (wire.ConnectTimeoutError, boto.ConnectTimeoutError),
    (wire.SSLError, boto.SSLError),
    (ssl.SSLError, boto.SSLError),
    (TimeoutError, boto.ReadTimeoutError),
    (OSError, boto.ConnectionClosedError),
    (HttpParserError, boto.ConnectionClosedError),
    (HttpParserUpgrade, boto.ConnectionClosedError),
    (wire.HTTPError, boto.HTTPClientError),
)
"""What botocore's own sending makes of what goes wrong, the first that fits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """An HTTP answer; header names are in lower case, and a header that came twice has both values."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Reading:
    """What llhttp tells of an answer. `parser` knows its status, and is let go after it: the two hold each other."""

    def __init__(self) -> None:
        self.parser: Any = HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.headed = False
        self.whole = False
        self.again = False
        self.excess = False

    def on_message_begin(self) -> None:
        """An answer begins: the one, or after "100 Continue" and the like the one that counts."""
        self.excess = self.whole
        self.headers, self.pieces, self.headed = {}, [], False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        """All headers are known."""
        self.headed = self.parser.get_status_code() >= HTTPStatus.OK

    def on_body(self, piece: bytes) -> None:
        """A part of the body."""
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        """It is whole, and llhttp knows only now whether the connection stays."""
        self.whole, self.again = self.headed, self.parser.should_keep_alive()

    def closed(self) -> None:
        """Nothing more will come. Raises ConnectionError unless that is how the answer says where it ends."""
        if not self.headed or self.headers.keys() & _LENGTHS:
            raise ConnectionError("the connection was closed before the answer was whole")
        self.whole, self.again = True, False

    def answered(self) -> Answered:
        """The whole answer. Raises ConnectionError when it is not all that came."""
        if self.excess:
            raise ConnectionError("more came than was asked for")
        return Answered(status=self.parser.get_status_code(), headers=self.headers, data=b"".join(self.pieces))


class Exchange:
    """Posts to `/` of one pool's host; `host` is what the header of that name says. Threads may share it."""

    def __init__(self, pool: HTTPConnectionPool, url: str, host: str) -> None:
        self._pool = pool
        self._url = url
        self._host = host

    def post(self, headers: Mapping[str, str], body: str) -> Answered:
        """The answer. Raises the BotoCoreError that botocore would raise, and ValueError for a header of two lines."""
        request = _written(self._host, headers, body)
        try:
            return self._sent(request)
        except (OSError, wire.HTTPError, HttpParserError, HttpParserUpgrade) as error:
            failure = next(mapped for ours, mapped in _FAILURES if isinstance(error, ours))
            raise failure(endpoint_url=self._url, error=error) from None

    def _sent(self, request: bytes) -> Answered:
        connection: Any = self._pool._get_conn()
        again = False
        try:
            timeout: Any = self._pool.timeout
            if connection.is_closed:
                connection.timeout = timeout.connect_timeout
                connection.connect()
            connection.sock.settimeout(timeout.read_timeout)
            connection.sock.sendall(request)
            answer, again = _read(connection.sock, timeout.read_timeout)
            return answer
        finally:
            if not again:
                connection.close()
            self._pool._put_conn(connection)


def _written(host: str, headers: Mapping[str, str], body: str) -> bytes:
    lines = [
        "POST / HTTP/1.1",
        f"Host: {host}",
        "Accept-Encoding: identity",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    head = "\r\n".join(lines)
    if not head.count("\r") == head.count("\n") == len(lines) - 1:
        raise ValueError("a header holds a line break")
    return f"{head}\r\n\r\n".encode("latin-1") + body.encode()


def _read(sock: Any, silence: float | None) -> tuple[Answered, bool]:
    """The answer, and whether the connection may be used again. Raises what a socket raises, and HttpParserError."""
    until = float("inf") if silence is None else time.monotonic() + SILENCES * silence
    reading = Reading()
    try:
        while not reading.whole:
            if time.monotonic() > until:
                raise TimeoutError("the answer came too slowly")
            if received := sock.recv(PIECE):
                reading.parser.feed_data(received)
            else:
                reading.closed()
        return reading.answered(), reading.again
    finally:
        reading.parser = None
