"""The doctor tries what the policies need, everywhere, changes nothing, and says what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from cloudwarden import OBSERVE, PROPOSE, Mode, NoParams, Policy, every
from cloudwarden.aws import ec2, s3
from cloudwarden.aws.access.account import Account, OrganizationAccess, RolesAccess
from cloudwarden.aws.actuator import AwsActuator
from cloudwarden.aws.doctor import AwsDoctor
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.kind import Kind
from cloudwarden.aws.refusals import MEND_CLOCK
from cloudwarden.aws.session import Sessions
from cloudwarden.aws.trials import Trials
from cloudwarden.core.checkup import Area, Check, Health
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource, Tags
from cloudwarden.library.exposure import public_bucket
from cloudwarden.library.tagging import RequiredTags, required_tags
from iam_policies import DENIED, attaching, listing
from leased_life import Till
from many_accounts import assumed, identified, signer
from stub_aws import (
    ACCOUNT,
    SCOPE,
    Asked,
    Reply,
    StubAws,
    error,
    json_error,
    json_reply,
    query_error,
    query_xml,
    rest_error,
    rest_xml,
    xml,
)
from stub_sessions import sessions_to
from world import delete_unattached, stop_idle

WEB, DATA = "111111111111", "222222222222"
INSTANCES = xml(
    "DescribeInstances",
    "<reservationSet><item><reservationId>r-1</reservationId><ownerId>1</ownerId><instancesSet><item>"
    "<instanceId>i-1</instanceId><instanceType>m5.large</instanceType><launchTime>2026-01-01T00:00:00Z</launchTime>"
    "<imageId>ami-1</imageId>"
    "<placement><availabilityZone>eu-central-1a</availabilityZone></placement><instanceState><code>16</code><name>running</name></instanceState><rootDeviceType>ebs</rootDeviceType>"
    "</item></instancesSet></item></reservationSet>",
)
EMPTY = xml("DescribeVolumes", "<volumeSet/>")
DEPENDANTS = {
    "DescribeAddresses": xml("DescribeAddresses", "<addressesSet/>"),
    "DescribeAutoScalingInstances": query_xml("DescribeAutoScalingInstances", "<AutoScalingInstances/>"),
    "DescribeLoadBalancers": query_xml("DescribeLoadBalancers", "<LoadBalancerDescriptions/>"),
    "DescribeNetworkInterfaces": xml("DescribeNetworkInterfaces", "<networkInterfaceSet/>"),
    "DescribeTargetGroups": query_xml("DescribeTargetGroups", "<TargetGroups/>"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Function(Resource):
    """A kind of which one is read by a call of its own."""

    kind: ClassVar[str] = "test.function"


FUNCTIONS = Kind(
    resource=Function,
    service="lambda",
    operation="list_functions",
    items=("Functions",),
    view=lambda item, scope: Function(
        id=item["FunctionName"], arn="a", account=scope.account, region=scope.region, tags=Tags({"owner": "a"})
    ),
    by_id=lambda name: {"FunctionName": name},
    one="get_function_configuration",
    permissions=("lambda:ListFunctions", "lambda:GetFunctionConfiguration"),
    page_size_name="MaxItems",
)
METRICS = json_reply({"MetricDataResults": [{"Id": "m0", "StatusCode": "Complete", "Timestamps": [], "Values": []}]})


def dry_run(asked: Asked) -> Reply:
    """What EC2 answers to a dry run that passes; a real run is never answered."""
    assert asked.parameters["DryRun"] == "true", "the doctor changed something"
    return error("DryRunOperation", "Request would have succeeded", status=412)


def quota(value: float) -> Reply:
    """What Service Quotas tells of a rate."""
    return json_reply({"Quota": {"QuotaName": "Rate of GetMetricData requests", "Value": value}})


def healthy(aws: StubAws, *accounts: str) -> Sessions:
    """An AWS that allows everything, in these accounts."""
    aws.on("AssumeRole", assumed)
    aws.on("GetCallerIdentity", identified)
    aws.on("DescribeInstances", INSTANCES)
    aws.on("DescribeVolumes", EMPTY)
    aws.on("GetMetricData", METRICS)
    aws.on("StopInstances", dry_run)
    aws.on("GetServiceQuota", quota(500.0))
    for operation, empty in DEPENDANTS.items():
        aws.on(operation, empty)
    return sessions_to(aws, accounts=tuple(Account(id=one) for one in accounts))


TWO = (stop_idle(), delete_unattached())


def examined(
    sessions: Sessions,
    *policies: AnyPolicy,
    mode: Mode = PROPOSE,
    budget: Till | None = None,
    otherwise: tuple[AnyPolicy, ...] = TWO,
) -> list[Check]:
    """Every check, for two policies unless others are given."""
    inventory = AwsInventory(sessions, (*ec2.KINDS, *s3.KINDS, FUNCTIONS))
    trials = Trials(sessions, inventory, AwsActuator(sessions), now=lambda: datetime.now(UTC))
    doctor = AwsDoctor(sessions, trials, inventory, budget=budget or Till(), threads=4)
    return list(doctor.examine(policies or otherwise, lambda policy: mode))


def of(checks: list[Check], health: Health) -> set[str]:
    """What ended so."""
    return {one.subject for one in checks if one.health is health}


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


def test_useless_credentials_end_the_examination(aws: StubAws) -> None:
    """Nothing else could be told; a clock that is why is told too."""
    healthy(aws, WEB)
    sessions = sessions_to(aws, now=lambda: datetime.now(UTC) - timedelta(minutes=12))
    aws.on("GetCallerIdentity", query_error("RequestExpired", status=400))
    checks = examined(sessions)
    assert [(one.area, one.health) for one in checks] == [
        (Area.ENDPOINT, Health.OK),
        (Area.CREDENTIALS, Health.FAILED),
        (Area.CLOCK, Health.FAILED),
    ]
    assert "12 minutes behind" in checks[2].detail
    assert checks[1].fix == checks[2].fix == MEND_CLOCK


@pytest.mark.parametrize(
    ("settings", "answers", "said", "fix"),
    [
        ({}, {"ListAccounts": "AccessDeniedException"}, "ListAccounts", "organizations:List*"),
        ({}, {"ListAccounts": "AWSOrganizationsNotInUseException"}, "ListAccounts", "aws.accounts"),
        (
            {"include": ("ou-a", "ou-b")},
            {"ListOrganizationalUnitsForParent": None, "ListAccountsForParent": "ParentNotFoundException"},
            "(ou-a)",
            "aws.organization.include",
        ),
        ({"role_arn": f"arn:aws:iam::{DATA}:role/x"}, {}, "AssumeRole", "aws.organization.external_id"),
    ],
    ids=["denied", "no organization", "no such unit", "no role"],
)
def test_an_organization_that_is_not_told_is_not_blamed_on_the_daemon_s_credentials(
    aws: StubAws, settings: dict[str, Any], answers: dict[str, str | None], said: str, fix: str
) -> None:
    """On the first day, when no account is remembered, as on any other."""
    healthy(aws)
    aws.on("AssumeRole", query_error("AccessDenied", "not authorized to perform: sts:AssumeRole", status=403))
    for operation, code in answers.items():
        aws.on(operation, json_error(code) if code else json_reply({"OrganizationalUnits": []}))
    checks = examined(sessions_to(aws, organization=OrganizationAccess(**settings)))
    (failed,) = (one for one in checks if one.health is Health.FAILED)
    assert (failed.area, failed.subject) == (Area.DISCOVERY, "organization")
    assert said in failed.detail
    assert fix in failed.fix
    assert Area.CLOCK in {one.area for one in checks}


@pytest.mark.parametrize(
    ("denied", "listed", "source", "fix"),
    [
        ("GetPolicyVersion", (f"arn:aws:iam::{WEB}:role/x",), "roles", "iam:GetPolicyVersion"),
        ("", (f"arn:aws:iam::{WEB}:role/x", f"arn:aws:iam::{WEB}:role/y"), "roles", f"aws.accounts.{WEB}.role_arn"),
        ("", (f"arn:aws:iam::{DATA}:role/x", "*"), "statements", "deploy/iam/roles.json"),
    ],
    ids=["denied", "two roles", "a wildcard"],
)
def test_roles_that_are_not_told_are_mended_in_iam(
    aws: StubAws, denied: str, listed: tuple[str, ...], source: str, fix: str
) -> None:
    """With what is lacking, or with the account whose role nobody knows."""
    healthy(aws)
    attaching(aws, attached={"arn:aws:iam::1:policy/p": listing(*listed)})
    if denied:
        aws.on(denied, DENIED)
    checks = examined(sessions_to(aws, roles=RolesAccess()))
    (failed,) = (one for one in checks if one.health is Health.FAILED and one.subject != "accounts and regions")
    assert (failed.area, failed.subject) == (Area.DISCOVERY, source)
    assert fix in failed.fix
    assert [one.where for one in checks if one.area is Area.ACCOUNT] == ([DATA] if source == "statements" else [])


def test_who_is_no_role_is_told_to_be_one(aws: StubAws) -> None:
    """A user's keys may name a hub."""
    sessions = sessions_to(aws, roles=RolesAccess())
    arn = f"arn:aws:iam::{ACCOUNT}:user/ada"
    aws.on("GetCallerIdentity", query_xml("GetCallerIdentity", f"<Account>{ACCOUNT}</Account><Arn>{arn}</Arn>"))
    (failed,) = (one for one in examined(sessions) if one.health is Health.FAILED)
    assert (failed.subject, arn in failed.detail, "aws.role_arn" in failed.fix) == ("roles", True, True)


