"""The cutoff: a rule that does not end is ended."""

from __future__ import annotations

import time

import pytest

from cloudwarden.engine.cutoff import SignalCutoff
from cloudwarden.ports import RuleCutOff


def test_cutoff_ends_a_rule_that_sleeps() -> None:
    """SIGALRM reaches a rule that waits, not only one that computes."""
    cutoff = SignalCutoff(0.1)
    began = time.monotonic()
    with cutoff.watching():
        cutoff.begin()
        with pytest.raises(RuleCutOff):
            time.sleep(0.9)
    assert time.monotonic() - began < 0.8


def test_a_pause_that_nothing_can_interrupt_is_not_the_rules() -> None:
    """As of the garbage collector: many alarms become one."""
    cutoff = SignalCutoff(0.1)
    with cutoff.watching():
        cutoff.begin()
        began = time.monotonic()
        while time.monotonic() - began < 0.3:
            sum(range(40_000_000))
        cutoff.end()
