"""Actions on buckets and databases: what they would call, and what they do to a simulated AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from cloudwarden import Action, PermanentError, Violation
from cloudwarden.aws import rds, s3
from cloudwarden.aws.access.account import AwsAccess
from cloudwarden.aws.actuator import AwsActuator
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.s3.public_access import NO_BLOCK
from cloudwarden.aws.session import Sessions
from cloudwarden.core.action import Step, Wait
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.testing import bucket, database
from stub_sessions import Heard, simulated_limits

ACCOUNT = "123456789012"
SCOPE = Scope(account=ACCOUNT, region="eu-west-1")
EVERYWHERE = Scope(account=ACCOUNT, region=GLOBAL)
NOTHING_SPECIAL = Violation(summary="for a test")


@pytest.fixture
def sessions() -> Iterator[Sessions]:
    """The way to an empty simulated AWS."""
    with mock_aws():
        heard = Heard()
        yield Sessions(AwsAccess(regions=(SCOPE.region,), attempts=1), heard, simulated_limits(heard))


def carried_out(sessions: Sessions, scope: Scope, *steps: Step) -> None:
    """Call each step; its effect must show after it, and not before. What a wait is for must be there."""
    actuator = AwsActuator(sessions)
    for step in steps:
        if isinstance(step, Wait):
            assert actuator.read(scope, step.read) in step.until, "its wait does not end"
            continue
        assert not step.proof.shown_by(actuator.read(scope, step.proof.read)), "it looked done before it was called"
        actuator.call(scope, step)
        assert step.proof.shown_by(actuator.read(scope, step.proof.read)), "its proof does not see its effect"


def block_of(sessions: Sessions, name: str) -> Any:
    """A bucket's public access block."""
    client: Any = sessions.client("s3", SCOPE)
    return client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]


@pytest.fixture
def a_bucket(sessions: Sessions) -> s3.Bucket:
    """A new bucket without a block."""
    client: Any = sessions.client("s3", SCOPE)
    client.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": SCOPE.region})
    (seen,) = AwsInventory(sessions, s3.KINDS).list(s3.Bucket, EVERYWHERE).resources
    assert isinstance(seen, s3.Bucket)
    return seen


def test_a_bucket_without_a_block_gets_one_and_loses_it_again(sessions: Sessions, a_bucket: s3.Bucket) -> None:
    """There and back."""
    plan = s3.BlockPublicAccess().plan(a_bucket, Violation(summary="", offending=(NO_BLOCK,)))
    carried_out(sessions, EVERYWHERE, *plan.steps)
    assert set(block_of(sessions, a_bucket.id).values()) == {True}
    carried_out(sessions, EVERYWHERE, *plan.inverse)
    with pytest.raises(Exception, match="NoSuchPublicAccessBlockConfiguration"):
        block_of(sessions, a_bucket.id)


def test_settings_that_were_on_stay_on_when_it_is_undone(sessions: Sessions, a_bucket: s3.Bucket) -> None:
    """And those that were off go off again."""
    before = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    client: Any = sessions.client("s3", SCOPE)
    client.put_public_access_block(Bucket=a_bucket.id, PublicAccessBlockConfiguration=before)
    lacking = Violation(summary="", offending=("BlockPublicPolicy", "RestrictPublicBuckets"))
    plan = s3.BlockPublicAccess().plan(a_bucket, lacking)
    carried_out(sessions, EVERYWHERE, *plan.steps, *plan.inverse)
    assert block_of(sessions, a_bucket.id) == before


def test_a_violation_that_names_no_setting_cannot_be_repaired() -> None:
    """The message says what to give."""
    with pytest.raises(PermanentError, match=r"access\.lacking"):
        s3.BlockPublicAccess().plan(bucket(), NOTHING_SPECIAL)


def test_what_was_there_is_part_of_what_was_approved() -> None:
    """Somebody who changes the block meanwhile changes the plan, and it is asked about again."""
    plans = [
        s3.BlockPublicAccess().plan(bucket(), Violation(summary="", offending=offending))
        for offending in ((NO_BLOCK,), ("RestrictPublicBuckets",))
    ]
    assert plans[0].hash != plans[1].hash


