"""The names that settings have, as the model states them: for finding unknown ones and what they meant."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel

from cloudwarden.settings.model import DELIMITER, PREFIX, Settings

CONFIG_VARIABLE = f"{PREFIX}CONFIG"
"""Names the settings file itself, so it is no setting."""


def kind_at(path: Sequence[str]) -> object | None:
    """The annotation of the setting at a path; None when there is none."""
    kind: object = Settings
    for key in path:
        kind = _under(kind, key)
        if kind is None:
            return None
    return kind


def table_at(path: Sequence[str]) -> type[BaseModel] | None:
    """The model of the table at a path; None for what is no table, or one of any names."""
    return _model(kind_at(path))


def names_under(path: Sequence[str]) -> Collection[str]:
    """The names that a table knows; empty for what is no table, or one of any names."""
    model = table_at(path)
    return tuple(model.model_fields) if model else ()


def is_table(path: Sequence[str]) -> bool:
    """Whether the setting at a path is a table."""
    kind = kind_at(path)
    return _model(kind) is not None or get_origin(kind) is dict


def is_list_of_tables(path: Sequence[str]) -> bool:
    """Whether the setting at a path is a list of tables."""
    kind = kind_at(path)
    return get_origin(kind) is tuple and _model(get_args(kind)[0]) is not None


def path_of(variable: str) -> tuple[str, ...]:
    """The path that an environment variable speaks of, known or not.

    A policy's name has dashes, which shells do not allow in names: underscores stand for them.
    """
    path = variable[len(PREFIX) :].lower().split(DELIMITER)
    if path[0] == "policy" and len(path) > 1:
        path[1] = path[1].replace("_", "-")
    return tuple(path)


def variable_of(path: Sequence[str]) -> str:
    """The environment variable that sets what is at a path."""
    return PREFIX + DELIMITER.join(key.replace("-", "_") for key in path).upper()


def variables_like(path: Sequence[str]) -> Iterator[str]:
    """Every environment variable that there is, for the policy that `path` names."""
    policy = path[1] if path[0] == "policy" and len(path) > 1 else "<policy>"
    yield CONFIG_VARIABLE
    yield from map(variable_of, _leaves((), policy))


def _leaves(path: tuple[str, ...], policy: str) -> Iterator[tuple[str, ...]]:
    for name in names_under(path):
        here = (*path, name, policy) if (*path, name) == ("policy",) else (*path, name)
        if is_table(here) and names_under(here):
            yield from _leaves(here, policy)
        else:
            yield here


def _under(kind: object, key: str) -> object | None:
    if (model := _model(kind)) is not None:
        field = model.model_fields.get(key)
        return field.annotation if field else None
    if get_origin(kind) is dict:
        value: object = get_args(kind)[1]
        return value
    return None


def _model(kind: object) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    if get_origin(kind) in (Union, types.UnionType, Annotated):
        return next((model for part in get_args(kind) if (model := _model(part))), None)
    return None
