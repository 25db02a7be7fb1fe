"""What the verbs print: tables or JSON on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cloudwarden.core.plain import Json

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else there.")]

UNLIMITED_WIDTH = 240
"""Columns when nobody's terminal sets them: a pipe or a file must not lose half of an id."""


def stdout() -> Console:
    """Where results go."""
    return _console(stderr=False)


def stderr() -> Console:
    """Where notices and progress go."""
    return _console(stderr=True)


def notice(text: str) -> None:
    """Say something that is no result, on stderr."""
    stderr().print(plain(text), soft_wrap=True)


def say(text: str) -> None:
    """Say the result of a verb in a sentence, on stdout."""
    stdout().print(plain(text), soft_wrap=True)


def emit(value: Json) -> None:
    """Print one JSON value on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table whose cells are folded, never cut: an id must stay whole to be copied."""
    made = Table(title=title, title_justify="left", expand=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(plain(cell) for cell in row))
    return made


def show(tables: Iterable[Table]) -> None:
    """Print tables on stdout."""
    console = stdout()
    for each in tables:
        console.print(each)


def plain(text: str) -> Text:
    """Text as it is: no markup, and no control character of a resource's name reaches the terminal."""
    return Text("".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text))


def moment(at: datetime | None) -> str:
    """An instant for a person, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z" if at else ""


def ago(since: datetime, now: datetime) -> str:
    """How long ago, to the second."""
    return str(timedelta(seconds=int((now - since).total_seconds())))


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = UNLIMITED_WIDTH
    return console
