"""RDS database instances: what they are, who is connected, and stopping and starting them.

Source: AWS "Amazon RDS API Reference" (DescribeDBInstances, StopDBInstance, StartDBInstance), and of the "Amazon
RDS User Guide": "Stopping an Amazon RDS DB instance temporarily", "Viewing Amazon RDS DB instance status" and "Amazon
CloudWatch metrics for Amazon RDS".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cloudwarden.aws.kind import Kind
from cloudwarden.aws.rds.dependants import PERMISSIONS, of_database
from cloudwarden.aws.tags import tags_by, tags_of
from cloudwarden.core.action import Action, Call, Plan, Proof, Read, Shows, Wait
from cloudwarden.core.blast import Dependant, Look
from cloudwarden.core.detail import Detail, UnreadTags
from cloudwarden.core.errors import PermanentError
from cloudwarden.core.evidence import Evidence
from cloudwarden.core.metric import Metric
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.saving import Charge, Charges, Uncharged
from cloudwarden.core.verdict import Violation


@dataclass(frozen=True, kw_only=True, slots=True)
class Database(Resource):
    """A database instance; its id is its DB instance identifier.

    `status` is RDS's word: available, stopped, creating, modifying, and many more. `created` is None while it is
    being made. `dbi_resource_id` never changes, and tells it from another that is given its name, by a blue/green
    switchover, say. `cluster` is set for an instance of Aurora, of a Multi-AZ DB cluster, and of Neptune and
    DocumentDB, which RDS lists too. `replica_of` names the instance or cluster that it is a read replica of;
    `replicas` those that are replicas of it. `pending_engine_version` is a change of version that is under way, or
    waits for the maintenance window, and `pending_changes` are all others, each as `DBInstanceClass=db.r6g.large`.
    """

    kind: ClassVar[str] = "rds.database"
    dependants_permissions: ClassVar[tuple[str, ...]] = PERMISSIONS
    ids_come_again: ClassVar[bool] = True

    engine: str
    engine_version: str
    instance_class: str
    status: str
    storage_gib: int
    storage_type: str
    encrypted: bool
    publicly_accessible: bool
    multi_az: bool
    cluster: str | None = None
    replica_of: str | None = None
    replicas: tuple[str, ...] = ()
    pending_engine_version: str | None = None
    pending_changes: tuple[str, ...] = ()
    dbi_resource_id: str | None = None

    @property
    def identity(self) -> str | None:
        """RDS's own name for it."""
        return self.dbi_resource_id

    @property
    def available(self) -> bool:
        """Whether it runs, costs, and takes changes."""
        return self.status == "available"

    @property
    def changing(self) -> bool:
        """Whether its status passes by itself (a backup, a change, maintenance): what it will be, nobody can tell yet.

        A status that this version of Cloudwarden does not know is taken for such a one.
        """
        return not self.available and self.status not in _SETTLED

    @property
    def upgraded_with(self) -> str | None:
        """What RDS upgrades it with, never by itself: its cluster, or the source of a replica; None when by itself.

        A replica of Oracle that is upgraded first is put back to its version, unless it takes its source's place.
        Source: "Read replica considerations" and "Upgrading with Replica First Patching" in the Amazon RDS User Guide.
        """
        with_its_source = self.engine.startswith(("oracle-", "sqlserver-"))
        return self.cluster or (self.replica_of if with_its_source else None)

    @property
    def unstoppable(self) -> str | None:
        """Why RDS would refuse to stop it, in words; None when it can be stopped."""
        return self.never_stopped or (None if self.available else f"it is {self.status}")

    @property
    def never_stopped(self) -> str | None:
        """Why RDS would refuse to stop it whatever its status, in words; None when it would not."""
        checks = (
            (self.cluster is not None, f"it belongs to cluster {self.cluster}, which is stopped as a whole"),
            (self.replica_of is not None, f"it is a read replica of {self.replica_of}"),
            (bool(self.replicas), f"it has read replicas: {', '.join(self.replicas)}"),
            (self.multi_az and self.engine.startswith("sqlserver"), "SQL Server in several zones cannot be stopped"),
        )
        return next((reason for holds, reason in checks if holds), None)

    def dependants(self) -> Iterator[Dependant | Look]:
        """Its read replicas, its cluster, its proxies."""
        return of_database(self.id, self.cluster, self.replicas)

    @property
    def computing(self) -> Charges:
        """What its instances cost while they run."""
        if self.cluster is not None or self.engine not in _PRICED:
            return Uncharged(why=f"no price is known of {self.engine}{' in a cluster' if self.cluster else ''}")
        if self.status == "stopped":
            return ()
        table = f"rds-{self.engine}-hour"
        return (Charge(region=self.region, table=table, item=self.instance_class, quantity=self._copies),)

    @property
    def charges(self) -> Charges:
        """Its computing and its storage; IOPS that were ordered, and backups, come on top."""
        computing = self.computing
        if isinstance(computing, Uncharged):
            return computing
        size = self.storage_gib * self._copies
        return (*computing, Charge(region=self.region, table="rds-gib-month", item=self.storage_type, quantity=size))

    @property
    def _copies(self) -> int:
        return 2 if self.multi_az else 1


