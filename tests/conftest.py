"""The order of the files, those that take longest first, so that no worker waits for the other in the end.

And botocore's models, which every session would parse anew: half a second and more in hundreds of tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader

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


_PARSED: dict[tuple[type[JSONFileLoader], str], Any] = {}


@pytest.fixture(scope="module", autouse=True)
def models_parsed_once() -> Iterator[None]:
    """Each sort of loader parses a file once in this process, whose sessions share it as the clients of one do."""
    parse = JSONFileLoader.load_file

    def load_file(self: JSONFileLoader, path: str) -> Any:
        key = type(self), path
        if key not in _PARSED:
            _PARSED[key] = parse(self, path)
        return _PARSED[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", load_file)
        yield
