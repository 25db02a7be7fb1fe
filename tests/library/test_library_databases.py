"""Which databases nobody uses, and which have an old engine."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cloudwarden import PermanentError, Policy, days, every, hours
from cloudwarden.aws import rds
from cloudwarden.core.plain import Json
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.verdict import Reason
from cloudwarden.library.databases import Unconnected, Upgrades, outdated_engine, unconnected
from cloudwarden.testing import NOON, Bench, database, replica_versions, upgrade_targets

IDLE: AnyPolicy = Policy(name="idle", rule=unconnected, params=Unconnected(), schedule=every(hours=1))
OLD: AnyPolicy = Policy(name="old", rule=outdated_engine, params=Upgrades(), schedule=every(days=1))
MAJORS: AnyPolicy = Policy(name="majors", rule=outdated_engine, params=Upgrades(majors=True), schedule=every(days=1))


@pytest.mark.parametrize(("connections", "outcome"), [(0.0, "violation"), (1.0, "compliant")])
def test_a_database_is_idle_when_nobody_was_connected(connections: float, outcome: str) -> None:
    """One connection at any time is somebody."""
    seen = database()
    assert Bench().metric(seen, "DatabaseConnections", connections).judge(IDLE, seen).outcome == outcome


def test_silence_is_not_idleness() -> None:
    """A database without datapoints is unknown."""
    assert Bench().judge(IDLE, database()).outcome == "unknown"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "stopped"},
        {"status": "stopping"},
        {"status": "deleting"},
        {"status": "creating"},
        {"status": "storage-full"},
        {"cluster": "aurora-1"},
        {"cluster": "aurora-1", "status": "backing-up"},
        {"replica_of": "orders"},
        {"replicas": ("orders-2",)},
        {"engine": "sqlserver-se", "multi_az": True},
        {"created": None},
        {"created": NOON - days(3) + hours(1)},
        {"created": NOON - days(3) + hours(1), "status": "backing-up"},
    ],
)
def test_what_cannot_be_stopped_or_is_new_is_compliant_and_costs_nothing(changes: dict[str, Any]) -> None:
    """Its metrics are never asked for: the bench has none, and would say unknown."""
    assert Bench().judge(IDLE, database(**changes)).outcome == "compliant"


PASSING = (
    "backing-up",
    "maintenance",
    "modifying",
    "rebooting",
    "starting",
    "storage-optimization",
    "upgrading",
    "new",
)


@pytest.mark.parametrize("policy", [IDLE, OLD])
@pytest.mark.parametrize("status", PASSING)
def test_a_status_that_passes_by_itself_is_unknown(policy: AnyPolicy, status: str) -> None:
    """A backup every night must not end a finding every night; a status that nobody knows yet must not either."""
    verdict = Bench().judge(policy, database(status=status))
    assert verdict.outcome == "unknown"
    assert verdict.cause is not None
    assert verdict.cause.reason == Reason.RULE_TEMPORARY


def test_the_newest_minor_version_is_the_one_to_upgrade_to() -> None:
    """15.10 is newer than 15.9, and 16 is another major version."""
    seen = database(engine_version="15.4")
    bench = Bench().knows(upgrade_targets(seen, "15.9", "15.10", "15.5", major=["16.2"]))
    verdict = bench.judge(OLD, seen)
    assert verdict.violation is not None
    assert verdict.violation.offending == ("15.10",)
    assert (major := bench.judge(MAJORS, seen).violation) is not None
    assert major.offending == ("16.2",)


def test_the_newest_version_has_nothing_to_be_upgraded_to() -> None:
    """Only major versions are left."""
    seen = database()
    assert Bench().knows(upgrade_targets(seen, major=["16.2"])).judge(OLD, seen).outcome == "compliant"


def test_another_engine_is_no_upgrade() -> None:
    """RDS lists Aurora among the targets of MySQL."""
    seen = database(engine="mysql", engine_version="8.0.35")
    aurora: Json = [{"Engine": "aurora-mysql", "EngineVersion": "8.0.99", "IsMajorVersionUpgrade": False}]
    (asked,) = upgrade_targets(seen)
    assert Bench().knows({asked: aurora}).judge(OLD, seen).outcome == "compliant"


EAST = "arn:aws:rds:us-east-1:123456789012:db:orders-east"


@pytest.mark.parametrize("engine", ["mysql", "mariadb", "postgres"])
def test_read_replicas_come_before_their_source(engine: str) -> None:
    """Those that are older, in other regions too, and those of which RDS tells no version, such as a cluster."""
    replicas = ("aurora-1", EAST, "orders-2", "orders-3")
    seen = database(engine=engine, engine_version="10.5.8", replicas=replicas)
    bench = Bench().knows(upgrade_targets(seen, "10.5.10"))
    bench.knows(replica_versions(seen, {"orders-2": "10.5.9", "orders-3": "10.5.10", EAST: "10.5.8"}))
    violation = bench.judge(OLD, seen).violation
    assert violation is not None
    assert violation.summary == f"{engine} 10.5.8 can be upgraded to 10.5.10, its read replicas first"
    first = f"aurora-1 (of unknown version), orders-2 (10.5.9), {EAST} (10.5.8)"
    with pytest.raises(PermanentError, match=re.escape(f"upgrade its read replicas first: {first}")):
        rds.UpgradeEngine().plan(seen, violation)


def test_the_source_is_upgraded_once_its_read_replicas_are() -> None:
    """To what they were upgraded to."""
    seen = database(engine="mysql", engine_version="8.0.35", replicas=(EAST, "orders-2"))
    bench = Bench().knows(upgrade_targets(seen, "8.0.40"))
    bench.knows(replica_versions(seen, {"orders-2": "8.0.40", EAST: "8.0.41"}))
    violation = bench.judge(OLD, seen).violation
    assert violation is not None
    (call,) = rds.UpgradeEngine().plan(seen, violation).calls
    assert call.arguments["EngineVersion"] == "8.0.40"


def test_a_namesake_is_no_read_replica() -> None:
    """A cluster may be called as an instance of something else, whose version says nothing."""
    seen = database(engine="mysql", engine_version="8.0.35", replicas=("reports",))
    (asked,) = rds.replicas_asked_for(seen)
    other: Json = [{"Id": "reports", "Arn": "arn", "Version": "8.4.1", "Source": None}]
    violation = Bench().knows(upgrade_targets(seen, "8.0.40")).knows({asked: other}).judge(OLD, seen).violation
    assert violation is not None
    assert violation.offending == ("8.0.40", "read replica reports (of unknown version)")


def test_replicas_that_cannot_be_read_leave_it_unknown() -> None:
    """Nobody can tell whether its turn has come."""
    seen = database(engine="mysql", engine_version="8.0.35", replicas=("orders-2",))
    bench = Bench().knows(upgrade_targets(seen, "8.0.40")).denied(*rds.replicas_asked_for(seen))
    assert bench.judge(OLD, seen).outcome == "unknown"


@pytest.mark.parametrize(
    ("policy", "changes"),
    [(MAJORS, {}), (OLD, {"engine": "oracle-ee"}), (OLD, {"engine": "sqlserver-ee"}), (OLD, {"replicas": ()})],
)
def test_what_rds_upgrades_with_its_source_is_not_asked_for(policy: AnyPolicy, changes: dict[str, Any]) -> None:
    """Replicas of Oracle and SQL Server, and for a major version those of PostgreSQL."""
    seen = database(**{"engine_version": "15.4", "replicas": ("orders-2",), **changes})
    versions = upgrade_targets(seen, major=["16.2"]) if policy is MAJORS else upgrade_targets(seen, "15.9")
    violation = Bench().knows(versions).judge(policy, seen).violation
    assert violation is not None
    assert len(violation.offending) == 1


@pytest.mark.parametrize(
    ("engine", "newest"), [("postgres", "15.9"), ("mysql", "16.2"), ("oracle-ee", None), ("sqlserver-ee", None)]
)
def test_a_read_replica_is_upgraded_by_itself_where_rds_does(engine: str, newest: str | None) -> None:
    """One of PostgreSQL to a minor version only; those of Oracle and SQL Server never."""
    seen = database(engine=engine, engine_version="15.4", replica_of="orders")
    violation = Bench().knows(upgrade_targets(seen, "15.9", major=["16.2"])).judge(MAJORS, seen).violation
    assert (violation.offending if violation else None) == ((newest,) if newest else None)


ORACLE_TARGETS = (
    "19.0.0.0.ru-2026-04.rur-2026-04.r1",
    "19.0.0.0.ru-2026-04.spb-1.r1",
    "19.0.0.0.ru-2026-07.mrp-2026-07.r1",
    "19.0.0.0.ru-2026-07.mrp-2026-08.r1",
    "19.0.0.0.ru-2026-07.spb-1.r1",
)


@pytest.mark.parametrize(
    ("version", "newest"),
    [
        ("19.0.0.0.ru-2026-01.rur-2026-01.r1", "19.0.0.0.ru-2026-07.mrp-2026-08.r1"),
        ("19.0.0.0.ru-2026-07.mrp-2026-07.r1", "19.0.0.0.ru-2026-07.mrp-2026-08.r1"),
        ("19.0.0.0.ru-2026-01.spb-1.r1", "19.0.0.0.ru-2026-07.spb-1.r1"),
    ],
)
def test_an_oracle_database_stays_on_its_upgrade_path(version: str, newest: str) -> None:
    """RDS lists the Supplemental Patch Bundles of those on Release Updates too, and the other way round."""
    seen = database(engine="oracle-se2", engine_version=version)
    violation = Bench().knows(upgrade_targets(seen, *ORACLE_TARGETS)).judge(OLD, seen).violation
    assert violation is not None
    assert violation.offending == (newest,)


def test_the_newest_release_update_of_oracle_has_nothing_to_be_upgraded_to() -> None:
    """The bundle of the same quarter is another path, no newer version."""
    seen = database(engine="oracle-ee-cdb", engine_version="19.0.0.0.ru-2026-04.rur-2026-04.r1")
    bench = Bench().knows(upgrade_targets(seen, "19.0.0.0.ru-2026-04.spb-1.r1"))
    assert bench.judge(OLD, seen).outcome == "compliant"


@pytest.mark.parametrize("answer", [None, [{}], [{"Engine": "postgres"}], "no"])
def test_a_version_that_rds_does_not_describe_is_unknown(answer: Any) -> None:
    """No answer is not "there is nothing newer"."""
    seen = database()
    (asked,) = upgrade_targets(seen)
    assert Bench().knows({asked: answer}).judge(OLD, seen).outcome == "unknown"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "stopped"},
        {"cluster": "aurora-1", "status": "backing-up"},
        {"pending_engine_version": "15.10"},
        {"pending_engine_version": "15.10", "status": "upgrading"},
    ],
)
def test_what_cannot_be_upgraded_or_is_about_to_be_is_compliant(changes: dict[str, Any]) -> None:
    """Nothing is asked for it."""
    assert Bench().judge(OLD, database(**changes)).outcome == "compliant"
