"""What depends on a database, and where RDS says so.

Source: AWS "Amazon RDS API Reference" (DBInstance, DescribeDBProxies, DescribeDBProxyTargets).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cloudwarden.aws.looks import listed
from cloudwarden.core.blast import Dependant, Look

PERMISSIONS = ("rds:DescribeDBProxies", "rds:DescribeDBProxyTargets")

Found = Iterator[Dependant | Look]


def of_database(identifier: str, cluster: str | None, replicas: Sequence[str]) -> Found:
    """Its read replicas, its cluster, and the proxies that hand connections on to it."""
    for replica in replicas:
        yield Dependant(kind="rds.database", id=replica, why="is a read replica of it")
    if cluster is not None:
        yield Dependant(kind="rds.cluster", id=cluster, why="has it as a member")

    def proxy(raw: Mapping[str, Any]) -> Found:
        name = raw["DBProxyName"]

        def target(found: Mapping[str, Any]) -> Found:
            named = (found.get("RdsResourceId"), found.get("TrackedClusterId"))
            if identifier in named or (cluster is not None and cluster in named):
                yield Dependant(kind="rds.proxy", id=name, why="hands connections on to it")

        yield listed(
            "proxies",
            "rds",
            "describe_db_proxy_targets",
            "Targets",
            target,
            {"DBProxyName": name, "MaxRecords": 100},
            next_page="Marker",
        )

    yield listed("proxies", "rds", "describe_db_proxies", "DBProxies", proxy, {"MaxRecords": 100}, next_page="Marker")
