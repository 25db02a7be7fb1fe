"""The cutoff: a rule that does not end is ended."""

from __future__ import annotations

import signal
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
            time.sleep(5)
    assert time.monotonic() - began < 4


def test_a_pause_that_nothing_can_interrupt_is_not_the_rules() -> None:
    """As of the garbage collector: many alarms become one look, and the rule goes on; its own time still counts."""
    cutoff = SignalCutoff(0.1)
    cutoff.begin()
    time.sleep(0.3)
    cutoff._look(signal.SIGALRM, None)
    cutoff._look(signal.SIGALRM, None)
    with pytest.raises(RuleCutOff):
        cutoff._look(signal.SIGALRM, None)
