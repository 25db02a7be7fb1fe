"""An answer must end: a read timeout bounds each silence, and what drips byte by byte is never silent.

botocore reads an answer whole, with no bound on how long that may take, and urllib3's total timeout bounds none either
("the read and total timeouts only measure the time between read operations on the socket"). One endpoint behind a sick
proxy would hold a thread for hours, and with it the sweep.
"""

from __future__ import annotations

import socket
import time
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from botocore.client import BaseClient

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SILENCES = 3
"""Read timeouts that an answer may take in all: at the default of 20 s, a page of 1,000 may take a minute."""


class Timed(RawIOBase):
    """What a socket receives until an instant of `time.monotonic`, and TimeoutError from then on."""

    def __init__(self, raw: RawIOBase, until: float) -> None:
        self._raw = raw
        self._until = until

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """The next bytes. Raises TimeoutError, which urllib3 takes for the socket's own."""
        if time.monotonic() > self._until:
            raise TimeoutError("the answer came too slowly")
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Leave the socket to its connection."""
        self._raw.close()
        super().close()


class TimedResponse(HTTPResponse):
    """An answer that has to be whole within SILENCES read timeouts of its socket."""

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        silence = sock.gettimeout()
        if silence is not None:
            self.fp = BufferedReader(Timed(self.fp.detach(), time.monotonic() + SILENCES * silence))


class TimedConnection(AWSHTTPConnection):
    """botocore's connection, whose answers end."""

    # botocore's types name a class of its own, which it puts here only while it waits for "100 Continue".
    response_class: Any = TimedResponse


class TimedTlsConnection(AWSHTTPSConnection):
    """The same over TLS."""

    response_class: Any = TimedResponse


class TimedPool(AWSHTTPConnectionPool):
    """Connections whose answers end."""

    ConnectionCls = TimedConnection


class TimedTlsPool(AWSHTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls = TimedTlsConnection


def bound_answers(client: BaseClient) -> None:
    """Have a new client's answers end, through proxies too: `URLLib3Session` shares one table of pools with each.

    It is botocore's own (1.44) and has no public door; a client without it raises AttributeError.
    """
    session: Any = client._endpoint.http_session  # type: ignore[attr-defined]  # see above
    session._pool_classes_by_scheme.update(http=TimedPool, https=TimedTlsPool)
