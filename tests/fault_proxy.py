"""A proxy between the daemon and a simulated AWS, which counts requests by operation and makes some go wrong."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit


class Fault(Enum):
    """What happens to a request."""

    NEVER_ARRIVES = auto()
    """The connection breaks before AWS heard of it."""
    ANSWER_IS_LOST = auto()
    """AWS carries it out, and the connection breaks before the answer."""
    HELD = auto()
    """AWS carries it out; the answer comes when `release` is called."""


class FaultProxy:
    """Forwards to `target`. A dry run is another operation than the call itself: `StopInstances (dry run)`."""

    def __init__(self, target: str) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: dict[str, Fault] = {}
        self.arrived = threading.Event()
        """Set when a request with a fault came."""
        self._released = threading.Event()
        handler = type("Handler", (_Handler,), {"proxy": self, "target": urlsplit(target).netloc})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ClassVar[FaultProxy]
    target: ClassVar[str]

    def do_POST(self) -> None:
        """Forward one call of AWS, or let it go wrong."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        name = self._operation(body)
        self.proxy.counts[name] += 1
        fault = self.proxy.faults.get(name)
        if fault is not None:
            self.proxy.arrived.set()
        if fault is Fault.NEVER_ARRIVES:
            self.close_connection = True
            return
        status, headers, answer = self._forwarded(body)
        if fault is Fault.ANSWER_IS_LOST:
            self.close_connection = True
            return
        if fault is Fault.HELD:
            self.proxy.wait()
        self._answer(status, headers, answer)

    def _answer(self, status: int, headers: list[tuple[str, str]], answer: bytes) -> None:
        try:
            self.send_response_only(status)
            for key, value in headers:
                if key.lower() not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # whoever asked was killed meanwhile

    def _operation(self, body: bytes) -> str:
        if target := self.headers.get("X-Amz-Target"):
            return target.rpartition(".")[2]
        asked = parse_qs(body.decode(errors="replace"))
        name = asked.get("Action", ["?"])[0]
        return f"{name} (dry run)" if asked.get("DryRun") == ["true"] else name

    def _forwarded(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.target, timeout=30)
        try:
            connection.request("POST", self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
        """Say nothing of each request."""


@contextmanager
def fault_proxy(target: str) -> Iterator[FaultProxy]:
    """A proxy that serves while the block runs."""
    proxy = FaultProxy(target)
    try:
        yield proxy
    finally:
        proxy.stop()
