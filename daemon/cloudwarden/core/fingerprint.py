"""Fingerprints: has what this does changed since the operator trusted it?

What is read is what runs, not its text: the compiled code of a function, what it closes over, its defaults, and the
value of every global that it names, and so on from there. So a comment changes nothing, and a constant, a helper, a
decorator or a class does, wherever the value came from. Two processes that load one file read the same: sets are
sorted, and nothing of an object's place in memory counts. What is made by a loop over a set, whose order each process
chooses anew, is another value in each of them.
"""

from __future__ import annotations

import copyreg
import dis
import hashlib
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from types import CodeType, FunctionType, MappingProxyType, ModuleType
from weakref import WeakKeyDictionary

from pydantic import BaseModel

from cloudwarden.core.packages import is_given, is_imported, is_product, package_of, package_text

_KNOWN: WeakKeyDictionary[Callable[..., object], str] = WeakKeyDictionary()
"""Of the functions that are still alive; a reloaded file's functions are new ones."""

_PLAIN = frozenset((int, float, complex, bool, str, bytes, type(None), type(Ellipsis), type(NotImplemented)))

_PASSING = frozenset(("weakref", "_weakref", "_weakrefset", "_thread", "threading"))
"""Modules whose objects hold what comes and goes while a process runs."""

_NOT_DONE_BY_A_CLASS = frozenset(
    (
        *("__annotations__", "__dict__", "__doc__", "__firstlineno__", "__module__", "__orig_bases__"),
        *("__parameters__", "__signature__", "__static_attributes__", "__weakref__", "__dataclass_fields__"),
        *("__annotate__", "__annotate_func__", "__annotations_cache__", "__type_params__", "_abc_impl"),
        "__slotnames__",  # which copying one of its objects adds
    )
)
"""What a class carries beside what it does. A dataclass's fields are in the methods made of them."""

_MADE_BY_CODE = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: the class was made while the program ran."""

_FIELDS = "__pydantic_fields__"


def fingerprint(*things: object) -> str:
    """Twelve hex digits that change when any of these does, or what it does.

    A function, a class and an object's class are read with all that they name in their own file. Of other files, the
    product's and Python's code counts by its name, and another package by the text of all of it.
    """
    reading = _Reading()
    for thing in things:
        reading.read_root(thing)
    return reading.digest[:12]


def function_fingerprint(function: Callable[..., object]) -> str:
    """A function's fingerprint, as it was when it was first asked for: later its file may hold another version."""
    if (known := _KNOWN.get(function)) is None:
        known = _KNOWN[function] = fingerprint(function)
    return known


class _Reading:
    """One walk over what can be reached. `met` numbers what was met, so that a cycle ends and a swap shows."""

    def __init__(self, met: Mapping[int, int] | None = None) -> None:
        self._hash = hashlib.sha256()
        self._met = dict(met or {})
        self._kept: list[object] = []
        """Temporary objects too: an id stands for one object only as long as that lives."""

    @property
    def digest(self) -> str:
        """Hex digits of what was read so far."""
        return self._hash.hexdigest()

    def read_root(self, thing: object) -> None:
        """Read a thing with what it names in its own file, whosever that is."""
        if isinstance(thing, tuple | list):
            self._say("several", str(len(thing)))
            for part in thing:
                self.read_root(part)
            return
        self.read(thing, _module_of(thing if isinstance(thing, type | FunctionType) else type(thing)))

    def read(self, value: object, home: str) -> None:
        """Read a value that the module `home` names."""
        kind = type(value)
        if kind in _PLAIN:
            self._say(kind.__name__, repr(value))
        elif isinstance(value, ModuleType):
            self._say_name(value.__name__, "")
        elif isinstance(value, FunctionType | type) and not _followed(value, home):
            self._say_name(_module_of(value), value.__qualname__)
            self._read_carried(value)
        elif id(value) in self._met:
            self._say("again", str(self._met[id(value)]))
        else:
            self._met[id(value)] = len(self._met)
            self._kept.append(value)
            self._say("a", kind.__name__)
            self._read_new(value, home)

    def _read_new(self, value: object, home: str) -> None:
        match value:
            case FunctionType():
                self._read_function(value)
            case type():
                self._read_class(value)
            case CodeType():
                self._read_all(_parts_of(value), home)
            case set() | frozenset():
                self._read_unordered(value, home)
            case dict() | MappingProxyType():
                self._read_all([part for item in value.items() for part in item], home)
                self._read_subclass(value, home, dict)
            case tuple() | list():
                self._read_all(value, home)
                self._read_subclass(value, home, tuple, list)
            case _:
                self._read_object(value, home)

    def _read_function(self, function: FunctionType) -> None:
        home = _module_of(function)
        self._say("function", function.__qualname__)
        self.read(function.__code__, home)
        for name in sorted(_names(function.__code__) & function.__globals__.keys()):
            if not _is_dunder(name):
                self._say("name", name)
                self.read(function.__globals__[name], home)
        for name in sorted(_imports(function.__code__)):
            self._say_name(name or home, "")
        self._read_carried(function)

    def _read_carried(self, thing: object) -> None:
        """What a function carries beside its code: a decorator's carries the function that it decorates."""
        if not isinstance(thing, FunctionType):
            return
        cells = [_content(cell) for cell in thing.__closure__ or ()]
        self._read_all((thing.__defaults__, thing.__kwdefaults__, cells, vars(thing)), _module_of(thing))

    def _read_class(self, kind: type) -> None:
        self._say("class", kind.__qualname__)
        self.read(type(kind), _module_of(kind))
        for base in kind.__bases__:
            self.read_root(base)
        for name, value in sorted(vars(kind).items()):
            if name == _FIELDS or not (name in _NOT_DONE_BY_A_CLASS or name.startswith("__pydantic")):
                self._say("name", name)
                self.read(value, _module_of(kind))

    def _read_unordered(self, values: Collection[object], home: str) -> None:
        for digest in sorted(self._alone(value, home) for value in values):
            self._say("one", digest)
        self._read_subclass(values, home, set, frozenset)

    def _alone(self, value: object, home: str) -> str:
        if type(value) in _PLAIN:
            return f"{type(value).__name__} {value!r}"
        reading = _Reading(self._met)
        reading.read(value, home)
        return reading.digest

    def _read_subclass(self, value: object, home: str, *kinds: type) -> None:
        if type(value) not in kinds and not isinstance(value, MappingProxyType):
            self._read_object(value, home)

    def _read_object(self, value: object, home: str) -> None:
        self.read(type(value), home)
        if _module_of(type(value)) not in _PASSING:
            self._read_all(_state(value), home)

    def _read_all(self, values: Collection[object], home: str) -> None:
        self._say("of", str(len(values)))
        for value in values:
            self.read(value, home)

    def _say_name(self, module: str, name: str) -> None:
        """Code of another file, by its name; and by its package's text, unless it came with the product."""
        self._say(module, name)
        if not (is_given(module) or is_product(module)):
            self._say("text", package_text(package_of(module)))

    def _say(self, what: str, text: str) -> None:
        self._hash.update(f"{len(what)}:{what}{len(text)}:{text}".encode(errors="backslashreplace"))


