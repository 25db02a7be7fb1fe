"""Newer versions of a database's engine, and upgrading to one.

Source: AWS "Amazon RDS API Reference" (DescribeDBEngineVersions, ValidUpgradeTarget, ModifyDBInstance) and
"Upgrading a DB instance engine version" in the Amazon RDS User Guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from cloudwarden.aws.rds.database import Database
from cloudwarden.core.action import Action, Call, Plan, Proof, Read, Shows
from cloudwarden.core.detail import Detail, known
from cloudwarden.core.errors import PermanentError
from cloudwarden.core.evidence import Evidence
from cloudwarden.core.plain import Json
from cloudwarden.core.verdict import Violation


@dataclass(frozen=True, kw_only=True, slots=True)
class UpgradeTarget:
    """A version of the same engine that RDS can upgrade to in one step; `major` may break what uses it."""

    version: str
    major: bool


READ_REPLICA = "read replica "
"""Begins, among the `offending` of a violation, what names a read replica that is upgraded before its source."""


def valid_targets(engine: str, version: str) -> Detail:
    """What one version of an engine can be upgraded to; databases of one version share the answer."""
    return Detail(
        service="rds",
        operation="describe_db_engine_versions",
        # Also of versions that RDS offers to nobody new: those are the ones to leave.
        arguments=(("Engine", engine), ("EngineVersion", version), ("IncludeAll", True)),
        path="DBEngineVersions[0].ValidUpgradeTarget",
    )


def valid_targets_of(database: Database) -> Detail:
    """What a database's engine can be upgraded to."""
    return valid_targets(database.engine, database.engine_version)


class UpgradeTargets(Evidence):
    """The versions that a database's engine can be upgraded to."""

    __slots__ = ()

    permissions: ClassVar[tuple[str, ...]] = ("rds:DescribeDBEngineVersions",)
    details: ClassVar = (valid_targets_of,)

    def newest(self, *, major: bool = False) -> UpgradeTarget | None:
        """The newest one, among major versions too if asked; None when there is none."""
        database = cast("Database", self.resource)
        asked = valid_targets_of(database)
        targets = known(self.inquiry, asked, lambda answer: _targets(answer, database))
        # RDS upgrades replicas of PostgreSQL to a major version with their source, and never by themselves.
        majors = major and not (database.engine == "postgres" and database.replica_of is not None)
        fitting = [target for target in targets if majors or not target.major]
        newest = max(fitting, key=lambda target: order(target.version), default=None)
        question = f"newest {'version' if major else 'minor version'} after {database.engine_version}"
        self.inquiry.note(question, newest.version if newest else "none", holds_until=self.inquiry.now)
        return newest


def _targets(answer: Json, database: Database) -> tuple[UpgradeTarget, ...]:
    targets: Any = answer
    return tuple(
        UpgradeTarget(version=target["EngineVersion"], major=target["IsMajorVersionUpgrade"])
        for target in targets
        # RDS for MySQL lists Aurora among its targets, which is another engine, and a migration.
        if target["Engine"] == database.engine and _on_its_path(target["EngineVersion"], database)
    )


def _on_its_path(version: str, database: Database) -> bool:
    """Whether a version is on the upgrade path that the database is on: of RDS for Oracle there are two.

    Release Updates (`19.0.0.0.ru-2026-04.rur-2026-04.r1`, from July 2026 on `.mrp-2026-07.`) are one, Supplemental
    Patch Bundles (`19.0.0.0.ru-2026-04.spb-1.r1`) the other. RDS lists both, and changes between them only for who
    asks. Source: "Oracle minor version upgrades" in the Amazon RDS User Guide.
    """
    return not database.engine.startswith("oracle-") or _bundle(version) == _bundle(database.engine_version)


def _bundle(version: str) -> bool:
    return ".spb-" in version.lower()


def order(version: str) -> list[tuple[int, str]]:
    """Numbers as numbers: 15.10 comes after 15.9, and `19.0.0.0.ru-2024-01` after `19.0.0.0.ru-2023-10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|[a-z]+", version.lower())]


@dataclass(frozen=True, kw_only=True, slots=True)
class UpgradeEngine(Action[Database]):
    """Upgrade the engine to the version that the violation names, in the next maintenance window.

    A violation that names read replicas as well has no plan: those come first. See `Replicas.before`.

    The database is down for minutes, for a major version longer. With `apply_immediately` that is at once, and so
    are all other changes that wait for the window, which the plan names. RDS refuses a major version without
    `allow_major`. There is no inverse: a version once left is not gone back to.
    """

    name: ClassVar[str] = "upgrade-engine"
    permissions: ClassVar[tuple[str, ...]] = ("rds:ModifyDBInstance", "rds:DescribeDBInstances")

    apply_immediately: bool = False
    allow_major: bool = False

    def plan(self, resource: Database, violation: Violation) -> Plan:
        """One call, to the one version in `offending`.

        Raises PermanentError when there is none, as the violation was not written for this action, and while read
        replicas come first.
        """
        first = [one.removeprefix(READ_REPLICA) for one in violation.offending if one.startswith(READ_REPLICA)]
        if first:
            raise PermanentError(f"upgrade its read replicas first: {', '.join(first)}")
        if len(violation.offending) != 1:
            raise PermanentError(
                f"the violation names no version to upgrade {resource.id} to: "
                "give Violation(offending=(target.version, *replicas.before(target)))"
            )
        (version,) = violation.offending
        return Plan(
            action=self.name,
            summary=f"upgrade database {resource.id} from {resource.engine} {resource.engine_version} to {version}"
            f"{self._when(resource)}",
            steps=(self._modify(resource.id, version),),
            irreversible="RDS does not bring an engine back to an older version; a snapshot from before, restored to a "
            "new database, has it",
        )

    def _when(self, resource: Database) -> str:
        if not self.apply_immediately:
            return " in its maintenance window"
        others = f", with all that waits for its window: {', '.join(resource.pending_changes)}"
        return f" at once{others if resource.pending_changes else ''}"

    def _modify(self, identifier: str, version: str) -> Call:
        arguments: dict[str, Json] = {
            "DBInstanceIdentifier": identifier,
            "EngineVersion": version,
            "ApplyImmediately": self.apply_immediately,
        }
        if self.allow_major:
            arguments["AllowMajorVersionUpgrade"] = True
        read = Read(
            service="rds",
            operation="describe_db_instances",
            arguments={"DBInstanceIdentifier": identifier},
            path="DBInstances[0] | PendingModifiedValues.EngineVersion || EngineVersion",
        )
        return Call(
            service="rds",
            operation="modify_db_instance",
            arguments=arguments,
            proof=Proof(read=read, shows=Shows.VALUE, values=(version,)),
            dry_run=False,
        )
