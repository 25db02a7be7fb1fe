"""Threads that take turns stay together while they do."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cloudwarden.cores import together


def cores() -> set[int]:
    """Those on which this thread may run."""
    return os.sched_getaffinity(0)


def test_threads_that_begin_meanwhile_share_a_core() -> None:
    """It is one of those that there were, and all are there again afterwards."""
    before = cores()
    with together():
        kept = cores()
        with ThreadPoolExecutor(2) as pool:
            theirs = {frozenset(one) for one in pool.map(lambda _: cores(), range(4))}
    assert len(kept) == 1
    assert kept <= before
    assert theirs == {frozenset(kept)}
    assert cores() == before


def test_a_thread_that_was_there_before_goes_on_as_it_likes() -> None:
    """The page is served meanwhile, and on any core."""
    asked, told = threading.Event(), []
    before = cores()

    def served() -> None:
        asked.wait(5)
        told.append(cores())

    other = threading.Thread(target=served)
    other.start()
    with together():
        asked.set()
        other.join()
    assert told == [before]


def test_all_cores_are_there_again_after_an_error() -> None:
    """A sweep that ends early is followed by others."""
    before = cores()
    with pytest.raises(ZeroDivisionError), together():
        _ = 1 / 0
    assert cores() == before


def test_where_the_kernel_says_nothing_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is slower there."""
    monkeypatch.setattr("cloudwarden.cores._PROCESSOR", 1_000)
    before = cores()
    with together():
        assert cores() == before