def _module_of(thing: type | FunctionType) -> str:
    """The module whose globals a function names, which a decorator's may say otherwise of itself; or a class's."""
    said = thing.__globals__.get("__name__") if isinstance(thing, FunctionType) else thing.__module__
    return said if isinstance(said, str) else ""


def _followed(thing: type | FunctionType, home: str) -> bool:
    """Whether a function or class is read, and not named: it is of the same file, or of none that can be found."""
    module = _module_of(thing)
    if isinstance(thing, type) and not _is_found(thing, module):
        return True
    if is_given(module):
        return False
    return module == home or not (is_product(module) or is_imported(module))


def _is_found(kind: type, module: str) -> bool:
    """Whether a class is what its module has under its name: one that was made by a call may only say so.

    Of the interpreter's own some have no name anywhere.
    """
    if not kind.__flags__ & _MADE_BY_CODE:
        return True
    found: object = sys.modules.get(module)
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is kind


@lru_cache(maxsize=4096)
def _names(code: CodeType) -> frozenset[str]:
    """What code may name: its names, and its texts, by which `globals()` and `getattr` name too."""
    named = frozenset((*code.co_names, *(constant for constant in code.co_consts if isinstance(constant, str))))
    return named.union(*map(_names, _inner(code)))


@lru_cache(maxsize=4096)
def _imports(code: CodeType) -> frozenset[str]:
    """Modules that code imports while it runs; an empty name is a relative import."""
    own = frozenset(str(step.argval) for step in dis.get_instructions(code) if step.opname == "IMPORT_NAME")
    return own.union(*map(_imports, _inner(code)))


def _inner(code: CodeType) -> Iterator[CodeType]:
    return (constant for constant in code.co_consts if isinstance(constant, CodeType))


def _parts_of(code: CodeType) -> Collection[object]:
    """All of compiled code that makes a difference when it runs: where it stands in its file does not."""
    arguments = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    variables = (code.co_varnames, code.co_freevars, code.co_cellvars)
    return (code.co_qualname, code.co_code, code.co_exceptiontable, code.co_names, code.co_consts, arguments, variables)


def _content(cell: object) -> object:
    try:
        return cell.cell_contents  # type: ignore[attr-defined]  # a cell's, whose type has no name
    except ValueError:
        return "nothing yet"


def _state(value: object) -> Collection[object]:
    """What an object consists of, as pickling would have it; nothing for what has no such form."""
    match value:
        case BaseModel():
            return (_kept(value, vars(value)), value.__pydantic_private__)
        case property():
            return (value.fget, value.fset, value.fdel)
        case staticmethod() | classmethod():
            return (value.__func__,)
    try:
        reduced = copyreg.dispatch_table.get(type(value), _reduce)(value)
    except Exception:  # noqa: BLE001  # what cannot be pickled says so as it likes
        reduced = ""
    if isinstance(reduced, str):
        return (reduced, _kept(value, getattr(value, "__dict__", {})))
    make, arguments, *rest = reduced
    state = rest[0] if rest else None
    contents = [list(items) for items in rest[1:3] if isinstance(items, Iterable)]
    return (make, arguments, _kept(value, state), contents)


def _reduce(value: object) -> str | tuple[object, ...]:
    return value.__reduce_ex__(4)


def _kept(value: object, state: object) -> object:
    """An object's state without what it only remembers of it: a cached property may be asked for, or not yet."""
    if isinstance(state, tuple):
        return [_kept(value, part) for part in state]
    if not isinstance(state, Mapping):
        return state
    cached = {
        name for kind in type(value).__mro__ for name, one in vars(kind).items() if isinstance(one, cached_property)
    }
    return {name: part for name, part in state.items() if name not in cached and not _is_dunder(str(name))}


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and name != "__wrapped__"
