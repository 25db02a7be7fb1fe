"""The one port, asked over real HTTP."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from typing import TypeAlias
from urllib.error import HTTPError

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from boards import board
from cloudwarden.core.errors import SettingsError
from cloudwarden.web.health import Health
from cloudwarden.web.server import MOST_CONNECTIONS, WebServer

GOOD = Health(live=True, ready=True)
Get: TypeAlias = "Callable[..., tuple[int, Message[str, str], bytes]]"


class Patient:
    """A daemon whose health a test sets."""

    def __init__(self) -> None:
        self.health = GOOD

    def __call__(self) -> Health:
        if self.health.details.get("raise"):
            raise RuntimeError("health could not be told")
        return self.health


@pytest.fixture
def registry() -> CollectorRegistry:
    """One counter."""
    registry = CollectorRegistry()
    Counter("cloudwarden_tests_total", "Tests that ran", registry=registry).inc()
    return registry


@pytest.fixture
def patient() -> Patient:
    """A daemon in good health."""
    return Patient()


@pytest.fixture
def address(registry: CollectorRegistry, patient: Patient) -> Iterator[tuple[str, int]]:
    """Where a server listens."""
    server = WebServer("127.0.0.1", 0, registry, patient, board)
    yield server.start()
    server.stop()


@pytest.fixture
def get(address: tuple[str, int]) -> Get:
    """Asks the server: `get("/healthz")` is status, headers, body."""

    def ask(path: str, method: str = "GET", **headers: str) -> tuple[int, Message[str, str], bytes]:
        host, port = address
        request = urllib.request.Request(f"http://{host}:{port}{path}", headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.headers, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    return ask


def test_metrics_are_served_as_text(get: Get) -> None:
    """Whoever does not say what they take gets the text format."""
    status, headers, body = get("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"cloudwarden_tests_total 1.0" in body


def test_metrics_are_served_as_openmetrics_when_asked(get: Get) -> None:
    """Prometheus asks for it, and its parser accepts what it gets."""
    _, headers, body = get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    families = text_string_to_metric_families(body.decode())  # type: ignore[no-untyped-call]
    assert [family.name for family in families] == ["cloudwarden_tests"]


def test_large_metrics_are_compressed_when_asked(get: Get, registry: CollectorRegistry) -> None:
    """A scrape of many series costs a tenth of its bytes."""
    many = Counter("cloudwarden_many_total", "Many", ["number"], registry=registry)
    for number in range(200):
        many.labels(number)
    _, headers, body = get("/metrics", **{"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert b'number="199"' in gzip.decompress(body)


def test_a_live_daemon_is_healthy(get: Get) -> None:
    """Live and ready are two questions."""
    assert get("/healthz")[0] == 200


def test_a_stuck_daemon_is_not(get: Get, patient: Patient) -> None:
    """Whoever watches may restart it."""
    patient.health = Health(live=False, ready=True)
    assert (get("/healthz")[0], get("/readyz")[0]) == (503, 200)


def test_a_daemon_that_is_not_ready_says_why(get: Get, patient: Patient) -> None:
    """Restarting would not help, and the details say what would."""
    patient.health = Health(live=True, ready=False, details={"sweep": "credentials expired"})
    status, _, body = get("/readyz")
    assert (status, json.loads(body)) == (503, {"ready": False, "details": {"sweep": "credentials expired"}})
    assert get("/healthz")[0] == 200


def test_a_head_request_is_answered(get: Get) -> None:
    """Load balancers ask without wanting the body."""
    assert [get(path, "HEAD")[0] for path in ("/metrics", "/healthz", "/readyz")] == [200, 200, 200]


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/nothing"])
def test_nothing_else_is_served(get: Get, path: str) -> None:
    """Above all no list of what there is."""
    assert get(path)[0] == 404


def test_the_console_and_its_style_are_served(get: Get) -> None:
    """As what they are, so that a browser takes them under `nosniff`."""
    assert [get(path)[1]["Content-Type"] for path in ("/", "/console.css")] == [
        "text/html; charset=utf-8",
        "text/css; charset=utf-8",
    ]


@pytest.mark.parametrize("path", ["/", "/metrics", "/readyz", "/nothing"])
def test_every_answer_has_the_security_headers(get: Get, path: str) -> None:
    """A browser runs and frames nothing of it, and nobody learns which server it is."""
    headers = get(path)[1]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; style-src 'self'; frame-ancestors 'none'"
    assert "Server" not in headers


def test_a_fault_tells_a_stranger_nothing(get: Get, patient: Patient) -> None:
    """The traceback is for the log; the headers are there all the same."""
    patient.health = Health(live=True, ready=True, details={"raise": "yes"})
    status, headers, body = get("/readyz")
    assert (status, headers["X-Content-Type-Options"], body) == (500, "nosniff", b"Internal Server Error")


def test_a_taken_port_is_an_error_at_once(address: tuple[str, int], registry: CollectorRegistry) -> None:
    """The second server on a port says which, and what to write."""
    host, port = address
    with pytest.raises(SettingsError, match=rf"port {port}: Address already in use.*write a free port"):
        WebServer(host, port, registry, lambda: GOOD, board).start()


def test_an_unknown_host_is_an_error_at_once(registry: CollectorRegistry) -> None:
    """So is an address that this machine does not have."""
    with pytest.raises(SettingsError, match=r"203\.0\.113\.1"):
        WebServer("203.0.113.1", 0, registry, lambda: GOOD, board).start()


def test_a_stopped_server_gives_its_port_back(registry: CollectorRegistry) -> None:
    """The next daemon can start on it."""
    first = WebServer("127.0.0.1", 0, registry, lambda: GOOD, board)
    host, port = first.start()
    first.stop()
    second = WebServer(host, port, registry, lambda: GOOD, board)
    assert second.start() == (host, port)
    second.stop()


def test_a_client_that_hangs_does_not_keep_the_server(registry: CollectorRegistry) -> None:
    """Stopping is bounded, whatever others do."""
    server = WebServer("127.0.0.1", 0, registry, lambda: GOOD, board)
    with socket.create_connection(server.start()) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\n")
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 5


def test_stopping_without_a_start_does_nothing(registry: CollectorRegistry) -> None:
    """A daemon that failed early cleans up all the same."""
    WebServer("127.0.0.1", 0, registry, lambda: GOOD, board).stop()


def test_clients_that_hang_do_not_take_the_daemons_files(address: tuple[str, int], get: Get) -> None:
    """Beyond so many connections whoever has waited longest is left; who asks and goes is answered all the same."""
    began = open_files()
    with contextlib.ExitStack() as hanging:
        clients = [hanging.enter_context(socket.create_connection(address)) for _ in range(3 * MOST_CONNECTIONS)]
        for client in clients:
            with contextlib.suppress(OSError):
                client.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert get("/healthz")[0] == 200
        assert open_files() - began - len(clients) <= MOST_CONNECTIONS


def test_a_client_that_takes_too_long_is_left(registry: CollectorRegistry) -> None:
    """For the rest of its request, or for the next one; who asks in time is answered as often as they like."""
    server = WebServer("127.0.0.1", 0, registry, lambda: GOOD, board, longest_seconds=1.0)
    with socket.create_connection(server.start(), timeout=5) as client:
        for _ in range(3):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = client.recv(4096)
            while not answer.endswith(b"}") and (more := client.recv(4096)):
                answer += more
            assert answer.startswith(b"HTTP/1.1 200")
            assert answer.endswith(b"}")
            time.sleep(0.4)
        client.sendall(b"GET /healthz HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(4096) == b""
    server.stop()


@pytest.mark.parametrize("asked", ["evil.example", "evil.example:9464", "127.0.0.1.evil.example", "[::1", ""])
def test_a_name_that_is_not_this_daemons_reads_nothing(get: Get, asked: str) -> None:
    """As when a web page's own name leads to this machine, so that a browser takes the console for a part of it."""
    status, headers, body = get("/", Host=asked)
    assert (status, headers["X-Frame-Options"]) == (421, "DENY")
    assert b"host_names" in body


def open_files() -> int:
    """How many this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))
