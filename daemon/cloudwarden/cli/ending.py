"""Options that say when something ends: by a date, or after a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from cloudwarden.core.durations import duration

Until = Annotated[
    datetime | None, typer.Option("--until", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="When it ends, in UTC.")
]
Lasting = Annotated[
    str | None,
    typer.Option("--for", metavar="DURATION", help="How long it lasts, such as 12h or 30d; instead of --until."),
]


def end(until: datetime | None, lasting: str | None, now: datetime) -> datetime:
    """When it ends, in UTC; one of both must be given. Raises typer.BadParameter."""
    if (until is None) == (lasting is None):
        raise typer.BadParameter("write either --until DATE or --for DURATION: it has to end")
    if until is not None:
        return until.replace(tzinfo=UTC)
    try:
        return now + duration(lasting or "")
    except ValueError as error:
        raise typer.BadParameter(f"--for {lasting}: {error}") from error
