"""The verb that prints the settings in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import typer

from cloudwarden.cli.installation import installation_of
from cloudwarden.cli.output import JsonOption, emit, show, table
from cloudwarden.core.action import Json
from cloudwarden.settings import load_settings


def settings(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """Print the settings in force, secrets masked."""
    effective: Mapping[str, Json] = load_settings(installation_of(context).config).model_dump(mode="json")
    if as_json:
        emit(effective)
        return
    show([table("Settings", ("setting", "value"), _rows(effective))])


def _rows(settings: Mapping[str, Json], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _rows(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", "" if value is None else str(value)
