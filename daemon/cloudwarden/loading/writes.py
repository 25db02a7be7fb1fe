"""Where a rule writes to its inputs, or to what outlives one evaluation of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from cloudwarden.loading.source import names_bound

_MUTATING_ITEMS = ("add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove")
_MUTATING_ORDER = ("reverse", "sort")
_MUTATING_SETS = ("difference_update", "intersection_update", "symmetric_difference_update", "setdefault", "update")
_MUTATING_SLOTS = ("__delattr__", "__delitem__", "__setattr__", "__setitem__")
_MUTATING = frozenset((*_MUTATING_ITEMS, *_MUTATING_ORDER, *_MUTATING_SETS, *_MUTATING_SLOTS))
_BY_FUNCTION = frozenset({"setattr", "delattr", "object.__setattr__", "object.__delattr__"})

_ADVICE_ITEM = "write to a copy, such as {{**{0}}} of a mapping or [*{0}] of a list"
_ADVICE_ATTRIBUTE = "write what you compute to a variable of the rule's own, or into the Violation"
_ADVICE_MODULE = "write nothing that lasts: a rule's verdict depends on its arguments only"

Found = tuple[int, str, str]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def writes(function: Function, tree: ast.Module) -> Iterator[Found]:
    """Line, what is wrong and what to write, for every write of a rule to an argument or to the module's values."""
    roots = _roots(function, tree)
    for node in ast.walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal):
            word = "global" if isinstance(node, ast.Global) else "nonlocal"
            yield node.lineno, f"rule {function.name!r} rebinds `{word} {', '.join(node.names)}`", _ADVICE_MODULE
        for target in _written(node):
            if (origin := roots.get(_root(target) or "")) is not None:
                what = f"rule {function.name!r} writes to {origin}: {_as_written(node, ast.unparse(target))}"
                yield target.lineno, what, _advice(origin, node)


def _advice(origin: str, node: ast.AST) -> str:
    if origin.startswith("the module"):
        return _ADVICE_MODULE
    match node:
        case ast.Subscript(value=container):
            return _ADVICE_ITEM.format(ast.unparse(container))
        case ast.Call(func=ast.Attribute(value=container, attr=method)) if not method.startswith("__"):
            return _ADVICE_ITEM.format(ast.unparse(container))
        case _:
            return _ADVICE_ATTRIBUTE


def _written(node: ast.AST) -> Iterator[ast.expr]:
    """The places that a node changes: attributes and items assigned or deleted, and objects of changing calls."""
    match node:
        case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
            yield node
        case ast.Call(func=ast.Attribute(value=value, attr=attribute)) if attribute in _MUTATING:
            yield node.args[0] if ast.unparse(node.func) in _BY_FUNCTION and node.args else value
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in _BY_FUNCTION:
            yield first


def _as_written(node: ast.AST, target: str) -> str:
    if isinstance(node, ast.Call):
        return f"{ast.unparse(node.func)}(...)"
    deleted = isinstance(getattr(node, "ctx", None), ast.Del)
    return f"del {target}" if deleted else f"{target} = ..."


def _root(expression: ast.expr) -> str | None:
    """The name at which a chain of attributes and items begins; None when it goes through a call: that is a copy."""
    while isinstance(expression, ast.Attribute | ast.Subscript | ast.Starred):
        expression = expression.value
    return expression.id if isinstance(expression, ast.Name) else None


def _roots(function: Function, tree: ast.Module) -> Mapping[str, str]:
    """The names through which a rule reaches what is not its own, to the words for what that is.

    A name that the rule binds itself is its own, unless its only binding is part of an input: `tags = instance.tags`.
    """
    arguments = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    bindings = _bindings(function)
    roots = {name: f"the module's {name!r}" for name in _module_values(tree) if name not in bindings}
    roots |= {name: f"its input {name!r}" for name in arguments if name not in bindings}
    inner = _inner_arguments(function)
    roots = {name: origin for name, origin in roots.items() if name not in inner}
    grew = True
    while grew:
        aliases = {
            name: roots[root]
            for name, values in bindings.items()
            if len(values) == 1 and name not in roots and values[0] is not None and (root := _root(values[0])) in roots
        }
        roots |= aliases
        grew = bool(aliases)
    return roots


def _bindings(function: Function) -> Mapping[str, list[ast.expr | None]]:
    """The names that the rule binds, each to what it is bound to: None for what is no plain part of a value."""
    found: dict[str, list[ast.expr | None]] = {}
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                found.setdefault(name, []).append(value)
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                found.setdefault(name, []).append(value)
            case (
                ast.For(target=ast.Name(id=name), iter=value) | ast.comprehension(target=ast.Name(id=name), iter=value)
            ):
                found.setdefault(name, []).append(value)
            case ast.Assign() | ast.For() | ast.comprehension() | ast.AugAssign() | ast.withitem():
                for name in _names_stored(node):
                    found.setdefault(name, []).append(None)
    return found


def _names_stored(node: ast.AST) -> set[str]:
    targets = [getattr(node, field, None) for field in ("target", "optional_vars")] + list(getattr(node, "targets", []))
    return {
        name.id
        for target in targets
        if isinstance(target, ast.expr)
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }


def _module_values(tree: ast.Module) -> set[str]:
    values = [statement for statement in tree.body if isinstance(statement, ast.Assign | ast.AnnAssign)]
    return set().union(*map(names_bound, values))


def _inner_arguments(function: Function) -> set[str]:
    """Arguments of functions inside the rule: names that may mean something else there."""
    inner = (node for node in ast.walk(function) if node is not function)
    return {
        argument.arg
        for node in inner
        if isinstance(node, ast.Lambda | Function)
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    }