_SETTLED = frozenset(
    (
        "creating",
        "delete-precheck",
        "deleting",
        "failed",
        "inaccessible-encryption-credentials",
        "inaccessible-encryption-credentials-recoverable",
        "incompatible-network",
        "incompatible-option-group",
        "incompatible-parameters",
        "incompatible-restore",
        "insufficient-capacity",
        "restore-error",
        "stopped",
        "stopping",
        "storage-full",
    )
)
"""Statuses, beside available, that last until somebody does something, or after which it is another database or none.

The others of "Viewing Amazon RDS DB instance status" pass within minutes to days: backing-up every day, maintenance,
modifying, rebooting, renaming, starting, storage-optimization, upgrading, and what is being configured, moved or reset.
"""

_PRICED = ("mariadb", "mysql", "postgres")
"""Engines without a license of their own; elsewhere the price depends on it."""


def _unread_tags(arn: str) -> UnreadTags:
    """Tags to be asked for. An empty list in the description is no tags; in some regions RDS leaves the list out."""
    arguments = (("ResourceName", arn),)
    return tags_by(Detail(service="rds", operation="list_tags_for_resource", arguments=arguments, path="TagList"))


def _view(raw: Mapping[str, Any], scope: Scope) -> Database:
    tags = tags_of(raw["TagList"]) if "TagList" in raw else _unread_tags(raw["DBInstanceArn"])
    replicas = (*raw.get("ReadReplicaDBInstanceIdentifiers", ()), *raw.get("ReadReplicaDBClusterIdentifiers", ()))
    pending = dict(raw.get("PendingModifiedValues", {}))
    return Database(
        id=raw["DBInstanceIdentifier"],
        arn=raw["DBInstanceArn"],
        account=scope.account,
        region=scope.region,
        name=raw["DBInstanceIdentifier"],
        tags=tags,
        created=raw.get("InstanceCreateTime"),
        engine=raw["Engine"],
        engine_version=raw["EngineVersion"],
        instance_class=raw["DBInstanceClass"],
        status=raw["DBInstanceStatus"],
        storage_gib=raw["AllocatedStorage"],
        storage_type=raw["StorageType"],
        encrypted=raw["StorageEncrypted"],
        publicly_accessible=raw["PubliclyAccessible"],
        multi_az=raw["MultiAZ"],
        cluster=raw.get("DBClusterIdentifier"),
        replica_of=raw.get("ReadReplicaSourceDBInstanceIdentifier") or raw.get("ReadReplicaSourceDBClusterIdentifier"),
        replicas=tuple(sorted(replicas)),
        pending_engine_version=pending.pop("EngineVersion", None),
        pending_changes=tuple(sorted(f"{name}={value}" for name, value in pending.items())),
        dbi_resource_id=raw.get("DbiResourceId"),
    )


