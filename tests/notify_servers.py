"""Real servers on this machine: a webhook, and one that takes mail."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

TOKEN = "hunter2sesame"
"""What must be in no log line, no error and no answer of ours."""


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Hook:
    """A webhook: what it was posted, and how it answers."""

    port: int = 0
    status: int = 200
    drips: bool = False
    posted: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its address, as apprise writes it, with a token in it."""
        return f"json://user:{TOKEN}@127.0.0.1:{self.port}/{TOKEN}"


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A webhook that listens."""
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        """Keeps what is posted."""

        def do_POST(self) -> None:
            """Answer as the hook says."""
            made.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            made.paths.append(self.path)
            if made.drips:
                made.let_go.wait(20)
            self.send_response(made.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.let_go.set()
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class PostOffice:
    """A server that takes mail."""

    port: int = 0
    refuses: bool = False
    taken: list[Envelope] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address, as apprise writes it, with a password in it."""
        options = "from=cloudwarden@example.com&to=ops@example.com&mode=insecure&format=text"
        return f"mailto://127.0.0.1:{self.port}?{options}&+X-Token={TOKEN}"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a message, or not."""
        del server, session
        if self.refuses:
            return f"554 refused {TOKEN}"
        self.taken.append(envelope)
        return "250 taken"


@pytest.fixture
def post_office() -> Iterator[PostOffice]:
    """A server that takes mail, and listens."""
    made = PostOffice(port=free_port())
    controller = Controller(made, hostname="127.0.0.1", port=made.port)
    # Its own log repeats what it is sent; it is the other side, and not ours.
    logging.getLogger("mail").setLevel(logging.CRITICAL)
    controller.start()
    yield made
    controller.stop()
