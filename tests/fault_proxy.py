"""A proxy between the daemon and a simulated AWS: it counts and records requests, and makes some go wrong.

What goes wrong goes wrong as on AWS: refusals have each service's own shape, pages are short and may be empty,
connections are reset, bodies break off or drip.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from aws_pages import PagedAnswers, token_of
from aws_refusals import REFUSALS, Answer, refusal
from exchanges import Exchange, Fault, Nobody, Request, Witness


class FaultProxy:
    """Forwards to `target`, one request at a time, with the faults that `weather` or `faults` (by operation) want."""

    def __init__(self, target: str) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: dict[str, Fault] = {}
        self.weather: Callable[[Request], Fault | None] = lambda request: self.faults.get(request.operation)
        self.witness: Witness = Nobody()
        self.record: Path | None = None
        """A file to which every exchange is written, one line of JSON each."""
        self.page_size: int | None = None
        """Items on a page of a listing; None: everything."""
        self.late_seconds = 0.5
        self.loris_seconds = 5.0
        self.world = threading.RLock()
        """Whoever has it is alone with AWS."""
        self.arrived = threading.Event()
        """Set when a request with a fault came."""
        self.pages = PagedAnswers()
        self._released = threading.Event()
        handler = type("Handler", (_Handler,), {"proxy": self, "target": urlsplit(target).netloc})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def release(self) -> None:
        """Let held answers go."""
        self._released.set()

    def wait(self) -> None:
        """Until held answers may go."""
        self._released.wait(60)

    def stop(self) -> None:
        """Serve no more."""
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def begun(self, service: str, operation: str, resources: tuple[str, ...], token: str | None) -> Request:
        """Write down a request as it comes, with the fault it meets."""
        with self.world:
            self.counts[operation] += 1
            request = Request(
                number=self.counts.total(),
                at=datetime.now(UTC),
                service=service,
                operation=operation,
                resources=resources,
                token=token,
            )
            fault = self.weather(request)
        if fault is not None:
            self.arrived.set()
        return replace(request, fault=fault)

    def ended(self, exchange: Exchange) -> None:
        """Write down how it ends."""
        with self.world:
            self.witness.ended(exchange)
            if self.record is not None:
                with self.record.open("a") as record:
                    record.write(exchange.line() + "\n")


_IDS = re.compile(r"\b(?:i|vol|snap|sg)-[0-9a-f]{8,17}\b")
_REFUSED_TOKEN = Answer(
    status=400,
    headers=(),
    body=b"<Response><Errors><Error><Code>InvalidNextToken</Code></Error></Errors></Response>",
)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A daemon that was killed resets its connections, which is no fault of the server's."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as it came


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ClassVar[FaultProxy]
    target: ClassVar[str]

    def do_POST(self) -> None:
        """Forward one call of AWS, or let it go wrong."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = body.decode(errors="replace")
        words = parse_qs(text)
        named = tuple(dict.fromkeys(_IDS.findall(text)))
        request = self.proxy.begun(self._service(words), self._operation(words), named, token_of(body, words))
        if request.fault is Fault.NEVER_ARRIVES or request.fault in REFUSALS:
            with self.proxy.world:
                self.proxy.witness.arrived(request)
            answer, last = refusal(request.fault, request.service) if request.fault in REFUSALS else None, True
        else:
            answer, last = self._carried_out(request, body, paged="MaxResults" in words or text.startswith("{"))
        if request.fault is Fault.HELD:
            self.proxy.wait()
        elif request.fault is Fault.LATE:
            time.sleep(self.proxy.late_seconds)
        status = answer.status if answer is not None else 0
        # Written down before the answer goes out: whoever hears it may ask the next thing at once.
        self.proxy.ended(
            Exchange(
                request=request,
                carried_out=request.fault not in REFUSALS and 0 < status < 300,
                status=status,
                whole=answer is not None and (request.fault is None or request.fault.harmless),
                last=last,
                shown=frozenset(_IDS.findall(answer.body.decode(errors="replace"))) if answer else frozenset(),
            )
        )
        if answer is None:
            self._reset()
        else:
            self._send(request, answer)

    def _carried_out(self, request: Request, body: bytes, *, paged: bool) -> tuple[Answer, bool]:
        """What AWS answers, while nothing else happens there; and whether no page follows."""
        with self.proxy.world:
            self.proxy.witness.arrived(request)
            if request.token is not None:
                page = self.proxy.pages.following(request.token, size=self.proxy.page_size or 1000)
                return (_REFUSED_TOKEN, True) if page is None else (_ok(page[0], request.service), page[1])
            answer = self._forwarded(body)
            self.proxy.witness.carried_out(request)
            empty = request.fault is Fault.EMPTY_PAGE
            if answer.status != 200 or not paged or (self.proxy.page_size is None and not empty):
                return answer, True
            cut, last = self.proxy.pages.first(answer.body, size=self.proxy.page_size or 1000, empty=empty)
            return Answer(status=200, headers=answer.headers, body=cut), last

    def _send(self, request: Request, answer: Answer) -> None:
        """Send the answer as the fault has it."""
        half = answer.body[: len(answer.body) // 2]
        match request.fault:
            case Fault.ANSWER_IS_LOST:
                self._reset()
            case Fault.FAILS_AFTERWARDS:
                self._answer(refusal("fails", request.service))
            case Fault.CUT:
                self._answer(replace(answer, body=half))
            case Fault.EMPTY:
                self._answer(replace(answer, body=b""))
            case Fault.TRUNCATED | Fault.STALLED | Fault.SLOW_LORIS:
                self._broken_off(request.fault, answer, half)
            case _:
                self._answer(answer)

    def _broken_off(self, fault: Fault, answer: Answer, half: bytes) -> None:
        """Promise the whole body, and do not keep it."""
        patience = self.proxy.loris_seconds
        if not self._answer(answer, only=b"" if fault is Fault.SLOW_LORIS else half):
            return
        if fault is Fault.SLOW_LORIS:
            for byte in answer.body[: int(patience)]:
                if not self._written(bytes([byte])):
                    return
                time.sleep(1)
        elif fault is Fault.STALLED:
            time.sleep(patience)
        self.close_connection = True  # in order: only the length that was promised tells that something is missing

    def _answer(self, answer: Answer, only: bytes | None = None) -> bool:
        try:
            self.send_response_only(answer.status)
            for key, value in answer.headers:
                if key.lower() not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # whoever asked was killed meanwhile
            return False
        return self._written(answer.body if only is None else only)

    def _written(self, body: bytes) -> bool:
        try:
            self.wfile.write(body)
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
            return False
        return True

    def _reset(self) -> None:
        """End the connection as a broken network does: with RST, not in order."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def _service(self, words: dict[str, list[str]]) -> str:
        """The family of services: json, ec2 or query."""
        if self.headers.get("X-Amz-Target"):
            return "json"
        return "ec2" if words.get("Version") == ["2016-11-15"] else "query"

    def _operation(self, words: dict[str, list[str]]) -> str:
        if target := self.headers.get("X-Amz-Target"):
            return target.rpartition(".")[2]
        name = words.get("Action", ["?"])[0]
        return f"{name} (dry run)" if words.get("DryRun") == ["true"] else name

    def _forwarded(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self.target, timeout=30)
        try:
            connection.request("POST", self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return Answer(status=answer.status, headers=tuple(answer.getheaders()), body=answer.read())
        finally:
            connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
        """Say nothing of each request."""


def _ok(body: bytes, service: str) -> Answer:
    content = "application/x-amz-json-1.0" if service == "json" else "text/xml;charset=UTF-8"
    return Answer(status=200, headers=(("Content-Type", content),), body=body)


@contextmanager
def fault_proxy(target: str) -> Iterator[FaultProxy]:
    """A proxy that serves while the block runs."""
    proxy = FaultProxy(target)
    try:
        yield proxy
    finally:
        proxy.stop()
