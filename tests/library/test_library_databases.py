"""Which databases nobody uses, and which have an old engine."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwarden import Policy, days, every, hours
from cloudwarden.core.plain import Json
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.verdict import Reason
from cloudwarden.library.databases import Unconnected, Upgrades, outdated_engine, unconnected
from cloudwarden.testing import NOON, Bench, database, upgrade_targets

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
