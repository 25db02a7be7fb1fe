"""What is served: the paths, their answers, and the headers on each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloudwarden.web.board import Board
from cloudwarden.web.console import Console
from cloudwarden.web.health import Health
from cloudwarden.web.hosts import KnownHosts

SECURITY_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer, errors included: a browser runs nothing of it, frames it nowhere, keeps no copy."""

_READS = ["GET", "HEAD"]


def application(
    registry: CollectorRegistry,
    health: Callable[[], Health],
    board: Callable[[], Board],
    *,
    host: str,
    names: Collection[str] = (),
) -> ASGIApp:
    """The web application, by its `host` and its other `names`: the console, `/metrics`, `/healthz` and `/readyz`."""
    console = Console(board)
    app = FastAPI(title="Cloudwarden", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=1024)

    def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type})

    def healthz() -> Response:
        live = health().live
        return JSONResponse({"live": live}, status_code=200 if live else 503)

    def readyz() -> Response:
        now = health()
        body = {"ready": now.ready, "details": dict(now.details)}
        return JSONResponse(body, status_code=200 if now.ready else 503)

    served: tuple[tuple[str, Callable[..., Response]], ...] = (
        ("/", console.page),
        ("/console.css", console.style),
        ("/metrics", metrics),
        ("/healthz", healthz),
        ("/readyz", readyz),
    )
    for path, endpoint in served:
        app.add_api_route(path, endpoint, methods=_READS, include_in_schema=False, response_model=None)
    # Around the application and not among its middleware: what answers for an endpoint that raised lies outside those.
    return SecurityHeaders(KnownHosts(app, host, names))


class SecurityHeaders:
    """Puts the security headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)
