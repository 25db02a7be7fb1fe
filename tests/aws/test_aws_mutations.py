"""What writes to AWS is known by name: the calls of actions, and the journal's copy."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import cloudwarden.aws

READING = re.compile(r"(assume_role|describe|get|head|list|lookup|search)(_|$)")
SOURCES = sorted(Path(cloudwarden.aws.__file__).parent.rglob("*.py"))


def asked(tree: ast.Module) -> Iterator[ast.expr]:
    """The operation of each call through `ask` or `pages`, the only ways to a client."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("ask", "pages"):
            yield node.args[1]


def writers() -> set[tuple[str, str]]:
    """Each file that asks for an operation that does not read by its name, with that name; `*` when it varies."""
    found = set()
    for source in SOURCES:
        for operation in asked(ast.parse(source.read_text())):
            name = operation.value if isinstance(operation, ast.Constant) else "*"
            if not READING.match(str(name)):
                found.add((source.name, str(name)))
    return found


def test_only_actions_and_the_journals_copy_write() -> None:
    """A new way to change anything in AWS must be put down here, and argued for."""
    named = {(file, name) for file, name in writers() if name != "*"}
    assert named == {("vault.py", "put_object")}
    # These take their operation from a plan, from a declaration of what is read, or pass on what they were given.
    assert {file for file, name in writers() if name == "*"} == {
        "actuator.py",
        "details.py",
        "inventory.py",
        "pages.py",
        "sts.py",
    }


def test_what_writes_is_asked_once() -> None:
    """Nothing else asks for a client that never repeats: whoever needs one is about to change something."""
    once = {source.name for source in SOURCES if re.search(r"once=True", source.read_text())}
    assert once == {"actuator.py", "vault.py"}
