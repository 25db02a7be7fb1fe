"""Which installation a verb speaks to: its settings file, and the app built from it."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from cloudwarden.app import App, build
from cloudwarden.cli.account import account
from cloudwarden.core.nearest import nearest
from cloudwarden.engine.decide import Decider, DecisionError
from cloudwarden.ports import Reporter
from cloudwarden.settings import load_settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """What the options before the verb say."""

    config: Path | None


@contextmanager
def app_of(context: typer.Context, *, reporters: Sequence[Reporter] = (), begins: bool = False) -> Iterator[App]:
    """The app of the installation that the command line names; one that `begins` may make its database.

    Raises SettingsError.
    """
    app = build(load_settings(installation_of(context).config), reporters=reporters, begins=begins)
    try:
        yield app
    finally:
        app.close()


def installation_of(context: typer.Context) -> Installation:
    """The installation that the command line names."""
    found = context.find_object(Installation)
    return found or Installation(config=None)


def program(context: typer.Context) -> str:
    """What a line to copy begins with, so that it speaks to the same installation."""
    config = installation_of(context).config
    return "cloudwarden" if config is None else f"cloudwarden --config {shlex.quote(str(config))}"


def decider(app: App, *, by: str | None, reason: str) -> Decider:
    """The operator at this terminal."""
    user = account()
    return Decider(
        by=(by or "").strip() or user.name,
        origin=f"cli {user.name}@{socket.gethostname()}",
        reason=reason,
        now=app.clock.now(),
        user=user.name if user.own else "",
    )


def known(what: str, name: str, names: Iterable[str]) -> str:
    """The name, if it is one of `names`; DecisionError with the nearest one otherwise."""
    choices = sorted(names)
    if name in choices:
        return name
    near = nearest(name, choices)
    hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(choices) or 'none'}"
    raise DecisionError(f"no {what} {name!r}: {hint}")
