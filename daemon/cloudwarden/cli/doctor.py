"""The verb that tries everything the daemon needs, and says what to mend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import typer

from cloudwarden.app import App
from cloudwarden.cli import holding, shapes
from cloudwarden.cli.examination import examine
from cloudwarden.cli.exits import Exit
from cloudwarden.cli.installation import app_of
from cloudwarden.cli.output import JsonOption, emit, notice, say, show, table
from cloudwarden.cli.progress import progress
from cloudwarden.core.checkup import Area, Check, Health
from cloudwarden.core.errors import StoreError
from cloudwarden.core.pause import Pause

_FAILURES = {Area.STORE: Exit.NOT_DONE, Area.POLICIES: Exit.BAD_POLICIES_OR_SETTINGS}
"""How the verb ends when a check of an area failed; anything else could not be judged in a sweep either."""


def doctor(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """Try everything that the daemon needs.

    Every account, region and permission that the policies need, the clock, limits, the store, the policies and the
    journal's copy in S3.
    Nothing is changed: small reads, and dry runs of actions where AWS has them.
    """
    with progress() as reporters, app_of(context, reporters=reporters) as app:
        checks = list(examine(app))
        pauses = _pauses(app)
    for one in pauses:
        notice(holding.paused(one))
    if as_json:
        emit([shapes.check(one) for one in checks])
    else:
        show([table("Examination", ("what", "where", "state", "detail", "what to do"), _rows(checks))])
        counts = Counter(one.health for one in checks)
        say(", ".join(f"{counts[health]} {health}" for health in Health))
    raise typer.Exit(ended(checks))


def ended(checks: Sequence[Check]) -> Exit:
    """The exit code: the highest of what failed. A warning, or what cannot be tested, is no failure."""
    failed = (_FAILURES.get(one.area, Exit.NOT_ALL_JUDGED) for one in checks if one.health is Health.FAILED)
    return max(failed, default=Exit.NOTHING_FOUND)


def _pauses(app: App) -> Sequence[Pause]:
    """What is paused; a store that cannot tell is found by the examination."""
    try:
        with app.store.reading() as tx:
            return tx.decisions.pauses()
    except StoreError:
        return ()


def _rows(checks: Sequence[Check]) -> Iterator[Sequence[str]]:
    """What needs a look, line by line; what is alike in many places, in one line."""
    alike = Counter((one.area, one.subject, one.health, one.detail) for one in checks if not one.fix)
    shown = set()
    for one in checks:
        key = (one.area, one.subject, one.health, one.detail)
        if one.fix or alike[key] == 1:
            yield f"{one.area}: {one.subject}", one.where, one.health, one.detail, one.fix
        elif key not in shown:
            shown.add(key)
            yield f"{one.area}: {one.subject}", f"{alike[key]} places", one.health, one.detail, ""
