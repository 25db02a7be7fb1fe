"""The console: one page that shows what the daemon knows, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib.resources import files

from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from cloudwarden.core.errors import StoreError
from cloudwarden.core.verdict import Severity
from cloudwarden.web.board import ROWS, Board

_CSS = files("cloudwarden.web").joinpath("pages/console.css").read_text(encoding="utf-8")


class Console:
    """Draws the board anew for each request. Whatever a resource's owner wrote is text there, never markup."""

    def __init__(self, board: Callable[[], Board]) -> None:
        self._board = board
        pages = Environment(
            loader=PackageLoader("cloudwarden.web", "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        pages.filters["instant"] = _instant
        pages.filters["sentence"] = _sentence
        self._page = pages.get_template("board.html")

    def page(self) -> Response:
        """The page; 503 with the cause while the store cannot be read."""
        try:
            board = self._board()
        except StoreError as error:
            return PlainTextResponse(f"The store cannot be read: {error}\n", status_code=503)
        return HTMLResponse(self._page.render(board=board, most=ROWS, severities=tuple(reversed(Severity))))

    def style(self) -> Response:
        """How the page looks."""
        return Response(_CSS, media_type="text/css")


def _sentence(words: str) -> str:
    """Only the first letter is ours to change: names of AWS's operations and of files stand as they are."""
    return f"{words[:1].upper()}{words[1:]}"


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"
