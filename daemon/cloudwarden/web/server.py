"""The web server: uvicorn in a thread of its own, bound before it starts so that a taken port is an error at once."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Collection
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cloudwarden.core.errors import SettingsError
from cloudwarden.web.board import Board
from cloudwarden.web.health import Health
from cloudwarden.web.routes import application

GRACEFUL_SECONDS = 2
"""How long requests in flight may take to end when the server stops: a scrape takes milliseconds."""

START_SECONDS = 10.0
"""How long the thread may take to answer its first request on a busy machine."""

MOST_CONNECTIONS = 50
"""Each is an open file of the daemon's: without a bound, whoever reaches the port takes those that it works with."""

LONGEST_SECONDS = 60.0
"""How long a client may take for a request and for reading its answer: a scrape takes a second, at worst ten."""


class WebServer:
    """Serves `registry`, `health` and `board` on `host:port` between `start` and `stop`; port 0 takes any free one.

    It may be asked by `names` too.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        health: Callable[[], Health],
        board: Callable[[], Board],
        *,
        names: Collection[str] = (),
        longest_seconds: float = LONGEST_SECONDS,
    ) -> None:
        self._longest_seconds = longest_seconds
        self._host = host
        self._port = port
        self._application = application(registry, health, board, host=host, names=names)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> tuple[str, int]:
        """Begin to serve; returns the address. Raises SettingsError when it cannot be had."""
        listener = _listener(self._host, self._port)
        config = _Config(
            self._application,
            access_log=False,
            # As many as the loop takes at once, before it can close any.
            backlog=MOST_CONNECTIONS,
            http=_Connection,
            lifespan="off",
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
            ws="none",
        )
        config.longest_seconds = self._longest_seconds
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="web", daemon=True
        )
        address: tuple[str, int] = listener.getsockname()[:2]
        self._thread.start()
        if not self._server.serving.wait(START_SECONDS):
            self.stop()
            raise SettingsError(f"the web server on {self._host}:{self._port} did not start: see the log")
        return address

    def stop(self) -> None:
        """Serve no more; returns within a few seconds, whatever clients do. Without a start it does nothing."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(GRACEFUL_SECONDS + 1)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(1)
        self._server = self._thread = None


class _Config(uvicorn.Config):
    """uvicorn's settings, and how long a client may take."""

    longest_seconds = LONGEST_SECONDS


class _Connection(HttpToolsProtocol):
    """A connection that ends when its client takes too long, and before others when there are too many.

    uvicorn waits without end for the rest of a request, and for a client that does not read.
    """

    since: float
    deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take its place, where there is none that of whoever has waited longest: a scrape is over in an instant."""
        others = [one for one in self.connections if isinstance(one, _Connection) and not one.transport.is_closing()]
        if len(others) >= MOST_CONNECTIONS:
            min(others, key=lambda one: one.since).transport.abort()
        super().connection_made(transport)
        self._begin()

    def on_response_complete(self) -> None:
        """The next request has all of the time again."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self.deadline is not None:
            self.deadline.cancel()
        super().connection_lost(exc)

    def _begin(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
        self.since = self.loop.time()
        longest = self.config.longest_seconds if isinstance(self.config, _Config) else LONGEST_SECONDS
        self.deadline = self.loop.call_later(longest, self.transport.abort)


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serving.set()


def _listener(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((address[0], port), family=family)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on host {host!r}, port {port}: {error.strerror or error}; "
            "write a free port (0 takes any) and an address of this machine in the settings"
        ) from error
