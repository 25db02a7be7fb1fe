"""Reading settings: a TOML file, environment variables over it, and every problem at once."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pydantic_settings
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource

from cloudwarden.core.durations import written_duration
from cloudwarden.core.errors import SettingsError
from cloudwarden.core.nearest import nearest
from cloudwarden.settings.effective import is_secret
from cloudwarden.settings.model import PREFIX, Settings
from cloudwarden.settings.names import (
    CONFIG_VARIABLE,
    is_list_of_tables,
    is_table,
    kind_at,
    names_under,
    path_of,
    variables_like,
)

USUAL_FILES = (Path("cloudwarden.toml"), Path("/etc/cloudwarden/cloudwarden.toml"))

Table = dict[str, object]


def load_settings(path: Path | None = None) -> Settings:
    """The settings in force: the file's, and the environment's over them.

    The file is `path`, else what CLOUDWARDEN_CONFIG names, else the first of `USUAL_FILES` that exists, else none.
    Raises SettingsError that lists every problem: which key, in which file or variable, and what to write.
    """
    file = _file(path)
    problems: list[str] = []
    from_file = _read(file, problems) if file else {}
    from_environment, variables = _environment(problems)
    given = _merged(from_file, from_environment)
    settings: Settings | None = None
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # what pydantic is asked to check
    except ValidationError as error:
        problems.extend(_problem(detail, file, variables) for detail in error.errors(include_url=False))
    if problems or settings is None:
        raise SettingsError("\n".join(problems))
    origins = dict.fromkeys(_dotted(from_file), "file") | dict.fromkeys(_dotted(from_environment), "environment")
    return settings.stating(file=file, origins=origins)


def _file(path: Path | None) -> Path | None:
    if path is not None:
        return path
    if named := os.environ.get(CONFIG_VARIABLE):
        return Path(named)
    return next((usual for usual in USUAL_FILES if _may_be(usual)), None)


def _may_be(file: Path) -> bool:
    """Whether a file is there, or nobody can tell: then reading it says why, and another one is not taken instead."""
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _read(file: Path, problems: list[str]) -> Table:
    try:
        table: Table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(f"{file}: cannot be read: {error.strerror}; write the path of a settings file that exists")
        return {}
    except UnicodeDecodeError:
        problems.append(f"{file}: is not UTF-8; write it as UTF-8")
        return {}
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{file}: is not TOML: {error}; write strings in quotes and tables in [brackets]")
        return {}
    for key in [key for key in table if key not in Settings.model_fields]:
        problems.append(f"{file}: {_unknown((key,))}")
        del table[key]
    return table


def _environment(problems: list[str]) -> tuple[Table, Mapping[tuple[str, ...], str]]:
    """What the environment sets, and by which variables; unknown variables become problems."""
    source = EnvSettingsSource(Settings)
    kept: dict[str, str | None] = {}
    variables: dict[tuple[str, ...], str] = {}
    for variable, value in os.environ.items():
        if not variable.upper().startswith(PREFIX) or variable.upper() == CONFIG_VARIABLE or not value:
            continue
        path = path_of(variable)
        if problem := _variable_problem(variable, path, value):
            problems.append(f"environment {variable}: {problem}")
            continue
        kept[variable.lower()] = value
        variables[path] = variable
    source.env_vars = kept
    try:
        table: Table = source()
    except pydantic_settings.SettingsError as error:
        # It names the top-level setting alone; whatever variable is left to it that nobody foresaw is not obeyed.
        problems.append(f"environment {PREFIX}...: {error}; write it in the settings file")
        return {}, variables
    policies = table.get("policy")
    if isinstance(policies, dict):
        table["policy"] = {name.replace("_", "-"): _with_lists(override) for name, override in policies.items()}
    return table, variables


def _with_lists(override: object) -> object:
    """A policy's override with lists and tables among its params decoded: nothing says yet what a param takes."""
    if not isinstance(override, dict) or not isinstance(params := override.get("params"), dict):
        return override
    return override | {"params": {name: _decoded(value) for name, value in params.items()}}


def _decoded(value: object) -> object:
    if not isinstance(value, str) or not value.startswith(("[", "{")):
        return value
    try:
        decoded: object = json.loads(value)
    except ValueError:
        return value
    return decoded


def _variable_problem(variable: str, path: Sequence[str], value: str) -> str | None:
    if kind_at(path) is None:
        meant = nearest(variable, variables_like(path))
        return f"unknown; write {meant}" if meant else f"unknown; known are {', '.join(variables_like(path))}"
    if is_table(path) and not _is_json_object(value):
        names = names_under(path) or ("<name>",)
        return f"is a table; write one variable per key, such as {variable}__{next(iter(names)).upper()}"
    if is_list_of_tables(path) and not isinstance(_json(value), list):
        return "is a list of tables; write it as JSON, or in the settings file"
    return None


def _is_json_object(value: str) -> bool:
    return isinstance(_json(value), dict)


def _json(value: str) -> object:
    try:
        decoded: object = json.loads(value)
    except ValueError:
        return None
    return decoded


def _merged(under: Mapping[str, object], over: Mapping[str, object]) -> Table:
    """Both tables in one; where both speak, `over` wins."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _problem(detail: ErrorDetails, file: Path | None, variables: Mapping[tuple[str, ...], str]) -> str:
    path = tuple(str(key) for key in detail["loc"])
    variable = next((variables[path[:end]] for end in range(len(path), 0, -1) if path[:end] in variables), None)
    where = f"environment {variable}" if variable else str(file)
    if detail["type"] == "extra_forbidden":
        return f"{where}: {_unknown(path)}"
    value = detail["input"]
    value = written_duration(value) if isinstance(value, timedelta) else value
    value = value.isoformat() if isinstance(value, date) else value
    hidden = is_secret(path) or isinstance(value, Mapping | list) or (isinstance(value, str) and "://" in value)
    shown = "" if hidden else f" = {value!r}"
    return f"{where}: {'.'.join(path)}{shown}: {detail['msg'].removeprefix('Value error, ')}"


def _unknown(path: Sequence[str]) -> str:
    """Words for a key that no setting has."""
    table, key = path[:-1], path[-1]
    known = names_under(table)
    meant = nearest(key, known)
    advice = f"write {'.'.join((*table, meant))}" if meant else f"known here are {', '.join(known)}"
    return f"{'.'.join(path)}: unknown; {advice}"


def _dotted(table: Mapping[str, object], prefix: str = "") -> list[str]:
    names = []
    for key, value in table.items():
        names.extend(_dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"])
    return names
