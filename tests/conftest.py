"""The order of the files: those that take longest first, so that no worker waits for the other in the end."""

from __future__ import annotations

from pathlib import Path

import pytest

LONG = (
    "chaos/test_chaos_process.py",
    "acceptance/",
    "chaos/",
    "workers/",
    "demo/",
    "store/",
    "bench/",
    "engine/",
)
"""Beginnings of the paths of files that take long; they are begun in this order, and all others after them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by file; within a file the order stays."""
    items.sort(key=lambda item: _rank(item.path.relative_to(Path(__file__).parent)))


def _rank(path: Path) -> int:
    return next((rank for rank, start in enumerate(LONG) if str(path).startswith(start)), len(LONG))
