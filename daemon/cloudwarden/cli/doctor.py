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

FEW = 3
"""Places that are shown where the same is to be mended in many: a thousand accounts may lack one permission."""

Sort = tuple[Area, str, Health, str]


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
    """What needs a look, a few lines of what is alike and how much more there is; what needs none, in one line."""
    alike = Counter(map(_sort, checks))
    shown: Counter[Sort] = Counter()
    for one in checks:
        sort = _sort(one)
        shown[sort] += 1
        many = alike[sort] > (FEW + 1 if one.fix else 1)
        if not many or (one.fix and shown[sort] <= FEW):
            yield f"{one.area}: {one.subject}", one.where, one.health, one.detail, one.fix
        elif shown[sort] == (FEW + 1 if one.fix else 1):
            yield _together(one, alike[sort] - FEW if one.fix else alike[sort])


def _sort(one: Check) -> Sort:
    """What is alike: all but the place, in which what is wrong and how to mend it are told in other words."""
    if not one.fix:
        return one.area, one.subject, one.health, one.detail
    return one.area, "" if one.subject == one.where else one.subject, one.health, one.detail.partition(":")[0]


def _together(one: Check, places: int) -> Sequence[str]:
    if not one.fix:
        return f"{one.area}: {one.subject}", f"{places} places", one.health, one.detail, ""
    what = str(one.area) if one.subject == one.where else f"{one.area}: {one.subject}"
    return what, f"{places} more", one.health, "alike; --json names each", "as above"
