"""Fixtures: a world, and the store in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloudwarden.store import SqlStore, open_store
from world import World, stop_idle


@pytest.fixture
def store() -> Iterator[SqlStore]:
    """A store in memory."""
    opened = open_store("sqlite://")
    yield opened
    opened.close()


@pytest.fixture
def world(store: SqlStore) -> World:
    """A world that runs `stop_idle`."""
    made = World(store=store)
    made.use(stop_idle())
    return made
