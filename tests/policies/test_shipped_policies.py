"""The policies that an installation starts with are what they say."""

from __future__ import annotations

import importlib.util
from datetime import date
from pathlib import Path

import pytest

from cloudwarden import OBSERVE, PROPOSE, Mode, Policy, Resource, Severity, days
from cloudwarden.aws import ec2, lambda_, rds, s3
from cloudwarden.core.detail import UnreadTags
from cloudwarden.core.exemption import HANDS_OFF, exempting_tag
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.loading.overrides import apply
from cloudwarden.settings import PolicyOverride
from cloudwarden.testing import (
    Bench,
    bucket,
    bucket_access,
    database,
    function,
    ingress,
    instance,
    security_group,
    upgrade_targets,
    volume,
)

FILES = sorted((Path(__file__).parents[2] / "policies").glob("*.py"))


def policies_of(file: Path) -> dict[str, AnyPolicy]:
    """The policies of one file by name."""
    spec = importlib.util.spec_from_file_location(f"shipped_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {value.name: value for value in vars(module).values() if isinstance(value, Policy)}


SHIPPED = {name: policy for file in FILES for name, policy in policies_of(file).items()}


@pytest.mark.parametrize(
    ("name", "kind", "mode", "action"),
    [
        ("stop-idle-instances", ec2.Instance, PROPOSE, ec2.Stop),
        ("close-open-security-groups", ec2.SecurityGroup, PROPOSE, ec2.RevokeIngress),
        ("delete-unattached-volumes", ec2.Volume, PROPOSE, ec2.SnapshotThenDelete),
        ("block-public-buckets", s3.Bucket, PROPOSE, s3.BlockPublicAccess),
        ("stop-idle-databases", rds.Database, PROPOSE, rds.Stop),
        ("upgrade-database-engines", rds.Database, PROPOSE, rds.UpgradeEngine),
        ("flag-unassociated-addresses", ec2.Address, OBSERVE, type(None)),
        ("flag-deprecated-runtimes", lambda_.Function, OBSERVE, type(None)),
        ("require-owner-tags-on-instances", ec2.Instance, OBSERVE, type(None)),
        ("require-owner-tags-on-security-groups", ec2.SecurityGroup, OBSERVE, type(None)),
        ("require-owner-tags-on-volumes", ec2.Volume, OBSERVE, type(None)),
    ],
)
def test_each_policy_judges_its_kind_and_goes_no_further_than_it_says(
    name: str, kind: type[Resource], mode: Mode, action: type
) -> None:
    """Out of the box, none acts without a person."""
    policy = SHIPPED[name]
    assert (policy.kind, policy.mode, type(policy.action)) == (kind, mode, action)


def test_nothing_else_is_shipped_and_everything_is_described() -> None:
    """One line of each tells its reader what it is for."""
    assert len(SHIPPED) == 11
    assert all(policy.description for policy in SHIPPED.values())


def test_an_idle_instance_is_found_and_a_busy_one_is_not() -> None:
    """The policy, rule and params together."""
    policy, box = SHIPPED["stop-idle-instances"], instance()
    bench = Bench().metric(box, "NetworkIn", 1000.0).metric(box, "NetworkOut", 1000.0)
    assert bench.metric(box, "CPUUtilization", 1.0).judge(policy, box).outcome == "violation"
    assert bench.metric(box, "CPUUtilization", 60.0).judge(policy, box).outcome == "compliant"


def test_an_instance_tagged_keep_running_is_exempt() -> None:
    """Whatever the tag's value."""
    policy = SHIPPED["stop-idle-instances"]
    assert exempting_tag(policy.exempt, instance(tags={"keep-running": ""})) == "tag keep-running"
    assert exempting_tag(policy.exempt, instance()) is None


def test_an_open_group_is_found_with_what_to_revoke() -> None:
    """And it matters much."""
    policy = SHIPPED["close-open-security-groups"]
    verdict = Bench().judge(policy, security_group(ingress("0.0.0.0/0", 22), ingress("0.0.0.0/0", 443)))
    assert verdict.violation is not None
    assert verdict.violation.offending == ("tcp/22-22/0.0.0.0/0",)
    assert policy.severity is Severity.HIGH


def test_a_volume_is_deleted_only_after_two_weeks_of_watching() -> None:
    """EC2 does not say when it was detached, so the grace is what counts the days."""
    policy = SHIPPED["delete-unattached-volumes"]
    assert Bench().judge(policy, volume()).outcome == "violation"
    assert policy.grace == days(14)


def test_a_resource_without_an_owner_is_found() -> None:
    """One kind as well as the next."""
    for kind, nameless in (("instances", instance()), ("security-groups", security_group()), ("volumes", volume())):
        assert Bench().judge(SHIPPED[f"require-owner-tags-on-{kind}"], nameless).outcome == "violation"


def test_a_public_bucket_is_found_unless_it_says_that_it_shall_be_public() -> None:
    """The tag is what a website's bucket carries."""
    policy = SHIPPED["block-public-buckets"]
    website = bucket(tags={"public": "yes"})
    bench = Bench().knows(bucket_access(website, public_policy=True))
    assert bench.judge(policy, website).exempting_tag == "tag public"
    assert bench.judge(policy, bucket()).exempting_tag is None


def test_an_idle_database_is_found_and_an_old_engine_too() -> None:
    """Each by its own policy."""
    idle, old = SHIPPED["stop-idle-databases"], SHIPPED["upgrade-database-engines"]
    seen = database()
    bench = Bench().metric(seen, "DatabaseConnections", 0.0).knows(upgrade_targets(seen, "15.9"))
    assert [bench.judge(policy, seen).outcome for policy in (idle, old)] == ["violation", "violation"]


def test_a_function_with_an_old_runtime_is_found_unless_its_tags_exempt_it_or_cannot_be_read() -> None:
    """Whether somebody took it out must be known."""
    policy, seen = SHIPPED["flag-deprecated-runtimes"], function(runtime="python3.8", tags=None)
    assert isinstance(seen.tags, UnreadTags)
    assert Bench().knows({seen.tags.detail: {}}).judge(policy, seen).outcome == "violation"
    for tag in ("keep-runtime", HANDS_OFF):
        assert Bench().knows({seen.tags.detail: {tag: "true"}}).judge(policy, seen).exempting_tag is not None
    denied = Bench().denied(seen.tags.detail).judge(policy, seen)
    assert (denied.outcome, denied.cause and denied.cause.reason) == ("unknown", "access-denied")


def test_settings_lay_their_dates_over_those_of_aws() -> None:
    """One is corrected, one is added, and the others stay."""
    given = {"python3.8": date(2099, 1, 1), "custom": date(2020, 1, 1)}
    policy, misfits = apply(SHIPPED["flag-deprecated-runtimes"], PolicyOverride(params={"deprecated": given}))
    assert misfits == ()
    found = {
        runtime: Bench().judge(policy, function(runtime=runtime)).outcome
        for runtime in ("python3.8", "custom", "python3.7")
    }
    assert found == {"python3.8": "compliant", "custom": "violation", "python3.7": "violation"}
