"""The web server: uvicorn in a thread of its own, bound before it starts so that a taken port is an error at once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import uvicorn
from prometheus_client import CollectorRegistry

from cloudwarden.core.errors import SettingsError
from cloudwarden.web.board import Board
from cloudwarden.web.health import Health
from cloudwarden.web.routes import application

GRACEFUL_SECONDS = 2
"""How long requests in flight may take to end when the server stops: a scrape takes milliseconds."""

START_SECONDS = 10.0
"""How long the thread may take to answer its first request on a busy machine."""


class WebServer:
    """Serves `registry`, `health` and `board` on `host:port` between `start` and `stop`; port 0 takes any free one."""

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        health: Callable[[], Health],
        board: Callable[[], Board],
    ) -> None:
        self._host = host
        self._port = port
        self._application = application(registry, health, board)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> tuple[str, int]:
        """Begin to serve; returns the address. Raises SettingsError when it cannot be had."""
        listener = _listener(self._host, self._port)
        config = uvicorn.Config(
            self._application,
            access_log=False,
            lifespan="off",
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
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
