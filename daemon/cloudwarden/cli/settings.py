"""The verb that prints the settings in force."""

from __future__ import annotations

import typer

from cloudwarden.cli.installation import installation_of
from cloudwarden.cli.output import JsonOption, emit, show, table
from cloudwarden.settings import effective, load_settings


def settings(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """Print the settings in force.

    With where each came from and why it is there; secrets are masked.
    """
    rows = effective(load_settings(installation_of(context).config))
    if as_json:
        emit({row.name: {"value": row.value, "source": row.source, "about": row.about} for row in rows})
        return
    shown = ((row.name, row.value, row.source, row.about) for row in rows)
    show([table("Settings", ("setting", "value", "from", "about"), shown)])