KIND = Kind(
    resource=Database,
    service="rds",
    operation="describe_db_instances",
    items=("DBInstances",),
    view=_view,
    by_id=lambda identifier: {"DBInstanceIdentifier": identifier},
    permissions=("rds:DescribeDBInstances", "rds:ListTagsForResource"),
    page_size=100,
    page_size_name="MaxRecords",
    next_page="Marker",
)


class Connections(Evidence):
    """Who is connected to a database, from its CloudWatch metrics. A missing datapoint is unknown, never nobody."""

    __slots__ = ()

    permissions: ClassVar[tuple[str, ...]] = ("cloudwatch:GetMetricData",)

    @property
    def count(self) -> Metric:
        """The most client connections at once in each period; RDS's own are not counted."""
        return Metric(
            inquiry=self.inquiry,
            name="connections",
            unit="connections",
            namespace="AWS/RDS",
            metrics=("DatabaseConnections",),
            dimensions=(("DBInstanceIdentifier", self.resource.id),),
            statistic="Maximum",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop(Action[Database]):
    """Stop the database. Storage and backups stay, and cost; AWS starts it again by itself after seven days."""

    name: ClassVar[str] = "stop-database"
    permissions: ClassVar[tuple[str, ...]] = ("rds:StopDBInstance", "rds:DescribeDBInstances")

    def plan(self, resource: Database, violation: Violation) -> Plan:
        """One call; the inverse starts it again once it has stopped.

        Raises PermanentError for a database that cannot be stopped.
        """
        del violation
        if resource.unstoppable is not None:
            raise PermanentError(f"{resource.id} cannot be stopped: {resource.unstoppable}")
        return Plan(
            action=self.name,
            summary=f"stop database {resource.id} ({resource.engine}, {resource.instance_class}), which AWS "
            "starts again after seven days",
            steps=(_stop(resource.id),),
            inverse=(_until(resource.id, "stopped"), _start(resource.id)),
        )

    def frees(self, resource: Database) -> Charges:
        """Its computing alone, and for the seven days after which AWS starts it again."""
        return resource.computing


@dataclass(frozen=True, kw_only=True, slots=True)
class Start(Action[Database]):
    """Start a database that is stopped."""

    name: ClassVar[str] = "start-database"
    permissions: ClassVar[tuple[str, ...]] = ("rds:StartDBInstance", "rds:DescribeDBInstances")

    def plan(self, resource: Database, violation: Violation) -> Plan:
        """One call; the inverse stops it again once it is available."""
        del violation
        return Plan(
            action=self.name,
            summary=f"start database {resource.id} ({resource.engine}, {resource.instance_class})",
            steps=(_start(resource.id),),
            inverse=(_until(resource.id, "available"), _stop(resource.id)),
        )


def _stop(identifier: str) -> Call:
    return _change("stop_db_instance", identifier, "stopping", "stopped")


def _start(identifier: str) -> Call:
    return _change("start_db_instance", identifier, "starting", "available")


def _change(operation: str, identifier: str, *statuses: str) -> Call:
    proof = Proof(read=_status(identifier), shows=Shows.VALUE, values=statuses)
    named = {"DBInstanceIdentifier": identifier}
    return Call(service="rds", operation=operation, arguments=named, proof=proof, dry_run=False)


def _until(identifier: str, status: str) -> Wait:
    # Until then RDS refuses to start, or stop, it: InvalidDBInstanceState, in StartDBInstance and StopDBInstance of the
    # Amazon RDS API Reference. Either takes minutes, and no bound is documented.
    return Wait(read=_status(identifier), until=(status,))


def _status(identifier: str) -> Read:
    return Read(
        service="rds",
        operation="describe_db_instances",
        arguments={"DBInstanceIdentifier": identifier},
        path="DBInstances[0].DBInstanceStatus",
    )