@pytest.fixture
def a_database(sessions: Sessions) -> rds.Database:
    """A new database."""
    client: Any = sessions.client("rds", SCOPE)
    client.create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        EngineVersion="15.4",
        AllocatedStorage=20,
        MasterUsername="admin1",
        MasterUserPassword="not-a-secret",
        PubliclyAccessible=False,  # moto says it only when it was told
    )
    return reread(sessions)


def reread(sessions: Sessions) -> rds.Database:
    """The database as it is now."""
    (seen,) = AwsInventory(sessions, rds.KINDS).get(rds.Database, SCOPE, "orders").resources
    assert isinstance(seen, rds.Database)
    return seen


def test_a_database_stops_and_starts_again(sessions: Sessions, a_database: rds.Database) -> None:
    """There and back; whoever approves is told that AWS does the latter by itself."""
    plan = rds.Stop().plan(a_database, NOTHING_SPECIAL)
    assert "AWS starts again after seven days" in plan.summary
    carried_out(sessions, SCOPE, *plan.steps)
    assert reread(sessions).status == "stopped"
    carried_out(sessions, SCOPE, *plan.inverse)
    assert reread(sessions).available
    assert reread(sessions).identity == a_database.identity is not None


def test_a_database_is_upgraded_to_the_version_that_was_named(sessions: Sessions, a_database: rds.Database) -> None:
    """Moto does it at once; AWS shows it as pending first, which proves it as well."""
    plan = rds.UpgradeEngine(apply_immediately=True).plan(a_database, Violation(summary="", offending=("15.9",)))
    carried_out(sessions, SCOPE, *plan.steps)
    assert reread(sessions).engine_version == "15.9"


def test_an_upgrade_waits_for_the_window_and_stays_minor_unless_asked() -> None:
    """A major version needs a word of its own, and RDS refuses it without."""
    violation = Violation(summary="", offending=("16.2",))
    (careful,) = rds.UpgradeEngine().plan(database(), violation).calls
    (bold,) = rds.UpgradeEngine(apply_immediately=True, allow_major=True).plan(database(), violation).calls
    assert careful.arguments == {"DBInstanceIdentifier": "orders", "EngineVersion": "16.2", "ApplyImmediately": False}
    assert (bold.arguments["ApplyImmediately"], bold.arguments["AllowMajorVersionUpgrade"]) == (True, True)


def test_an_upgrade_at_once_says_what_else_it_brings() -> None:
    """What waits for the window is done with it, so that whoever approved it before somebody ordered that is asked."""
    violation, at_once = Violation(summary="", offending=("15.9",)), rds.UpgradeEngine(apply_immediately=True)
    larger = database(pending_changes=("DBInstanceClass=db.r6g.large",))
    told = at_once.plan(larger, violation)
    assert "with all that waits for its window: DBInstanceClass=db.r6g.large" in told.summary
    assert told.hash != at_once.plan(database(), violation).hash
    assert rds.UpgradeEngine().plan(larger, violation).hash == rds.UpgradeEngine().plan(database(), violation).hash


def test_an_upgrade_says_that_it_cannot_be_undone_and_what_is_left() -> None:
    """Before it is approved, and to whoever asks for its undoing."""
    assert "a snapshot from before" in (
        rds.UpgradeEngine().plan(database(), Violation(summary="", offending=("15.9",))).irreversible or ""
    )


@pytest.mark.parametrize("offending", [(), ("15.9", "15.10")])
def test_an_upgrade_needs_one_version(offending: tuple[str, ...]) -> None:
    """The message says what to give."""
    with pytest.raises(PermanentError, match=r"target\.version"):
        rds.UpgradeEngine().plan(database(), Violation(summary="", offending=offending))


def test_what_cannot_be_stopped_has_no_plan() -> None:
    """It says why."""
    with pytest.raises(PermanentError, match="read replica of main"):
        rds.Stop().plan(database(replica_of="main"), NOTHING_SPECIAL)


@pytest.mark.parametrize("action", [rds.Stop(), rds.Start()])
def test_rds_has_no_dry_run(action: Action[rds.Database]) -> None:
    """An unknown argument would be refused before the call."""
    assert not any(call.dry_run for call in action.plan(database(), NOTHING_SPECIAL).calls)
