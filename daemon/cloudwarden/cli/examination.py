"""Looks at the whole installation: its store, its policies, this process's limits, and AWS."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import UTC
from fnmatch import fnmatchcase

from cloudwarden.app import App
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.checkup import Area, Check, Health
from cloudwarden.core.errors import AccessDenied, CloudError, NoDatabase, ShippingError, StoreError
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.engine.budget import SHARES
from cloudwarden.keeping.shipper import shipment_of
from cloudwarden.loading import passed_over
from cloudwarden.settings import bucket_of

CLIENTS_PER_REGION = 8
"""Services that policies read there, with those that act apart."""

FILES_BESIDE_AWS = 100
"""Open files that are no connections to AWS: libraries, the store, the web server's, logs."""


def examine(app: App) -> Iterator[Check]:
    """Check after check; nothing is changed, but that an older store is brought up to date.

    On the first day there is no database yet: all but that is examined, and none is made.
    """
    known: Collection[KnownScope] = ()
    try:
        with app.store.reading() as tx:
            known = tx.scopes.known().values()
        yield Check(area=Area.STORE, subject="database", health=Health.OK)
    except NoDatabase as error:
        app.look_without_record()
        fix = "nothing, before the first `cloudwarden run` or `once`; if one ran, see the detail"
        yield Check(area=Area.STORE, subject="database", health=Health.WARNING, detail=str(error), fix=fix)
    except StoreError as error:
        yield Check(area=Area.STORE, subject="database", health=Health.FAILED, detail=str(error), fix="see the detail")
        return
    loaded = app.load()
    yield from _policies(tuple(loaded.policies.values()), [str(problem) for problem in loaded.problems])
    for unread in passed_over(app.settings.policies):
        fix = "move the files, or the folder elsewhere"
        yield Check(area=Area.POLICIES, subject="folder", health=Health.WARNING, detail=unread, fix=fix)
    yield from _channels(app)
    yield _budget(app)
    yield from _journal_copy(app)
    yield from _idle_discovery(app)
    yield from app.doctor.examine(tuple(loaded.policies.values()), app.highest_mode_of)
    scopes = _scopes(app, known)
    yield _open_files(app, scopes)
    yield from _restraints(app, {scope.account for scope in scopes} | {one.scope.account for one in known})
    yield from _acceptance(known)


def _policies(policies: Collection[AnyPolicy], problems: Collection[str]) -> Iterator[Check]:
    for problem in problems:
        yield Check(
            area=Area.POLICIES, subject="policy file", health=Health.FAILED, detail=problem, fix="see the detail"
        )
    if not policies:
        fix = "write some in the directory that `policies` names; examples are in the README"
        yield Check(area=Area.POLICIES, subject="policies", health=Health.WARNING, detail="there are none", fix=fix)
    elif not problems:
        yield Check(area=Area.POLICIES, subject="policies", health=Health.OK, detail=f"{len(policies)} loaded")


def _channels(app: App) -> Iterator[Check]:
    """Whether each channel's URL can be read and understood; `cloudwarden notices test` shows whether it works."""
    for name in sorted(app.settings.channels):
        problem = app.channels.problem(name)
        yield Check(
            area=Area.CHANNEL,
            subject=name,
            health=Health.FAILED if problem else Health.OK,
            detail=problem or "",
            fix=f"mend channels.{name}.url, then cloudwarden notices test {name}" if problem else "",
        )


def _idle_discovery(app: App) -> Iterator[Check]:
    """Whoever says which accounts are meant to be discovered, and not that they are, has none looked after."""
    organization, roles = app.settings.aws.organization, app.settings.aws.roles
    idle = [name for name in ("include", "exclude", "role_arn") if getattr(organization, name)]
    if idle and not organization.discover:
        yield _idle("aws.organization", f"the organization is not asked for accounts: {', '.join(idle)} of it")
    if roles.exclude and not roles.discover:
        yield _idle("aws.roles", "the daemon's own role is not asked for accounts: exclude of it")


