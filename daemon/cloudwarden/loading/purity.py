"""Are the rules pure, as far as their text shows? No writing to inputs, no clock, no chance, no outside world."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from cloudwarden.loading.outside import outside_reads
from cloudwarden.loading.problem import Problem
from cloudwarden.loading.writes import writes

Function = ast.FunctionDef | ast.AsyncFunctionDef

_CATCHES_ALL = "BaseException"


def impurities(path: Path, tree: ast.Module) -> list[Problem]:
    """What the file's rules, and the functions of the file that they call, do that a pure function does not."""
    functions = {node.name: node for node in tree.body if isinstance(node, Function)}
    rules = [function for function in functions.values() if _is_rule(function, _rule_names(tree))]
    found: dict[tuple[int, str], str] = {}
    for function in rules:
        found.update({(line, what): write for line, what, write in _in_rule(function, tree)})
    for function in _reached(rules, functions):
        found.update({(line, what): write for line, what, write in outside_reads(function, tree)})
    return [Problem(file=path, line=line, what=what, write=write) for (line, what), write in sorted(found.items())]


def _in_rule(function: Function, tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    yield from writes(function, tree)
    if isinstance(function, ast.AsyncFunctionDef):
        yield function.lineno, f"rule {function.name!r} is async", f"write def {function.name}(...)"
    for node in ast.walk(function):
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node.type):
            caught = f"except {ast.unparse(node.type)}" if node.type else "except:"
            yield (
                node.lineno,
                f"rule {function.name!r} catches everything with `{caught}`, even the signal that evidence is missing",
                "write `except` with the errors that you expect",
            )


def _catches_everything(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(isinstance(one, ast.Name) and one.id == _CATCHES_ALL for one in kinds)


def _rule_names(tree: ast.Module) -> set[str]:
    """What the file calls the decorator."""
    return {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cloudwarden")
        for alias in node.names
        if alias.name == "rule"
    }


def _is_rule(function: Function, names: set[str]) -> bool:
    return any(
        (isinstance(decorator, ast.Name) and decorator.id in names)
        or (isinstance(decorator, ast.Attribute) and decorator.attr == "rule")
        for decorator in function.decorator_list
    )


def _reached(rules: list[Function], functions: dict[str, Function]) -> list[Function]:
    """The rules, and the functions of the same file that they name, directly or not."""
    reached: dict[str, Function] = {}
    waiting = list(rules)
    while waiting:
        function = waiting.pop()
        if function.name in reached:
            continue
        reached[function.name] = function
        names = {node.id for statement in function.body for node in ast.walk(statement) if isinstance(node, ast.Name)}
        waiting.extend(functions[name] for name in names & functions.keys())
    return list(reached.values())
