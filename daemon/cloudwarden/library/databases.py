"""Rules about databases."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from cloudwarden import Now, Params, Violation, days, minutes, rule
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
    """A running database that nobody connected to during the whole window, and that RDS can stop."""
    if database.unstoppable is not None or database.created is None:
        return None
    if not now.reached(database.created + params.window):
        return None
    if not connections.count.stayed_below(1, over=params.window):
        return None
    return Violation(summary=f"nobody was connected for {params.window}")


class Upgrades(Params):
    """Which versions count: minor ones alone, or `majors` too, which may break what uses the database."""

    majors: bool = False


@rule
def outdated_engine(database: rds.Database, params: Upgrades, targets: rds.UpgradeTargets) -> Violation | None:
    """A running database whose engine can be upgraded.

    A cluster's instances are upgraded with their cluster, so they are left alone, as is what an upgrade waits for
    already. `offending` holds the newest version.
    """
    if not database.available or database.cluster is not None or database.pending_engine_version is not None:
        return None
    newest = targets.newest(major=params.majors)
    if newest is None:
        return None
    return Violation(
        summary=f"{database.engine} {database.engine_version} can be upgraded to {newest.version}",
        offending=(newest.version,),
    )
