"""What a policy's tests need: builders for every kind of resource, and a bench with a clock of its own and no AWS.

box = instance()
bench = Bench().metric(box, "CPUUtilization", 1.0).metric(box, "NetworkIn", 0.0).metric(box, "NetworkOut", 0.0)
assert bench.judge(stop_idle_instances, box).outcome == "violation"
"""

from cloudwarden.testing.bench import Bench
from cloudwarden.testing.defaults import ACCOUNT, LONG_AGO, NOON, REGION
from cloudwarden.testing.ec2 import (
    address,
    image,
    ingress,
    instance,
    nat_gateway,
    network_interface,
    security_group,
    snapshot,
    volume,
    vpc,
)
from cloudwarden.testing.lambda_ import function
from cloudwarden.testing.rds import database, replica_versions, upgrade_targets
from cloudwarden.testing.s3 import ALL_BLOCKED, bucket, bucket_access

__all__ = [
    "ACCOUNT",
    "ALL_BLOCKED",
    "LONG_AGO",
    "NOON",
    "REGION",
    "Bench",
    "address",
    "bucket",
    "bucket_access",
    "database",
    "function",
    "image",
    "ingress",
    "instance",
    "nat_gateway",
    "network_interface",
    "replica_versions",
    "security_group",
    "snapshot",
    "upgrade_targets",
    "volume",
    "vpc",
]
