"""RDS databases, and the versions that they can be upgraded to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cloudwarden.aws import rds
from cloudwarden.core.detail import Detail
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import NO_TAGS, Tags
from cloudwarden.testing.defaults import ACCOUNT, LONG_AGO, REGION


def database(
    *,
    id: str = "orders",  # noqa: A002  # the field's name
    account: str = ACCOUNT,
    region: str = REGION,
    tags: Mapping[str, str] = NO_TAGS,
    created: datetime | None = LONG_AGO,
    engine: str = "postgres",
    engine_version: str = "15.4",
    instance_class: str = "db.t4g.medium",
    status: str = "available",
    storage_gib: int = 100,
    encrypted: bool = True,
    publicly_accessible: bool = False,
    multi_az: bool = False,
    cluster: str | None = None,
    replica_of: str | None = None,
    replicas: Sequence[str] = (),
    pending_engine_version: str | None = None,
    pending_changes: Sequence[str] = (),
    dbi_resource_id: str | None = "db-ORDERS",
) -> rds.Database:
    """An available database on its own, made long ago."""
    return rds.Database(
        id=id,
        arn=f"arn:aws:rds:{region}:{account}:db:{id}",
        account=account,
        region=region,
        name=id,
        tags=Tags(tags),
        created=created,
        engine=engine,
        engine_version=engine_version,
        instance_class=instance_class,
        status=status,
        storage_gib=storage_gib,
        storage_type="gp3",
        encrypted=encrypted,
        publicly_accessible=publicly_accessible,
        multi_az=multi_az,
        cluster=cluster,
        replica_of=replica_of,
        replicas=tuple(replicas),
        pending_engine_version=pending_engine_version,
        pending_changes=tuple(pending_changes),
        dbi_resource_id=dbi_resource_id,
    )


def upgrade_targets(database: rds.Database, *versions: str, major: Sequence[str] = ()) -> Mapping[Detail, Json]:
    """Details for a bench: what a database's version can be upgraded to, minor versions and major ones."""
    targets: Json = [
        {"Engine": database.engine, "EngineVersion": version, "IsMajorVersionUpgrade": version in major}
        for version in (*versions, *major)
    ]
    return {rds.valid_targets(database.engine, database.engine_version): targets}


def replica_versions(database: rds.Database, versions: Mapping[str, str]) -> Mapping[Detail, Json]:
    """Details for a bench: the versions that RDS tells of a database's read replicas, each as `replicas` names it."""
    return {
        asked: [
            {"Id": name.split(":")[-1], "Arn": name, "Version": versions[name], "Source": database.arn}
            for name in names
            if name in versions
        ]
        for asked, names in rds.replicas_asked_for(database).items()
    }
