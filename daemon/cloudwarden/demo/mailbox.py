"""The demo's post: a webhook of its own that keeps what owners are told as files, where a chat or mail would be."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def mailbox(folder: Path) -> Iterator[str]:
    """Receive messages while the block runs, each in a file of `folder`; the channel's URL, as apprise writes it."""
    folder.mkdir()
    numbers = itertools.count(1)

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            file = folder / f"{next(numbers):03}.txt"
            file.write_text(f"{body['title']}\n\n{body['message']}\n", encoding="utf-8")
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, name="mailbox", daemon=True)
        thread.start()
        try:
            yield f"json://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
