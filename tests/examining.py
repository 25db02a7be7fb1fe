"""An AWS that is well, for the doctor to examine, and what it finds there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from cloudwarden import PROPOSE, Mode
from cloudwarden.aws import ec2, s3
from cloudwarden.aws.access.account import Account
from cloudwarden.aws.actuator import AwsActuator
from cloudwarden.aws.doctor import AwsDoctor
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.kind import Kind
from cloudwarden.aws.session import Sessions
from cloudwarden.aws.trials import Trials
from cloudwarden.core.checkup import Check, Health
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource, Tags
from leased_life import Till
from many_accounts import assumed, identified
from stub_aws import Asked, Reply, StubAws, error, json_reply, query_xml, xml
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
