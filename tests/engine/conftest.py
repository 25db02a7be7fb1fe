"""Fixtures: a world, and the store in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import blank_stores
from cloudwarden.core.finding import ActionRecord
from cloudwarden.store import SqlStore
from undoing import stopped_by_itself
from world import World, stop_idle


@pytest.fixture
def store() -> Iterator[SqlStore]:
    """A store in memory."""
    opened = blank_stores.in_memory()
    yield opened
    opened.close()


@pytest.fixture
def world(store: SqlStore) -> World:
    """A world that runs `stop_idle`."""
    made = World(store=store)
    made.use(stop_idle())
    return made


@pytest.fixture
def stopped(world: World) -> ActionRecord:
    """The action that stopped i-idle, by itself."""
    return stopped_by_itself(world)
