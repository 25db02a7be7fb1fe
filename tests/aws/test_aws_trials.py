"""What a trial did not find out it does not say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cloudwarden import OBSERVE, PROPOSE, Policy, every
from cloudwarden.aws import rds
from cloudwarden.aws.actuator import AwsActuator
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.trials import CLOSED, HELD, NO_BUDGET, NO_PLAN, Task, Trials
from cloudwarden.core.action import Plan
from cloudwarden.core.checkup import Check, Health
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.verdict import Violation
from cloudwarden.library.databases import Unconnected, unconnected
from stub_aws import SCOPE, StubAws, json_reply, query_error, query_xml
from stub_sessions import sessions_to

TAGGED = "<TagList><Tag><Key>team</Key><Value>web</Value></Tag></TagList>"
POLICY: AnyPolicy = Policy(
    name="unconnected", rule=unconnected, params=Unconnected(), schedule=every(hours=1), mode=OBSERVE
)
TASK = Task(scope=SCOPE, policies=((POLICY, OBSERVE),))
METRICS = json_reply({"MetricDataResults": [{"Id": "m0", "StatusCode": "Complete", "Timestamps": [], "Values": []}]})


def tried(aws: StubAws, task: Task, *, tags: str = TAGGED) -> dict[str, Check]:
    """What is said of each permission where nobody may ask for tags, and the one database is listed with these."""
    database = (
        "<DBInstanceIdentifier>db</DBInstanceIdentifier><DBInstanceArn>arn:db</DBInstanceArn><Engine>postgres</Engine>"
        "<EngineVersion>15.4</EngineVersion><DBInstanceClass>db.t3.micro</DBInstanceClass><AllocatedStorage>20"
        "</AllocatedStorage><DBInstanceStatus>available</DBInstanceStatus><StorageType>gp3</StorageType>"
        "<StorageEncrypted>true</StorageEncrypted><PubliclyAccessible>false</PubliclyAccessible><MultiAZ>false</MultiAZ>"
    )
    listed = f"<DBInstances><DBInstance>{database}{tags}</DBInstance></DBInstances>"
    aws.on("DescribeDBInstances", query_xml("DescribeDBInstances", listed))
    aws.on("ListTagsForResource", query_error("AccessDenied", status=403))
    aws.on("GetMetricData", METRICS)
    sessions = sessions_to(aws)
    trials = Trials(sessions, AwsInventory(sessions, rds.KINDS), AwsActuator(sessions), now=lambda: datetime.now(UTC))
    return {check.subject: check for check in trials.of(task)}


@pytest.mark.parametrize(("tags", "health"), [(TAGGED, Health.UNTESTED), ("", Health.FAILED)])
def test_tags_that_nobody_asked_for_prove_no_right_to_ask(aws: StubAws, tags: str, health: Health) -> None:
    """In some regions RDS lists databases with their tags, in others it must be asked for them."""
    check = tried(aws, TASK, tags=tags)["rds:ListTagsForResource"]
    assert (check.health, check.detail == HELD) == (health, bool(tags))


@pytest.mark.parametrize(("closed", "why"), [("rds", NO_BUDGET), ("cloudwatch", CLOSED)])
def test_why_no_metric_was_asked_for_is_said(aws: StubAws, closed: str, why: str) -> None:
    """That another service does not answer says nothing of CloudWatch."""
    check = tried(aws, replace(TASK, closed=frozenset({closed}), affordable=False))["cloudwatch:GetMetricData"]
    assert (check.health, check.detail) == (Health.UNTESTED, why)


NO_STEP: Any = "stop it"


@pytest.mark.parametrize("made", [NO_STEP, Plan(action="stop-database", summary="", steps=(NO_STEP,))])
def test_an_action_that_makes_no_plan_is_not_tried(aws: StubAws, made: Any) -> None:
    """Its permissions are told as untested; the rest goes on."""

    class Odd(rds.Stop):
        """An author's action."""

        def plan(self, resource: rds.Database, violation: Violation) -> Plan:
            del resource, violation
            return made  # type: ignore[no-any-return]

    task = replace(TASK, policies=((replace(POLICY, mode=PROPOSE, action=Odd()), PROPOSE),))
    check = tried(aws, task)["rds:StopDBInstance"]
    assert (check.health, check.detail) == (Health.UNTESTED, NO_PLAN)
