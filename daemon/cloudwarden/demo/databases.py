"""The demo's databases: who plays, putting them into the simulation, and how busy they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult
from moto.rds.responses import RDSResponse

NEWEST = "15.9"
"""What the older ones can be upgraded to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Databases:
    """Databases of one role: how many, how many connections their metrics show (None is nothing at all)."""

    role: str
    count: int
    connections: int | None
    version: str = NEWEST


DATABASES = (
    Databases(role="unused", count=3, connections=0),
    Databases(role="shop", count=3, connections=40),
    Databases(role="outdated", count=2, connections=12, version="15.4"),
    Databases(role="unmeasured", count=1, connections=None),
)


def seed(rds: Any) -> Mapping[str, Sequence[str]]:
    """Make the databases by a client of RDS; a role's name to its databases' identifiers."""
    # The simulation does not know this operation by itself.
    responses: Any = RDSResponse
    responses.describe_db_engine_versions = _versions
    return {kind.role: [_database(rds, kind, number) for number in range(kind.count)] for kind in DATABASES}


def connections(databases: Mapping[str, Sequence[str]]) -> Mapping[str, int]:
    """How many connections each database that is measured shows."""
    return {
        name: kind.connections for kind in DATABASES if kind.connections is not None for name in databases[kind.role]
    }


def _database(rds: Any, kind: Databases, number: int) -> str:
    name = f"{kind.role}-{number:02}"
    rds.create_db_instance(
        DBInstanceIdentifier=name,
        DBInstanceClass="db.t4g.medium",
        Engine="postgres",
        EngineVersion=kind.version,
        AllocatedStorage=20,
        StorageType="gp3",
        MasterUsername="demo",
        MasterUserPassword="of-the-demo",  # of a database that does not exist
        PubliclyAccessible=False,
        Tags=[{"Key": "owner", "Value": "shop"}],
    )
    return name


def _versions(response: RDSResponse) -> ActionResult:
    """DescribeDBEngineVersions, as far as upgrades go."""
    version = response.params["EngineVersion"]
    target = {"Engine": "postgres", "EngineVersion": NEWEST, "IsMajorVersionUpgrade": False}
    described = {"Engine": "postgres", "EngineVersion": version}
    return ActionResult(
        {"DBEngineVersions": [{**described, "ValidUpgradeTarget": [] if version == NEWEST else [target]}]}
    )
