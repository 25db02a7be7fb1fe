"""By which names the daemon may be asked: no web page whose name leads here (DNS rebinding) reads the console."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

NO_SUCH_NAME = "This is no name of this daemon: ask by its address, or add the name to host_names in its settings.\n"

MISDIRECTED = 421
"""The status of a request for another host; "HTTP Semantics", RFC 9110, section 15.5.20."""


class KnownHosts:
    """Answers requests for `host` and `names`, for localhost, and for any address: a page's name is none of them.

    Without names, a server that listens beyond this machine is asked by whatever name the network has for it.
    """

    def __init__(self, app: ASGIApp, host: str, names: Collection[str]) -> None:
        self._app = app
        self._names = frozenset(map(_plain, ("localhost", host, *names)))
        self._any = not names and not _is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not all(map(self._is_known, Headers(scope=scope).getlist("host"))):
            await PlainTextResponse(NO_SUCH_NAME, status_code=MISDIRECTED)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_known(self, asked: str) -> bool:
        try:
            name = _plain(urlsplit(f"//{asked}").hostname or "")
        except ValueError:
            return False
        return self._any or name in self._names or _is_address(name)


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return ip_address(host).is_loopback if _is_address(host) else _plain(host) == "localhost"
