"""How settings write modes, durations, instants and lists, and how these are read and shown."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, PlainSerializer
from pydantic_settings import NoDecode

from cloudwarden.core.durations import duration, written_duration
from cloudwarden.core.instant import in_utc
from cloudwarden.core.nearest import nearest
from cloudwarden.core.policy import Mode


class Table(BaseModel):
    """A table of the settings file: nothing in it is unknown, and nothing changes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    return duration(value if isinstance(value, str) else "")


def _mode(value: object) -> object:
    if isinstance(value, Mode):
        return value
    known = [str(mode) for mode in Mode]
    if value in known:
        return Mode[str(value).upper()]
    meant = nearest(str(value), known)
    raise ValueError(f'write "{meant}"' if meant else 'write "observe", "propose" or "enforce"')


def _listed(value: object) -> object:
    if isinstance(value, str):
        if value.startswith("["):
            with suppress(ValueError):
                return tuple(json.loads(value))
        return tuple(part for part in (piece.strip() for piece in value.split(",")) if part)
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(written_duration, when_used="json")]
"""Written with its unit: "30s", "15m", "6h", "14d"."""

WrittenMode = Annotated[Mode, BeforeValidator(_mode), PlainSerializer(str, when_used="json")]
"""Written as a word."""

Instant = Annotated[AwareDatetime, AfterValidator(in_utc)]
"""A time with its offset."""

Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
"""A list of strings; in an environment variable, joined by commas, or JSON."""
