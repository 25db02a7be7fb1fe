"""Fingerprints: has what this rule does changed since the operator trusted it?"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from weakref import WeakKeyDictionary

_KNOWN: WeakKeyDictionary[Callable[..., object], str] = WeakKeyDictionary()
"""Texts of the functions that are still alive; a reloaded file's functions are new ones."""


def fingerprint(*parts: str) -> str:
    """Twelve hex digits that change when any of the parts does."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def function_text(function: Callable[..., object]) -> str:
    """The source of a function and of what it uses from its own module, so that an edit to either shows.

    Read once for each function: later the file may hold another version, which is not the one that runs.
    """
    if (known := _KNOWN.get(function)) is not None:
        return known
    _KNOWN[function] = text = "\n".join(_texts(function, seen=set()))
    return text


def _texts(function: Callable[..., object], seen: set[str]) -> Iterator[str]:
    if not isinstance(function, FunctionType) or function.__qualname__ in seen:
        return
    seen.add(function.__qualname__)
    yield _source(function)
    for name in sorted(_names(function.__code__)):
        value = function.__globals__.get(name)
        if isinstance(value, FunctionType) and value.__module__ == function.__module__:
            yield from _texts(value, seen)
        elif isinstance(value, int | float | str | bytes | tuple | frozenset):
            yield f"{name}={value!r}"


def _names(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*(_names(constant) for constant in inner))


def _source(function: FunctionType) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return f"{function.__qualname__}:{function.__code__.co_code.hex()}:{function.__code__.co_consts!r}"