def _idle(table: str, what: str) -> Check:
    return Check(
        area=Area.DISCOVERY,
        subject=table,
        health=Health.WARNING,
        detail=f"{what} does nothing",
        fix=f"set {table}.discover = true, or remove the rest",
    )


def _scopes(app: App, known: Collection[KnownScope]) -> Collection[Scope]:
    """What there is: the examination of AWS has found it out; where that failed, what is known counts."""
    try:
        return app.sessions.scopes()
    except CloudError:
        return [one.scope for one in known]


def _restraints(app: App, accounts: Collection[str]) -> Iterator[Check]:
    """Whoever protects an account by a wrong number protects nothing."""
    for table, account in app.settings.restraints.placed:
        if accounts and not any(fnmatchcase(one, account) for one in accounts):
            yield Check(
                area=Area.RESTRAINTS,
                subject=f"{table}.accounts",
                where=account,
                health=Health.WARNING,
                detail="no account that was found is it: it holds nothing",
                fix="compare it with those that `cloudwarden scopes` lists; remove what is gone",
            )


def _open_files(app: App, scopes: Collection[Scope]) -> Check:
    """Each shared client may hold a connection per thread, and each connection is an open file."""
    regions = len({scope.region for scope in scopes}) or 1
    clients = min(app.settings.aws.max_clients, regions * CLIENTS_PER_REGION)
    most = clients * app.settings.threads + FILES_BESIDE_AWS
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = allowed in (resource.RLIM_INFINITY, -1) or allowed >= most
    return Check(
        area=Area.LIMITS,
        subject="open files",
        health=Health.OK if enough else Health.WARNING,
        detail=f"{allowed} allowed, up to {most} used",
        fix=""
        if enough
        else f"LimitNOFILE={most} in the unit, `ulimit -n {most}`, or lower aws.max_clients or threads",
    )


def _budget(app: App) -> Check:
    """What is left of the day's metrics, and who waits already."""
    per_day = app.settings.cloudwatch.metrics_per_day
    with app.store.reading() as tx:
        spent = tx.spending.metrics(app.clock.now().astimezone(UTC).date())
    waiting = [severity for severity, share in SHARES.items() if spent >= int(per_day * share)]
    return Check(
        area=Area.LIMITS,
        subject="CloudWatch metrics",
        health=Health.WARNING if waiting else Health.OK,
        detail=f"{spent:,} of {per_day:,} asked for today"
        + (f"; policies of severity {', '.join(waiting)} wait until midnight UTC" if waiting else ""),
        fix="see cloudwarden_cloudwatch_metrics_requested_total for who asks; raise cloudwatch.metrics_per_day"
        if waiting
        else "",
    )


def _journal_copy(app: App) -> Iterator[Check]:
    """Whether the journal's copy in S3 is locked and can be compared, before which the daemon does nothing.

    A copy in a file is for the daemon's user alone to read. Putting into either is not tried: it would stay.
    """
    target = app.settings.journal.ship_to
    if target is None or bucket_of(target) is None:
        return
    copy = app.copy_at(target)
    with app.store.reading() as tx:
        shipped = shipment_of(tx, target)
    try:
        copy.refuse_unfit()
        copy.ahead(shipped.seq)
    except (CloudError, ShippingError) as error:
        denied = isinstance(error, AccessDenied)
        fix = "allow the daemon's own role what deploy/iam/ship.json holds, with this bucket in it" if denied else ""
        yield Check(
            area=Area.JOURNAL,
            subject=target,
            health=Health.FAILED,
            detail=str(error),
            fix=fix or "see the detail, journal.ship_to and journal.ship_region",
        )
    else:
        yield Check(area=Area.JOURNAL, subject=target, health=Health.OK, detail="putting is not tried")


def _acceptance(known: Collection[KnownScope]) -> Iterator[Check]:
    waiting = Counter(one.scope.account for one in known if one.waits)
    for account, regions in waiting.items():
        yield Check(
            area=Area.SCOPE,
            subject=account,
            where=account,
            health=Health.WARNING,
            detail=f"{regions} regions of it wait to be accepted: policies only observe there",
            fix=f"cloudwarden scopes --waiting, then cloudwarden accept {account}",
        )
