"""The garbage collector during a sweep and after it."""

from __future__ import annotations

import gc
import weakref

import pytest

from cloudwarden.collecting import THRESHOLDS, SweepBySweep, unhurried


class Circle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self


def test_it_looks_seldom_meanwhile_and_as_before_after() -> None:
    """Even when the sweep raised."""
    before = gc.get_threshold()
    with unhurried():
        assert gc.get_threshold() == THRESHOLDS
    assert gc.get_threshold() == before
    with pytest.raises(ZeroDivisionError), unhurried():
        _ = 1 / 0
    assert gc.get_threshold() == before


def test_what_a_sweep_left_in_circles_is_gone_after_it() -> None:
    """Otherwise a daemon would grow from sweep to sweep."""
    with unhurried():
        left = weakref.ref(Circle())
        assert left() is not None
    assert left() is None


def test_a_sweep_in_pieces_is_cleaned_up_before_the_next() -> None:
    """Not at each piece, which would cost as much as the piece."""
    collecting = SweepBySweep()
    with unhurried():
        collecting.begin("r-1")
        left = weakref.ref(Circle())
        collecting.begin("r-1")
        assert left() is not None
        collecting.begin("r-2")
        assert left() is None


def test_what_is_there_before_the_first_sweep_is_passed_over() -> None:
    """Code, mostly; what comes later is not: a second sweep keeps nothing for ever."""
    gc.unfreeze()
    circle = Circle()
    with unhurried():
        kept = gc.get_freeze_count()
        assert kept > 0
        assert not any(one is circle for one in gc.get_objects())
    with unhurried():
        assert gc.get_freeze_count() <= kept
