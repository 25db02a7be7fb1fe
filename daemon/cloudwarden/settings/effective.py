"""The settings in force, as a person reads them: nothing secret, and where each came from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from cloudwarden.core.durations import written_duration
from cloudwarden.settings.model import Settings

MASK = "********"

_PASSWORD = re.compile(r"(://[^:/@]*:).*@")
_SECRET_ARGUMENT = re.compile(r"([?&][^=&]*(?:password|passwd|pwd|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One setting: its dotted name, its value with secrets masked, its unit and why, and its source.

    `source` is default, file or environment; or argument, for settings that code built itself.
    """

    name: str
    value: str
    about: str
    source: str


def effective(settings: Settings) -> list[Row]:
    """Every setting in force; of the policies' overrides, those that were given."""
    return list(_rows(settings, settings, ()))


def is_secret(path: Sequence[str]) -> bool:
    """Whether the value at a path must not be shown, not even in an error: it is, or may hold, a secret."""
    return path[0] == "channels" or path[-1] in ("external_id", "member_external_id", "database", "endpoint_url")


def masked_url(url: str) -> str:
    """The URL without its password, wherever it hides one."""
    return _SECRET_ARGUMENT.sub(rf"\g<1>{MASK}", _PASSWORD.sub(rf"\g<1>{MASK}@", url))


def _rows(settings: Settings, table: BaseModel, path: tuple[str, ...]) -> Iterator[Row]:
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        here = (*path, name)
        if isinstance(value, BaseModel):
            yield from _rows(settings, value, here)
        elif isinstance(value, dict):
            yield from _entries(settings, value, field, here)
        elif path[:1] != ("policy",) or value is not None:
            yield _row(settings, here, value, field)


def _entries(
    settings: Settings, entries: Mapping[str, object], field: FieldInfo, path: tuple[str, ...]
) -> Iterator[Row]:
    for key, value in entries.items():
        if isinstance(value, BaseModel):
            yield from _rows(settings, value, (*path, key))
        else:
            yield _row(settings, (*path, key), value, field)


def _row(settings: Settings, path: tuple[str, ...], value: object, field: FieldInfo) -> Row:
    name = ".".join(path)
    source = _source(settings, name, value, field)
    return Row(name=name, value=_shown(value), about=field.description or "", source=source)


def _source(settings: Settings, name: str, value: object, field: FieldInfo) -> str:
    for given, origin in settings.origins.items():
        if given == name or given.startswith(f"{name}."):
            return origin
    return "default" if value == field.get_default(call_default_factory=True) else "argument"


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, timedelta):
        return written_duration(value)
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return masked_url(str(value))
