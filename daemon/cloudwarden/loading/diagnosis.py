"""What an exception at import means: the line, what is wrong, and what to write."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import pkgutil
import re
import sys
import traceback
from collections.abc import Collection, Iterator, Mapping
from types import ModuleType

from pydantic import BaseModel, ValidationError

import cloudwarden
from cloudwarden.core.errors import AuthorError
from cloudwarden.core.nearest import nearest
from cloudwarden.loading.problem import Problem
from cloudwarden.loading.source import Source

_ADVICE = re.compile(r"^(?P<what>.+?)[:;,] (?P<write>(?:write|add|use|import|annotate|give|pass) .+)$", re.DOTALL)
_USUAL_ADVICE = (
    ("must be plain parameters", "write the parameters as (resource, params, *evidence), each with its type only"),
    ("cron ", 'write five fields, minute hour day month weekday, such as cron("0 9 * * mon-fri")'),
    ("is for another kind", "write an action for the kind of resource that the rule judges"),
    ("is not what the rule takes", "write a value of the params class that the rule names"),
)
_UNEXPECTED = re.compile(r"(?:(\w+)\.__init__|(\w+))\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r"(\w+)\.__init__\(\) missing \d+ required [\w-]+ arguments?: (.+)")
_CANNOT_IMPORT = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")


def diagnose(error: BaseException, source: Source, module: ModuleType) -> Iterator[Problem]:
    """The problems that one failed statement shows."""
    line = line_in(error, source)
    if isinstance(error, ValidationError):
        yield from _wrong_params(error, source, line)
        return
    what, write = _words(error, module)
    yield Problem(file=source.path, line=line, what=what, write=write)


def line_in(error: BaseException, source: Source) -> int:
    """The deepest line of the file in the error's traceback."""
    lines = [
        line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == source.code_name
    ]
    return lines[-1] if lines else 1


def _words(error: BaseException, module: ModuleType) -> tuple[str, str]:  # noqa: C901  # one line per kind
    match error:
        case AuthorError():
            return _author_error(str(error))
        case ModuleNotFoundError():
            return _module_not_found(error)
        case ImportError():
            return _import_error(error)
        case NameError():
            return str(error), _name_advice(error.name or "", module)
        case AttributeError():
            return str(error), _choice(error.name or "", dir(error.obj), "write a name that exists")
        case TypeError():
            return str(error), _argument_advice(str(error), module)
        case SystemExit():
            return "ends the program when imported (SystemExit)", "write no sys.exit() in a policy file: raise an error"
        case Exception():
            return f"raised {error!r} when imported", "write nothing at module level that can fail"
        case _:
            return f"raised {error!r} when imported", "raise an Exception instead, or better nothing at all"


def _author_error(message: str) -> tuple[str, str]:
    if found := _ADVICE.match(message):
        return found["what"], found["write"]
    what, wrong_kind, right = message.partition("; it must be ")
    if wrong_kind:
        return what, f"annotate it with {right}"
    advice = (write for sign, write in _USUAL_ADVICE if sign in message)
    return message, next(advice, "write it as the message says")


def _module_not_found(error: ModuleNotFoundError) -> tuple[str, str]:
    parent, _, last = (error.name or "").rpartition(".")
    if parent:
        path = getattr(sys.modules.get(parent), "__path__", ())
        known: Collection[str] = [found.name for found in pkgutil.iter_modules(path)]
    else:
        known = {*sys.stdlib_module_names, *(found.name for found in pkgutil.iter_modules())}
    meant = nearest(last, known)
    otherwise = "install it where the daemon runs, or import what is there"
    return str(error), f"write {'.'.join(filter(None, (parent, meant)))}" if meant else otherwise


def _import_error(error: ImportError) -> tuple[str, str]:
    if not (found := _CANNOT_IMPORT.search(str(error))):
        return f"import failed: {error}", "import what can be imported where the daemon runs"
    name, origin = found.groups()
    exported = getattr(sys.modules.get(origin), "__all__", None) or dir(sys.modules.get(origin))
    return f"cannot import name {name!r} from {origin!r}", _choice(name, exported, "import a name that it has")


def _name_advice(name: str, module: ModuleType) -> str:
    if name in cloudwarden.__all__:
        return f"write `from cloudwarden import {name}` at the top"
    return _choice(name, {*vars(module), *cloudwarden.__all__, *dir(builtins)}, f"define or import {name!r} above")


def _argument_advice(message: str, module: ModuleType) -> str:
    if found := _UNEXPECTED.search(message):
        kind = _class_named(found[1] or found[2], module)
        return _choice(found[3], _arguments(kind), "leave it out")
    if found := _MISSING.search(message):
        return f"add {found[2].replace(' and ', ', ')} to {found[1]}(...)"
    return "correct the call"


def _class_named(name: str, module: ModuleType) -> object:
    return getattr(module, name, None) or getattr(cloudwarden, name, None)


def _arguments(kind: object) -> Collection[str]:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    function = getattr(kind, "__code__", None)
    return function.co_varnames[: function.co_argcount + function.co_kwonlyargcount] if function else ()


def _choice(name: str, known: Collection[str], otherwise: str) -> str:
    """What to write for a mistyped name: the nearest known one, or all when they are few."""
    if meant := nearest(name, known):
        return f"write {meant}"
    public = sorted(each for each in known if not each.startswith("_"))
    return f"write one of {', '.join(public)}" if 0 < len(public) <= 20 else otherwise


def _wrong_params(error: ValidationError, source: Source, line: int) -> Iterator[Problem]:
    model = _model_of(error)
    keywords = _keywords_at(source.tree, line)
    for detail in error.errors(include_url=False):
        name = ".".join(map(str, detail["loc"]))
        what, write = f"{error.title}: {name or 'value'}: {detail['msg'].removeprefix('Value error, ')}", ""
        if detail["type"] == "extra_forbidden":
            what = f"{error.title} has no {name!r}"
            write = _choice(name, model.model_fields if model else (), "leave it out")
        elif detail["type"] == "missing":
            what, write = f"{error.title} needs {name!r}", f"add {name}=... to {error.title}(...)"
        else:
            write = f"write another value than {detail['input']!r}"
        yield Problem(
            file=source.path, line=keywords.get(str(next(iter(detail["loc"]), "")), line), what=what, write=write
        )


def _model_of(error: ValidationError) -> type[BaseModel] | None:
    """The model whose construction failed: pydantic's own frame, the traceback's last, is constructing it."""
    found: type[BaseModel] | None = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        constructed = frame.f_locals.get("self")
        if isinstance(constructed, BaseModel):
            found = type(constructed)
    return found


def _keywords_at(tree: ast.Module, line: int) -> Mapping[str, int]:
    """The keywords of the calls that begin on a line, and the line each is written on."""
    return {
        keyword.arg: keyword.value.lineno
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and call.lineno == line
        for keyword in call.keywords
        if keyword.arg is not None
    }
