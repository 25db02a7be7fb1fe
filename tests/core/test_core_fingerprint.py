"""Fingerprints stand for the version that runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from threading import Lock
from typing import Any

from cloudwarden.core.fingerprint import fingerprint, function_fingerprint


def loaded(file: Path) -> Any:
    """The function `judge` of a file, as it is now."""
    spec = importlib.util.spec_from_file_location("judging", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.judge


def test_a_running_function_keeps_its_fingerprint_when_its_file_changes(tmp_path: Path) -> None:
    """Trust is bound to what runs; an edit counts when it is loaded."""
    file = tmp_path / "judging.py"
    file.write_text("def judge():\n    return 1\n")
    running = loaded(file)
    before = function_fingerprint(running)
    file.write_text("def judge():\n    return 'something else'\n")
    assert function_fingerprint(running) == before
    assert function_fingerprint(loaded(file)) != before


def shipped(helper: str = "return 1", rests_on: str = "return 2") -> Any:
    """A function of the product, with a helper in its own file, that rests on another file of the product."""
    other: dict[str, Any] = {"__name__": "cloudwarden.other"}
    exec(f"def other():\n    {rests_on}", other)  # noqa: S102  # two files of one test
    own = {"__name__": "cloudwarden.shipped", "other": other["other"]}
    exec(f"def helper():\n    {helper}\n\ndef judge():\n    return helper() + other()", own)  # noqa: S102  # as above
    return own["judge"]


def test_the_product_counts_by_the_file_of_what_is_named() -> None:
    """An upgrade that changes a shipped rule or action is a change; one of what all of them rest on is not."""
    before = fingerprint(shipped())
    assert fingerprint(shipped(helper="return 3")) != before
    assert fingerprint(shipped(rests_on="return 3")) == before


def test_what_has_no_form_counts_by_its_class(tmp_path: Path) -> None:
    """A lock, an open file, a generator: nothing of where they are in memory, and nothing fails."""
    with (tmp_path / "open").open("w") as one, (tmp_path / "too").open("w") as other:
        assert fingerprint(one) == fingerprint(other)
    assert fingerprint(Lock(), (step for step in "ab")) == fingerprint(Lock(), (step for step in "ab"))
    assert fingerprint(Lock()) != fingerprint(object())


def test_a_set_of_anything_is_read_in_one_order() -> None:
    """Whatever has no order of its own: functions, objects, sets in sets."""
    one, other = (lambda: 1), (lambda: 2)

    def holding(things: set[object]) -> str:
        return fingerprint(lambda: things)

    assert holding({one, other, frozenset("ab"), 3}) == holding({3, frozenset("ba"), other, one})
    assert len({holding({one}), holding({other}), holding({one, other}), holding(set())}) == 4
