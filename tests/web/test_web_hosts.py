"""By which names the daemon may be asked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from cloudwarden.web.hosts import KnownHosts

EVERYWHERE = "0.0.0.0"  # noqa: S104  # nothing is bound


def status(hosts: KnownHosts, *asked: str) -> int:
    """The status of a request with these Host headers."""
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        said.append(message)

    headers = [(b"host", one.encode()) for one in asked]
    asyncio.run(hosts({"type": "http", "method": "GET", "headers": headers}, receive, send))
    answered: int = said[0]["status"]
    return answered


@pytest.mark.parametrize(
    "asked", ["localhost:1", "LOCALHOST.", "127.0.0.1", "10.0.0.7:80", "[::1]:80", "warden.example", "warden.EXAMPLE:1"]
)
def test_its_own_names_and_addresses_are_answered(asked: str) -> None:
    """Those that the settings name, too, however they are written."""
    assert status(KnownHosts(PlainTextResponse("ok"), "127.0.0.1", ["Warden.Example"]), asked) == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
@pytest.mark.parametrize("asked", ["evil.example", "warden.example.evil.example", "127.0.0.1.evil.example", "[::1"])
def test_no_other_name_is(host: str, asked: str) -> None:
    """Nor where an honest one stands beside it; without any it is no browser that asks."""
    hosts = KnownHosts(PlainTextResponse("ok"), host, [])
    assert status(hosts, asked) == status(hosts, "localhost", asked) == 421
    assert status(hosts) == 200


@pytest.mark.parametrize(("names", "expected"), [((), 200), (("warden.example",), 421)])
def test_a_network_may_name_a_daemon_as_it_likes(names: tuple[str, ...], expected: int) -> None:
    """As containers do, unless the settings say which names it has."""
    assert status(KnownHosts(PlainTextResponse("ok"), EVERYWHERE, names), "cloudwarden:9464") == expected
