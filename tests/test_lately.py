"""What is kept while it is used."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudwarden.clock import FakeClock
from cloudwarden.lately import Lately
from world import NOON


@pytest.fixture
def clock() -> FakeClock:
    """A clock that a test moves."""
    return FakeClock(NOON)


def test_what_nobody_uses_goes_and_what_is_read_stays(clock: FakeClock) -> None:
    """However long ago it was made."""
    kept = Lately[str, int](clock.monotonic)
    kept.keep("left", 1)
    kept.keep("stays", 2)
    for week in range(4):
        clock.advance(timedelta(days=7))
        assert kept.get("stays") == 2
        kept.keep(f"new {week}", 3)
    assert kept.get("left") is None
    assert len(kept) == 3, "with the new ones of the last two weeks"


def test_what_was_left_a_week_is_still_there(clock: FakeClock) -> None:
    """A policy may sweep once a week."""
    kept = Lately[str, int](clock.monotonic)
    kept.keep("weekly", 1)
    clock.advance(timedelta(days=7))
    kept.keep("new", 2)
    assert list(kept.values()) == [1, 2]
    kept.drop("weekly")
    assert kept.get("weekly") is None
