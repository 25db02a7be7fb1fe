"""The code in the documents runs, and what it asserts is so."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cloudwarden.aws.kind import Kind
from declarations import faults

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FENCED = re.compile(r"^(?:<!-- as shipped: daemon/(\S+)\.py -->\n)?```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """A module for a document's code to run in, as dataclasses want one."""
    made = ModuleType("code_of_a_document")
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


@pytest.mark.parametrize("document", ["add-a-kind.md"])
def test_every_block_of_python_runs_after_those_above_it(document: str, module: ModuleType) -> None:
    """Somebody who copies them from top to bottom gets no error, and kinds that AWS answers."""
    text = (DOCS / document).read_text()
    blocks = list(FENCED.finditer(text))
    assert blocks
    kinds: dict[str, Kind[Any]] = {}
    for block in blocks:
        if block[1]:
            vars(module).update(_shipped(block[1], block[2]))
        else:
            # Empty lines before it, so that an error names the document's line.
            code = "\n" * text[: block.start(2)].count("\n") + block[2]
            exec(compile(code, document, "exec", dont_inherit=True), vars(module))  # noqa: S102  # our own document
        declared = vars(module).get("KIND")
        if isinstance(declared, Kind):
            kinds[declared.resource.kind] = declared
    assert {name: list(faults(kind)) for name, kind in kinds.items()} == {"ec2.key-pair": [], "lambda.function": []}


def _shipped(file: str, shown: str) -> dict[str, Any]:
    """The names of a file of ours that a document shows whole, and as it is."""
    assert shown == (ROOT / "daemon" / f"{file}.py").read_text(), f"the document does not show {file}.py as it is"
    names = vars(import_module(file.replace("/", ".")))
    return {name: value for name, value in names.items() if not name.startswith("__")}
