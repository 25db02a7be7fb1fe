"""Database addresses: which file a URL names, if any."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from cloudwarden.core.errors import StoreUnusable

WRITE = "write sqlite:////absolute/path.db, sqlite:///relative/path.db, or sqlite:// for one in memory"


def parsed(url: str) -> URL:
    """The URL's parts. Raises StoreUnusable when it is not SQLite's; never repeats it: it may hold a password."""
    try:
        parts = make_url(url)
    except ArgumentError as error:
        raise StoreUnusable(f"database: this is not a database URL; {WRITE}") from error
    if parts.get_backend_name() != "sqlite":
        raise StoreUnusable(f"database: {parts.get_backend_name()} is not supported; {WRITE}")
    return parts


def file_of(url: str) -> Path | None:
    """The absolute path of the database's file; None for one in memory. Raises StoreUnusable."""
    name = parsed(url).database
    if name in (None, "", ":memory:"):
        return None
    return Path(unquote(name.removeprefix("file:")) if name.startswith("file:") else name).absolute()