def test_credentials_that_are_over_at_once_are_the_clock_s_fault(aws: StubAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container whose clock is hours ahead never signs anything: only the knocking tells it what time it is."""
    healthy(aws)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.url}/credentials")
    ended = {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "Token": "t", "Expiration": "2026-01-01T00:00:00Z"}
    aws.on("GET", json_reply(ended))
    checks = examined(sessions_to(aws, now=lambda: datetime.now(UTC) + timedelta(hours=7)))
    failed = {one.area: one for one in checks if one.health is Health.FAILED}
    assert set(failed) == {Area.CREDENTIALS, Area.CLOCK}
    assert {one.fix for one in failed.values()} == {MEND_CLOCK}
    assert "over as soon as they are given" in failed[Area.CREDENTIALS].detail
    assert "420 minutes ahead" in failed[Area.CLOCK].detail


@pytest.mark.parametrize(
    ("behind", "health"), [(2, Health.OK), (45, Health.WARNING), (200, Health.WARNING), (280, Health.FAILED)]
)
def test_a_clock_is_told_before_aws_refuses_it(aws: StubAws, behind: int, health: Health) -> None:
    """Five minutes off, nothing would be answered any more."""
    healthy(aws)
    sessions = sessions_to(aws, now=lambda: datetime.now(UTC) - timedelta(seconds=behind))
    (clock,) = (one for one in examined(sessions, otherwise=()) if one.area is Area.CLOCK)
    assert (clock.health, clock.fix) == (health, "" if health is Health.OK else MEND_CLOCK)


def test_a_profile_that_does_not_exist_ends_the_examination(aws: StubAws) -> None:
    """With its name, as other credentials that are of no use."""
    (failed, clock) = examined(sessions_to(aws, profile="nobodys"))
    assert (failed.area, failed.health, clock.area) == (Area.CREDENTIALS, Health.FAILED, Area.CLOCK)
    assert "nobodys" in failed.detail


def test_where_the_clock_is_wrong_no_region_is_to_be_enabled(aws: StubAws) -> None:
    """STS took the signature just in time, and EC2 does not."""
    healthy(aws, WEB)
    sessions = sessions_to(aws, now=lambda: datetime.now(UTC) - timedelta(minutes=12))
    aws.on("DescribeInstances", error("RequestExpired", "Request has expired.", status=400))
    (failed,) = (one for one in examined(sessions) if one.subject == "ec2:DescribeInstances")
    assert (failed.health, failed.fix) == (Health.FAILED, MEND_CLOCK)


def test_accounts_are_tried_where_no_policy_reads_any(aws: StubAws) -> None:
    """On the first day, or when every policy file is broken."""
    sessions = healthy(aws, WEB, DATA)
    aws.on("AssumeRole", lambda asked: refused if DATA in asked.parameters["RoleArn"] else assumed(asked))
    refused = query_error("AccessDenied", "not authorized to perform: sts:AssumeRole", status=403)
    checks = [one for one in examined(sessions, otherwise=()) if one.area is Area.ACCOUNT]
    assert [(one.where, one.health) for one in checks] == [(WEB, Health.OK), (DATA, Health.FAILED)]


def test_a_silent_service_says_to_look_at_the_network(aws: StubAws) -> None:
    """An unreachable endpoint is no missing permission."""
    sessions = healthy(aws, WEB)
    aws.on("DescribeInstances", Reply(reset=True))
    (failed,) = (one for one in examined(sessions) if one.health is Health.FAILED)
    assert "endpoint" in failed.fix


BUCKETS = rest_xml(
    "<ListAllMyBucketsResult><Buckets><Bucket><Name>logs</Name><CreationDate>2026-01-01T00:00:00Z</CreationDate>"
    "<BucketRegion>eu-central-1</BucketRegion></Bucket></Buckets></ListAllMyBucketsResult>"
)
OPEN: AnyPolicy = Policy(
    name="block-public-buckets",
    rule=public_bucket,
    params=NoParams(),
    schedule=every(hours=1),
    action=s3.BlockPublicAccess(),
)


def test_what_a_rule_reads_of_one_resource_is_read_of_an_example(aws: StubAws) -> None:
    """Each by its IAM action, once for an account; what says that nothing is configured was allowed."""
    sessions = healthy(aws, WEB)
    aws.on("GET", BUCKETS)
    none = rest_error("NoSuchPublicAccessBlockConfiguration")
    aws.on("GET /v20180820/configuration/publicAccessBlock", none)
    aws.on("GET publicAccessBlock", none)
    aws.on("GET policyStatus", rest_error("NoSuchBucketPolicy"))
    aws.on("GET acl", rest_error("AccessDenied", status=403))
    aws.on("GET tagging", rest_error("NoSuchTagSet"))
    aws.on("GET policy", rest_error("NoSuchBucketPolicy"))
    aws.on("GET website", rest_error("NoSuchWebsiteConfiguration"))
    aws.on("GET replication", rest_error("ReplicationConfigurationNotFoundError"))
    checks = [one for one in examined(sessions, OPEN) if one.where == f"{WEB}/global"]
    assert {one.subject: one.health for one in checks} == {
        "s3:ListAllMyBuckets": Health.OK,
        "s3:GetBucketTagging": Health.OK,
        "s3:GetAccountPublicAccessBlock": Health.OK,
        "s3:GetBucketPublicAccessBlock": Health.OK,
        "s3:GetBucketPolicyStatus": Health.OK,
        "s3:GetBucketAcl": Health.FAILED,
        "s3:GetBucketPolicy": Health.OK,
        "s3:GetBucketWebsite": Health.OK,
        "s3:GetReplicationConfiguration": Health.OK,
        "s3:PutBucketPublicAccessBlock": Health.UNTESTED,
    }


def test_the_endpoint_of_s3_control_is_knocked_at(aws: StubAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is another one than that of S3; where it does not answer, what is behind it is not tried."""
    healthy(aws, WEB)
    aws.on("GET", BUCKETS)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3_CONTROL", "http://127.0.0.1:9")
    checks = examined(sessions_to(aws, endpoint_url=None, accounts=(Account(id=WEB),)), OPEN)
    assert ("127.0.0.1:9", Health.FAILED) in {(one.subject, one.health) for one in checks if one.area is Area.ENDPOINT}
    assert "s3:GetAccountPublicAccessBlock" in of(checks, Health.UNTESTED)


def test_reading_one_by_itself_is_tried_on_an_example(aws: StubAws) -> None:
    """That all may be listed does not say that one may be read, which every action is preceded by."""
    sessions = healthy(aws, WEB)
    denied, list_of_one = json_error("AccessDeniedException", status=403), {"Functions": [{"FunctionName": "f"}]}
    aws.on("GET", lambda asked: denied if "configuration" in asked.parameters["path"] else json_reply(list_of_one))
    owned: AnyPolicy = Policy(
        name="owned", rule=required_tags.on(Function), params=RequiredTags(keys=("owner",)), schedule=every(hours=1)
    )
    checks = {one.subject: one.health for one in examined(sessions, owned) if one.subject.startswith("lambda:")}
    assert checks == {"lambda:ListFunctions": Health.OK, "lambda:GetFunctionConfiguration": Health.FAILED}


def test_what_the_doctor_asks_is_of_the_budget(aws: StubAws) -> None:
    """Spent, the metric is not asked for, and that is said."""
    till = Till()
    till.spent = True
    checks = examined(healthy(aws, WEB), budget=till)
    (metric,) = (one for one in checks if one.subject == "cloudwatch:GetMetricData")
    assert (metric.health, "budget" in metric.detail, aws.count("GetMetricData")) == (Health.UNTESTED, True, 0)


def test_an_endpoint_that_cannot_be_reached_is_said_once(aws: StubAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not again for each permission behind it, which nobody tried."""
    healthy(aws, WEB)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:9")
    checks = examined(sessions_to(aws, endpoint_url=None, accounts=(Account(id=WEB),)))
    (failed,) = (one for one in checks if one.health is Health.FAILED)
    assert (failed.area, failed.subject, "refused" in failed.detail) == (Area.ENDPOINT, "127.0.0.1:9", True)
    assert {"ec2:DescribeInstances", "ec2:StopInstances"} <= of(checks, Health.UNTESTED)
    assert aws.count("DescribeInstances") == 0
