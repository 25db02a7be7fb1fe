"""Fingerprints stand for the version that runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from cloudwarden.core.fingerprint import function_text


def loaded(file: Path) -> Any:
    """The function `judge` of a file, as it is now."""
    spec = importlib.util.spec_from_file_location("judging", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.judge


def test_a_running_function_keeps_its_text_when_its_file_changes(tmp_path: Path) -> None:
    """Trust is bound to what runs; an edit counts when it is loaded."""
    file = tmp_path / "judging.py"
    file.write_text("def judge():\n    return 1\n")
    running = loaded(file)
    before = function_text(running)
    file.write_text("def judge():\n    return 'something else'\n")
    assert function_text(running) == before
    assert function_text(loaded(file)) != before
