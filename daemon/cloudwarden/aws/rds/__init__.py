"""Amazon RDS: database instances, who is connected to them, and stopping and upgrading them."""

from typing import Any

from cloudwarden.aws.kind import Kind
from cloudwarden.aws.rds import database
from cloudwarden.aws.rds.database import Connections, Database, Start, Stop
from cloudwarden.aws.rds.replicas import Replicas, replicas_asked_for
from cloudwarden.aws.rds.upgrade import UpgradeEngine, UpgradeTarget, UpgradeTargets, valid_targets

KINDS: tuple[Kind[Any], ...] = (database.KIND,)
"""How each kind of RDS resource is read."""

__all__ = [
    "KINDS",
    "Connections",
    "Database",
    "Replicas",
    "Start",
    "Stop",
    "UpgradeEngine",
    "UpgradeTarget",
    "UpgradeTargets",
    "replicas_asked_for",
    "valid_targets",
]
