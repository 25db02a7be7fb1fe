"""Where a rule asks the clock, chance, or the outside world, instead of its arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

Function = ast.FunctionDef | ast.AsyncFunctionDef
Found = tuple[int, str, str]

_NOW = "declare a `now: Now` parameter and ask it: now.reached(moment) or now.since(moment)"
_CHANCE = "decide by what the resource is, such as a hash of resource.id"
_SETTING = "write it as a param, which the settings file can override"
_GATHERED = "declare evidence in the rule's signature: the daemon gathers it"
_SAY = "return a Violation that says it"

_KNOWN: tuple[tuple[str, str, str], ...] = (
    ("datetime.datetime.now", "reads the clock", _NOW),
    ("datetime.datetime.utcnow", "reads the clock", _NOW),
    ("datetime.datetime.today", "reads the clock", _NOW),
    ("datetime.date.today", "reads the clock", _NOW),
    ("time", "reads the clock", _NOW),
    ("random", "depends on chance", _CHANCE),
    ("secrets", "depends on chance", _CHANCE),
    ("uuid.uuid1", "depends on chance", _CHANCE),
    ("uuid.uuid4", "depends on chance", _CHANCE),
    ("os.urandom", "depends on chance", _CHANCE),
    ("os.environ", "reads the environment", _SETTING),
    ("os.getenv", "reads the environment", _SETTING),
    ("os.system", "runs a program", _GATHERED),
    ("os.popen", "runs a program", _GATHERED),
    ("subprocess", "runs a program", _GATHERED),
    ("boto3", "calls AWS", _GATHERED),
    ("botocore", "calls AWS", _GATHERED),
    ("requests", "calls a service", _GATHERED),
    ("httpx", "calls a service", _GATHERED),
    ("aiohttp", "calls a service", _GATHERED),
    ("urllib.request", "calls a service", _GATHERED),
    ("urllib3", "calls a service", _GATHERED),
    ("http.client", "calls a service", _GATHERED),
    ("socket", "calls a service", _GATHERED),
    ("open", "reads or writes a file", _SETTING),
    ("input", "asks a terminal", _SETTING),
    ("print", "writes to the terminal", _SAY),
)


def outside_reads(function: Function, tree: ast.Module) -> Iterator[Found]:
    """Line, what is wrong and what to write, for every use of the clock, chance or the outside in a function."""
    imported = _imported(tree)
    own = _own_names(function)
    inside = {id(child) for node in ast.walk(function) for child in _chained(node)}
    for statement in function.body:
        for node in ast.walk(statement):
            if not isinstance(node, ast.Attribute | ast.Name) or id(node) in inside:
                continue
            name = _dotted(node, imported, own)
            for known, does, write in _KNOWN:
                if name == known or name.startswith(f"{known}."):
                    yield node.lineno, f"{function.name!r} {does}: {ast.unparse(node)}", write
                    break


def _chained(node: ast.AST) -> Iterator[ast.AST]:
    """The inner part of `a.b`: the whole chain is looked at once, from its end."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute | ast.Name):
        yield node.value


def _dotted(node: ast.expr, imported: Mapping[str, str], own: set[str]) -> str:
    """The full name of what a chain such as `dt.datetime.now` means; empty when it begins with the rule's own name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id in own:
        return ""
    origin = imported.get(node.id)
    if origin is None:
        # Not imported: a builtin, or a value of the file whose name only looks like a module's.
        return node.id if not parts and node.id in ("open", "input", "print") else ""
    return ".".join((origin, *reversed(parts)))


def _imported(tree: ast.Module) -> Mapping[str, str]:
    """Names that imports bind anywhere in the file, to the full names of what they mean."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                found[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return found


def _own_names(function: Function) -> set[str]:
    """The function's arguments and the names it binds by assignment: not what an import of the same name means."""
    arguments = {argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg)}
    return arguments | {
        node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
