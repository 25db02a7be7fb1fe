"""The doctor tries what the policies need, everywhere, changes nothing, and says what to do."""

from __future__ import annotations

import pytest

from cloudwarden import OBSERVE
from cloudwarden.core.checkup import Area, Health
from examining import DATA, EMPTY, WEB, dry_run, examined, healthy, of, quota
from leased_life import Till
from many_accounts import assumed, signer
from stub_aws import ACCOUNT, SCOPE, Reply, StubAws, error, json_error, json_reply, query_error


def test_a_healthy_account_is_fine(aws: StubAws) -> None:
    """Each permission is tried; what has no example here, or would have to be done, is untested and not fine."""
    checks = examined(healthy(aws, WEB))
    assert of(checks, Health.FAILED) == of(checks, Health.WARNING) == set()
    assert sum(one.area is Area.ENDPOINT for one in checks) == 1, "one address, which all services share here"
    assert {"ec2:DescribeInstances", "ec2:DescribeVolumes", "cloudwatch:GetMetricData", "ec2:StopInstances"} <= of(
        checks, Health.OK
    )
    assert of(checks, Health.UNTESTED) == {
        "ec2:CreateSnapshot",
        "ec2:CreateTags",
        "ec2:DeleteVolume",
        "ec2:DescribeSnapshots",
        "elasticloadbalancing:DescribeTargetHealth",
    }


def test_what_may_not_be_asked_of_dependants_is_warned_of(aws: StubAws) -> None:
    """People are asked then, and told that it is unknown; that is worth a word, and no failure."""
    sessions = healthy(aws, WEB)
    aws.on("DescribeTargetGroups", query_error("AccessDenied", status=403))
    checks = examined(sessions)
    assert of(checks, Health.FAILED) == set()
    (warned,) = (one for one in checks if one.health is Health.WARNING)
    assert warned.subject == "elasticloadbalancing:DescribeTargetGroups"
    assert "deploy/iam/read.json" in warned.fix


@pytest.mark.parametrize(
    ("applied", "default", "health", "said"),
    [
        (quota(500.0), None, Health.OK, "500 calls a second are granted, up to 50 are made"),
        (quota(10.0), None, Health.WARNING, "10 calls a second are granted"),
        (json_error("NoSuchResourceException"), quota(10.0), Health.WARNING, "10 calls a second are granted"),
        (json_error("AccessDeniedException"), None, Health.UNTESTED, "access-denied"),
        (json_error("ServiceException", status=500), None, Health.UNTESTED, "unavailable"),
        (json_reply({}), None, Health.UNTESTED, "malformed-answer"),
    ],
    ids=["more", "less", "less by default", "denied", "out of order", "no answer"],
)
def test_the_rate_that_cloudwatch_grants_is_read(
    aws: StubAws, applied: Reply, default: Reply | None, health: Health, said: str
) -> None:
    """Applied, else default; what cannot be told is no failure, for the daemon finds out from throttles."""
    sessions = healthy(aws, WEB)
    aws.on("GetServiceQuota", applied)
    if default is not None:
        aws.on("GetAWSDefaultServiceQuota", default)
    (check,) = (one for one in examined(sessions) if one.area is Area.LIMITS)
    assert (check.health, check.where) == (health, f"{WEB}/{SCOPE.region}")
    assert said in check.detail
    assert bool(check.fix) is (health is Health.WARNING or "denied" in said)


def test_an_observing_installation_needs_no_right_to_act(aws: StubAws) -> None:
    """No action is tried, and none is missed."""
    checks = examined(healthy(aws, WEB), mode=OBSERVE)
    assert aws.count("StopInstances") == 0
    assert Area.ACT not in {one.area for one in checks}


def test_one_denied_account_is_named_and_the_other_examined(aws: StubAws) -> None:
    """With the trust policy to mend, naming who asks."""
    sessions = healthy(aws, WEB, DATA)
    denied = query_error("AccessDenied", "not authorized to perform: sts:AssumeRole", status=403)
    aws.on("AssumeRole", lambda asked: denied if WEB in asked.parameters["RoleArn"] else assumed(asked))
    checks = examined(sessions)
    (failed,) = (one for one in checks if one.health is Health.FAILED)
    assert (failed.area, failed.where) == (Area.ACCOUNT, WEB)
    assert f"arn:aws:iam::{ACCOUNT}:role/hub " in failed.fix
    assert f"{DATA}/{SCOPE.region}" in {one.where for one in checks}


def test_a_missing_permission_is_named_where_it_is_missing(aws: StubAws) -> None:
    """A read and an action, in one of two accounts; the fix says which file holds them."""
    sessions = healthy(aws, WEB, DATA)
    refused = error("UnauthorizedOperation", "You are not authorized.", status=403)
    aws.on("DescribeVolumes", lambda asked: refused if signer(asked).endswith("1") else EMPTY)
    aws.on("StopInstances", lambda asked: refused if signer(asked).endswith("2") else dry_run(asked))
    aws.on("GetMetricData", json_error("AccessDeniedException", status=400))
    failed = {(one.subject, one.where): one.fix for one in examined(sessions) if one.health is Health.FAILED}
    assert set(failed) == {
        ("ec2:DescribeVolumes", f"{WEB}/{SCOPE.region}"),
        ("ec2:StopInstances", f"{DATA}/{SCOPE.region}"),
        ("cloudwatch:GetMetricData", f"{WEB}/{SCOPE.region}"),
        ("cloudwatch:GetMetricData", f"{DATA}/{SCOPE.region}"),
    }
    assert "deploy/iam/read.json" in failed["ec2:DescribeVolumes", f"{WEB}/{SCOPE.region}"]
    assert "deploy/iam/act.json" in failed["ec2:StopInstances", f"{DATA}/{SCOPE.region}"]


def test_a_dry_run_that_proves_nothing_is_untested(aws: StubAws) -> None:
    """Only a refusal is a failure, and only EC2's own word is a pass."""
    sessions = healthy(aws, WEB)
    aws.on("StopInstances", error("IncorrectInstanceState"))
    assert "ec2:StopInstances" in of(examined(sessions), Health.UNTESTED)


def test_a_disabled_region_says_so(aws: StubAws) -> None:
    """With the setting that leaves it out."""
    sessions = healthy(aws, WEB)
    aws.on("DescribeInstances", error("OptInRequired", status=403))
    (failed,) = (one for one in examined(sessions) if one.health is Health.FAILED)
    assert "aws.regions_exclude" in failed.fix


def test_accounts_are_tried_where_no_policy_reads_any(aws: StubAws) -> None:
    """On the first day, or when every policy file is broken."""
    sessions = healthy(aws, WEB, DATA)
    aws.on("AssumeRole", lambda asked: refused if DATA in asked.parameters["RoleArn"] else assumed(asked))
    refused = query_error("AccessDenied", "not authorized to perform: sts:AssumeRole", status=403)
    checks = [one for one in examined(sessions, otherwise=()) if one.area is Area.ACCOUNT]
    assert [(one.where, one.health) for one in checks] == [(WEB, Health.OK), (DATA, Health.FAILED)]


def test_what_the_doctor_asks_is_of_the_budget(aws: StubAws) -> None:
    """Spent, the metric is not asked for, and that is said."""
    till = Till()
    till.spent = True
    checks = examined(healthy(aws, WEB), budget=till)
    (metric,) = (one for one in checks if one.subject == "cloudwatch:GetMetricData")
    assert (metric.health, "budget" in metric.detail, aws.count("GetMetricData")) == (Health.UNTESTED, True, 0)
