"""Every invariant sees the history that breaks it: a checker that cannot fail proves nothing."""

from __future__ import annotations

import re
from pathlib import Path

from chaos.good_history import history
from chaos.model import INVARIANTS, violations


def test_a_good_history_breaks_nothing() -> None:
    """All invariants hold for what went as it should."""
    assert violations(history()) == []


def test_every_invariant_has_a_test() -> None:
    """One that is added without a history that breaks it is noticed."""
    files = Path(__file__).parent.glob("test_chaos_model_*.py")
    tested = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}
    assert {f"test_{check.__name__}" for check in INVARIANTS} <= tested
