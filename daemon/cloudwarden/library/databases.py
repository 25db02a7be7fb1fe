"""Rules about databases."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from cloudwarden import Now, Params, TemporaryError, Violation, days, minutes, rule
from cloudwarden.aws import rds


class Unconnected(Params):
    """How long nobody may have been connected.

    Three days span a weekend, and are less than the seven after which AWS starts a stopped database again: so one
    that nobody misses is found again. `window` is at most 455 days, for which CloudWatch keeps datapoints.
    """

    window: timedelta = Field(default=days(3), ge=minutes(15), le=days(455))


@rule
def unconnected(
    database: rds.Database, params: Unconnected, now: Now, connections: rds.Connections
) -> Violation | None:
    """A running database that nobody connected to during the whole window, and that RDS can stop.

    One that is being backed up, changed or maintained is no less idle for that, so nobody can tell until that is over.
    """
    if database.never_stopped is not None or database.created is None or not _in_use(database):
        return None
    if not now.reached(database.created + params.window):
        return None
    _wait_for_change(database)
    if not connections.count.stayed_below(1, over=params.window):
        return None
    return Violation(summary=f"nobody was connected for {params.window}")


class Upgrades(Params):
    """Which versions count: minor ones alone, or `majors` too, which may break what uses the database."""

    majors: bool = False


@rule
def outdated_engine(
    database: rds.Database, params: Upgrades, targets: rds.UpgradeTargets, replicas: rds.Replicas
) -> Violation | None:
    """A running database whose engine can be upgraded.

    What RDS upgrades with something else is left alone (a cluster's instances are), and what an upgrade waits for
    already. `offending` holds the newest version, and the read replicas that must be upgraded to it first: as long as
    there are any, `rds.UpgradeEngine` has no plan. While its status passes by itself, nobody can tell.
    """
    if not _in_use(database) or database.upgraded_with is not None or database.pending_engine_version is not None:
        return None
    _wait_for_change(database)
    newest = targets.newest(major=params.majors)
    if newest is None:
        return None
    first = replicas.before(newest)
    return Violation(
        summary=f"{database.engine} {database.engine_version} can be upgraded to {newest.version}"
        f"{', its read replicas first' if first else ''}",
        offending=(newest.version, *first),
    )


def _in_use(database: rds.Database) -> bool:
    """Whether it runs, or will once its status has passed."""
    return database.available or database.changing


def _wait_for_change(database: rds.Database) -> None:
    """Raise TemporaryError while its status passes by itself: a finding must not end with every night's backup."""
    if database.changing:
        raise TemporaryError(f"the database is {database.status}, which passes")
