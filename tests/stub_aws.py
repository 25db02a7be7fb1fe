"""A small AWS on 127.0.0.1 that answers what a test scripts, in the protocols and with the limits AWS documents."""

from __future__ import annotations

import io
import json
import socket
import struct
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cloudwarden.core.resource import Scope

ACCOUNT = "123456789012"


SCOPE = Scope(account=ACCOUNT, region="eu-central-1")


JSON = "application/x-amz-json-1.0"


REQUEST_ID = "11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer. `cut` sends half of the body and hangs up; `reset` breaks the connection before any answer.

    A `chunked` one does not say how long it is. A body with `drip_seconds` comes byte by byte, so far apart.
    """

    body: bytes = b""
    status: int = 200
    content_type: str = "text/xml"
    chunked: bool = False
    cut: bool = False
    reset: bool = False
    drip_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it arrived."""

    operation: str
    parameters: Mapping[str, Any]
    headers: Mapping[str, str]


Script = Reply | Callable[[Asked], Reply]


@dataclass
class StubAws:
    """Scripted replies per operation, in order; the last one is given again and again."""

    url: str = ""
    scripts: dict[str, list[Script]] = field(default_factory=lambda: defaultdict(list))
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)
    """For a reply that waits until the test has seen what it came for."""
    broken: list[BaseException] = field(default_factory=list)
    """What went wrong in here: whoever asked saw no more of it than a connection that closed."""

    def on(self, operation: str, *replies: Script) -> None:
        """Script an operation, from now on."""
        self.scripts[operation] = list(replies)

    def count(self, operation: str) -> int:
        """How many requests of an operation arrived."""
        return sum(request.operation == operation for request in self.asked)

    def reply(self, asked: Asked) -> Reply:
        """The next reply to an operation."""
        with self.lock:
            self.asked.append(asked)
            script = self.scripts[asked.operation]
            if not script:
                return error("InvalidAction", status=400)
            chosen = script.pop(0) if len(script) > 1 else script[0]
        return chosen if isinstance(chosen, Reply) else chosen(asked)


def xml(operation: str, inner: str) -> Reply:
    """An EC2 answer."""
    return Reply(body=f"<{operation}Response><requestId>{REQUEST_ID}</requestId>{inner}</{operation}Response>".encode())


def query_xml(operation: str, inner: str) -> Reply:
    """An STS answer."""
    return Reply(
        body=f"<{operation}Response><{operation}Result>{inner}</{operation}Result></{operation}Response>".encode()
    )


def error(code: str, message: str = "no", status: int = 400) -> Reply:
    """An EC2 error."""
    body = (
        f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        f"<RequestID>{REQUEST_ID}</RequestID></Response>"
    )
    return Reply(body=body.encode(), status=status)


def query_error(code: str, message: str = "no", status: int = 400) -> Reply:
    """An STS error."""
    body = (
        f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    )
    return Reply(body=body.encode(), status=status)


def rest_xml(inner: str) -> Reply:
    """An answer of S3: a document without an envelope."""
    return Reply(body=f'<?xml version="1.0" encoding="UTF-8"?>{inner}'.encode(), content_type="application/xml")


def rest_error(code: str, message: str = "no", status: int = 404) -> Reply:
    """An S3 error."""
    return replace(rest_xml(f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"), status=status)


def json_reply(value: Mapping[str, Any], status: int = 200) -> Reply:
    """A CloudWatch answer: JSON, with instants as Unix seconds."""
    return Reply(body=json.dumps(value, default=_seconds).encode(), status=status, content_type=JSON)


def json_error(code: str, message: str = "no", status: int = 400) -> Reply:
    """A CloudWatch error."""
    return json_reply({"__type": f"com.amazonaws.cloudwatch#{code}", "message": message}, status)


def _seconds(value: datetime) -> float:
    return value.timestamp()


def _parsed(handler: BaseHTTPRequestHandler, body: bytes) -> Asked:
    headers = {key.lower(): value for key, value in handler.headers.items()}
    if not target_or_form(headers):
        return _rest(handler, body, headers)
    if target := headers.get("x-amz-target"):
        return Asked(operation=target.rpartition(".")[2], parameters=json.loads(body), headers=headers)
    form = dict(parse_qsl(body.decode()))
    return Asked(operation=form.pop("Action", "?"), parameters=form, headers=headers)


def target_or_form(headers: Mapping[str, str]) -> bool:
    """Whether a request names its operation in a header or in a form; one of S3 does it by method and address."""
    return "x-amz-target" in headers or "x-www-form-urlencoded" in headers.get("content-type", "")


def _rest(handler: BaseHTTPRequestHandler, body: bytes, headers: Mapping[str, str]) -> Asked:
    """A request of S3: `GET` lists, `GET acl` reads a bucket's, `GET /v20180820/...` is S3 Control's."""
    address = urlsplit(handler.path)
    words = parse_qsl(address.query, keep_blank_values=True)
    name = next((key for key, value in words if not value), "")
    control = address.path if address.path.startswith("/v20180820/") else ""
    asked = {**dict(words), "path": address.path.strip("/"), "body": body.decode()}
    return Asked(operation=f"{handler.command} {control or name}".strip(), parameters=asked, headers=headers)


def _length(reply: Reply) -> tuple[str, str]:
    return ("Transfer-Encoding", "chunked") if reply.chunked else ("Content-Length", str(len(reply.body)))


def _framed(reply: Reply) -> bytes:
    half = len(reply.body) // 2
    if not reply.chunked:
        return reply.body[:half] if reply.cut else reply.body
    chunks = (reply.body[:half],) if reply.cut else (reply.body[:half], reply.body[half:], b"")
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def _pieces(reply: Reply) -> Iterator[bytes]:
    body = _framed(reply)
    if not reply.drip_seconds:
        yield body
        return
    for at in range(len(body)):
        yield body[at : at + 1]
        time.sleep(reply.drip_seconds)


def _handler(stub: StubAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # An answer is written in two parts, and the second would wait 40 ms for the first to be acknowledged.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = stub.reply(_parsed(self, body))
            if reply.reset:
                # Closing with data pending and no linger sends RST instead of FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header(*_length(reply))
            self.send_header("x-amzn-RequestId", REQUEST_ID)
            self.end_headers()
            try:
                self.wfile.writelines(_pieces(reply))
            except OSError:
                # Whoever asked did not wait for the answer.
                self.close_connection = True
                return
            self.close_connection = reply.cut

        do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815  # the names that the base class looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden method's name
            """Say nothing."""

        def finish(self) -> None:
            # A connection that was reset has nothing left to flush.
            if not self.wfile.closed:
                try:
                    super().finish()
                except OSError:
                    self.wfile = io.BytesIO()

    return Handler


class _Server(ThreadingHTTPServer):
    """Sixteen threads connect at once, and the base class has a queue of five."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, stub: StubAws) -> None:
        super().__init__(("127.0.0.1", 0), _handler(stub))
        self._stub = stub

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep what was raised, unless it was only that the other side hung up."""
        del request, client_address
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            self._stub.broken.append(error)


@contextmanager
def serving() -> Iterator[StubAws]:
    """A stub that listens, and knows who asks. Raises what went wrong in it, at the end."""
    stub = StubAws()
    server = _Server(stub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    stub.on("GetCallerIdentity", query_xml("GetCallerIdentity", f"<Account>{ACCOUNT}</Account><Arn>a</Arn>"))
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
        for error in stub.broken:
            raise error
