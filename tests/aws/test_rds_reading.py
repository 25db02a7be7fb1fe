"""How databases and their upgrade targets are read from RDS."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwarden.aws import rds
from cloudwarden.aws.details import DetailEvidence
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.rds import database
from cloudwarden.core.detail import UnreadTags
from cloudwarden.core.evidence import Unreadable
from cloudwarden.testing import NOON
from stub_aws import SCOPE, Asked, Reply, StubAws, query_error, query_xml
from stub_sessions import sessions_to

TARGETS = rds.valid_targets("postgres", "15.4")
TARGET = (
    "<UpgradeTarget><Engine>postgres</Engine><EngineVersion>15.9</EngineVersion>"
    "<IsMajorVersionUpgrade>false</IsMajorVersionUpgrade></UpgradeTarget>"
)


def described(**changes: Any) -> dict[str, Any]:
    """A database as DescribeDBInstances gives it, without what no rule reads."""
    return {
        "DBInstanceIdentifier": "orders",
        "DBInstanceArn": "arn:aws:rds:eu-central-1:123456789012:db:orders",
        "DbiResourceId": "db-FAIHNTYBKTGAUSUZQYPDS2GW4A",
        "Engine": "postgres",
        "EngineVersion": "15.4",
        "DBInstanceClass": "db.m7g.large",
        "DBInstanceStatus": "available",
        "InstanceCreateTime": NOON,
        "AllocatedStorage": 100,
        "StorageType": "gp3",
        "StorageEncrypted": True,
        "PubliclyAccessible": False,
        "MultiAZ": True,
        "ReadReplicaDBInstanceIdentifiers": [],
        "TagList": [{"Key": "owner", "Value": "shop"}],
        **changes,
    }


def page(*names: str, marker: str = "") -> Reply:
    """One page of DescribeDBInstances."""
    fields = (
        "<DBInstanceArn>arn</DBInstanceArn><Engine>postgres</Engine><EngineVersion>15.4</EngineVersion>"
        "<DBInstanceClass>db.m7g.large</DBInstanceClass><DBInstanceStatus>available</DBInstanceStatus>"
        "<AllocatedStorage>100</AllocatedStorage><StorageType>gp3</StorageType><StorageEncrypted>true</StorageEncrypted>"
        "<PubliclyAccessible>false</PubliclyAccessible><MultiAZ>false</MultiAZ><TagList/>"
    )
    items = "".join(
        f"<DBInstance><DBInstanceIdentifier>{name}</DBInstanceIdentifier>{fields}</DBInstance>" for name in names
    )
    following = f"<Marker>{marker}</Marker>" if marker else ""
    return query_xml("DescribeDBInstances", f"{following}<DBInstances>{items}</DBInstances>")


def listed(aws: StubAws) -> tuple[list[str], bool]:
    """Ids of the databases listed, and whether those are all."""
    listing = AwsInventory(sessions_to(aws), rds.KINDS).list(rds.Database, SCOPE)
    return [resource.id for resource in listing.resources], listing.complete


def test_all_pages_are_read_by_their_markers(aws: StubAws) -> None:
    """RDS calls its token Marker, and gives at most a hundred a page."""
    aws.on("DescribeDBInstances", page("a", marker="m1"), page("b"))
    assert listed(aws) == (["a", "b"], True)
    asked = [one.parameters for one in aws.asked if one.operation == "DescribeDBInstances"]
    assert [(one.get("Marker"), one["MaxRecords"]) for one in asked] == [(None, "100"), ("m1", "100")]


def test_a_marker_that_leads_nowhere_leaves_the_listing_incomplete(aws: StubAws) -> None:
    """The first page alone is not all there is."""
    aws.on("DescribeDBInstances", page("a", marker="m1"), query_error("InternalFailure", status=500))
    assert listed(aws) == (["a"], False)


def test_one_is_read_by_its_identifier_and_gone_when_rds_says_so(aws: StubAws) -> None:
    """Without a page size, which is no matter then."""

    def one(asked: Asked) -> Reply:
        return page(asked.parameters["DBInstanceIdentifier"])

    aws.on("DescribeDBInstances", one, query_error("DBInstanceNotFound", status=404))
    inventory = AwsInventory(sessions_to(aws), rds.KINDS)
    assert [found.id for found in inventory.get(rds.Database, SCOPE, "orders").resources] == ["orders"]
    gone = inventory.get(rds.Database, SCOPE, "orders")
    assert (gone.resources, gone.complete) == ((), True)


def test_a_database_is_read_with_what_rules_need() -> None:
    """Every field comes from the description."""
    pending = {"EngineVersion": "15.9", "MultiAZ": False, "DBInstanceClass": "db.r6g.large"}
    seen = database.KIND.view(described(PendingModifiedValues=pending), SCOPE)
    assert seen.pending_changes == ("DBInstanceClass=db.r6g.large", "MultiAZ=False")
    assert (seen.engine_version, seen.pending_engine_version, seen.storage_gib) == ("15.4", "15.9", 100)
    assert (seen.created, seen.multi_az, seen.tags["owner"]) == (NOON, True, "shop")
    assert seen.identity == "db-FAIHNTYBKTGAUSUZQYPDS2GW4A"
    assert seen.unstoppable is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"DBInstanceStatus": "modifying"}, "it is modifying"),
        ({"DBClusterIdentifier": "aurora-1"}, "belongs to cluster aurora-1"),
        ({"ReadReplicaSourceDBInstanceIdentifier": "main"}, "read replica of main"),
        ({"ReadReplicaSourceDBClusterIdentifier": "aurora-1"}, "read replica of aurora-1"),
        ({"ReadReplicaDBInstanceIdentifiers": ["b", "a"]}, "has read replicas: a, b"),
        ({"ReadReplicaDBClusterIdentifiers": ["c"]}, "has read replicas: c"),
        ({"Engine": "sqlserver-ee"}, "SQL Server"),
    ],
)
def test_a_database_says_why_rds_would_not_stop_it(changes: dict[str, Any], reason: str) -> None:
    """Each of what the user guide excludes."""
    unstoppable = database.KIND.view(described(**changes), SCOPE).unstoppable
    assert unstoppable is not None
    assert reason in unstoppable


def test_a_database_that_is_being_made_has_no_time_of_making() -> None:
    """RDS says it once the database is there."""
    raw = described(DBInstanceStatus="creating")
    del raw["InstanceCreateTime"]
    assert database.KIND.view(raw, SCOPE).created is None


@pytest.mark.parametrize("missing", ["DBInstanceStatus", "StorageEncrypted", "PubliclyAccessible", "EngineVersion"])
def test_a_description_without_what_rules_need_is_malformed(missing: str) -> None:
    """It raises KeyError: a guess would be judged as if it had been read."""
    raw = described()
    del raw[missing]
    with pytest.raises(KeyError, match=missing):
        database.KIND.view(raw, SCOPE)


def test_tags_that_rds_leaves_out_are_unread_and_asked_for_by_arn() -> None:
    """In some regions the description has no list of tags, and then says nothing of them."""
    raw = described()
    del raw["TagList"]
    tags = database.KIND.view(raw, SCOPE).tags
    assert isinstance(tags, UnreadTags)
    assert tags.detail.arguments == (("ResourceName", raw["DBInstanceArn"]),)


def targets(aws: StubAws) -> object:
    """What the upgrade targets are answered with."""
    return DetailEvidence(sessions_to(aws)).answer(SCOPE, [TARGETS], NOON)[TARGETS]


def test_the_versions_of_read_replicas_are_asked_for_by_region(aws: StubAws) -> None:
    """In one call for each; RDS answers with those that are instances."""
    east = "arn:aws:rds:us-east-1:123456789012:db:c"
    source = database.KIND.view(described(ReadReplicaDBInstanceIdentifiers=["a", east, "b"]), SCOPE)
    here, there = sorted(rds.replicas_asked_for(source), key=lambda one: one.region or "")
    aws.on(
        "DescribeDBInstances",
        query_xml(
            "DescribeDBInstances",
            "<DBInstances><DBInstance><DBInstanceIdentifier>a</DBInstanceIdentifier><DBInstanceArn>arn:a</DBInstanceArn>"
            "<EngineVersion>15.9</EngineVersion><ReadReplicaSourceDBInstanceIdentifier>orders"
            "</ReadReplicaSourceDBInstanceIdentifier></DBInstance></DBInstances>",
        ),
    )
    answered = DetailEvidence(sessions_to(aws)).answer(SCOPE, [here], NOON)[here]
    assert answered == [{"Id": "a", "Arn": "arn:a", "Version": "15.9", "Source": "orders"}]
    asked = aws.asked[-1].parameters
    values = [asked[f"Filters.Filter.1.Values.Value.{number}"] for number in (1, 2)]
    assert (asked["Filters.Filter.1.Name"], values) == ("db-instance-id", ["a", "b"])
    assert (there.region, there.request) == ("us-east-1", {"Filters": [{"Name": "db-instance-id", "Values": [east]}]})


def versions(inner: str, marker: str = "") -> Reply:
    """An answer of DescribeDBEngineVersions."""
    return query_xml("DescribeDBEngineVersions", f"{marker}<DBEngineVersions>{inner}</DBEngineVersions>")


def test_upgrade_targets_are_read_for_old_versions_too(aws: StubAws) -> None:
    """A version that RDS no longer offers is the one to be left."""
    described_version = f"<DBEngineVersion><ValidUpgradeTarget>{TARGET}</ValidUpgradeTarget></DBEngineVersion>"
    aws.on("DescribeDBEngineVersions", versions(described_version))
    assert targets(aws) == [{"Engine": "postgres", "EngineVersion": "15.9", "IsMajorVersionUpgrade": False}]
    assert aws.asked[-1].parameters["IncludeAll"] == "true"


def test_a_version_that_rds_does_not_know_has_no_answer(aws: StubAws) -> None:
    """None is told from a version without targets, which is an empty list."""
    aws.on("DescribeDBEngineVersions", versions(""))
    assert targets(aws) is None
    aws.on("DescribeDBEngineVersions", versions("<DBEngineVersion><ValidUpgradeTarget/></DBEngineVersion>"))
    assert targets(aws) == []


def test_a_detail_that_goes_on_is_unreadable(aws: StubAws) -> None:
    """Half of an answer is none."""
    aws.on("DescribeDBEngineVersions", versions("", marker="<Marker>m1</Marker>"))
    unreadable = targets(aws)
    assert isinstance(unreadable, Unreadable)
    assert unreadable.cause.reason == "malformed-answer"
