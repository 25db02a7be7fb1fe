"""Read replicas: which versions they have, and which of them are upgraded before their source.

Source: "Upgrades of the RDS for MySQL DB engine", "Upgrades of the MariaDB DB engine", "Upgrades of the RDS for
PostgreSQL DB engine" and "Upgrades of the Microsoft SQL Server DB engine" in the Amazon RDS User Guide, and
"Amazon RDS API Reference" (DescribeDBInstances).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, cast

from cloudwarden.aws.rds.database import Database
from cloudwarden.aws.rds.upgrade import READ_REPLICA, UpgradeTarget, order
from cloudwarden.core.detail import Detail, arguments, known
from cloudwarden.core.evidence import Evidence
from cloudwarden.core.plain import Json

_ALWAYS_FIRST = frozenset({"mariadb", "mysql"})


def replicas_asked_for(database: Database) -> Mapping[Detail, tuple[str, ...]]:
    """The questions that tell the versions of a database's read replicas, one for each region, and whom each asks for.

    RDS names those in the database's own region by their identifiers, and others by their ARNs.
    """
    by_region: dict[str, list[str]] = {}
    for name in database.replicas:
        by_region.setdefault(name.split(":")[3] if name.startswith("arn:") else database.region, []).append(name)
    return {_versions(database, region, tuple(names)): tuple(names) for region, names in by_region.items()}


def _versions(database: Database, region: str, names: tuple[str, ...]) -> Detail:
    return Detail(
        service="rds",
        operation="describe_db_instances",
        arguments=arguments({"Filters": [{"Name": "db-instance-id", "Values": list(names)}]}),
        path="DBInstances[].{Id: DBInstanceIdentifier, Arn: DBInstanceArn, Version: EngineVersion, "
        "Source: ReadReplicaSourceDBInstanceIdentifier}",
        region=None if region == database.region else region,
    )


class Replicas(Evidence):
    """The read replicas of a database, of which RDS wants some upgraded before it."""

    __slots__ = ()

    permissions: ClassVar[tuple[str, ...]] = ("rds:DescribeDBInstances",)

    def before(self, target: UpgradeTarget) -> tuple[str, ...]:
        """Those to upgrade before their source can be upgraded to `target`: give them to a violation as `offending`.

        Those of MySQL and MariaDB come first, and for a minor version those of PostgreSQL; everything else RDS upgrades
        with its source. One whose version RDS does not tell is among them: a cluster, say. Empty when there is none.
        """
        database = cast("Database", self.resource)
        if not (database.engine in _ALWAYS_FIRST or (database.engine == "postgres" and not target.major)):
            return ()
        first = tuple(self._older(database, target.version))
        told = ", ".join(one.removeprefix(READ_REPLICA) for one in first)
        self.inquiry.note("read replicas to upgrade first", told or "none", holds_until=self.inquiry.now)
        return first

    def _older(self, database: Database, version: str) -> Iterator[str]:
        asked = replicas_asked_for(database)
        self.inquiry.need(asked)
        for question, names in asked.items():
            versions = known(self.inquiry, question, lambda answer: _versions_by_name(answer, database))
            for name in names:
                has = versions.get(name)
                if has is None or order(has) < order(version):
                    yield f"{READ_REPLICA}{name} ({has or 'of unknown version'})"


def _versions_by_name(answer: Json, database: Database) -> Mapping[str, str]:
    """By identifier and by ARN; a namesake that is a replica of nothing, or of another, is none of this database's."""
    instances: Any = answer
    ours = [one for one in instances if one["Source"] in (database.id, database.arn)]
    return {one[name]: one["Version"] for one in ours for name in ("Id", "Arn")}
