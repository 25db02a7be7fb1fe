"""A worker of the real thing, before an AWS that answers: it needs no store."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from cloudwarden.app.parts import work
from cloudwarden.clock import SystemClock
from cloudwarden.core.verdict import Severity
from cloudwarden.engine.budget import Wants
from cloudwarden.engine.survey import Assignment
from cloudwarden.loading import PolicyText, rebuilt
from cloudwarden.settings import Settings
from cloudwarden.workers import WorkerPool
from many_accounts import assumed, identified
from reports import Reports
from stub_aws import SCOPE, Reply, StubAws, json_reply, query_xml, serving, xml

POLICY = b"""
from cloudwarden import OBSERVE, Policy, every
from cloudwarden.library.compute import Idle, idle

stop_idle = Policy(name="stop-idle", rule=idle, params=Idle(), schedule=every(minutes=15), mode=OBSERVE)
"""
RUNNING = (
    "<reservationSet><item><reservationId>r-1</reservationId><ownerId>1</ownerId><instancesSet><item>"
    "<instanceId>i-1</instanceId><instanceType>m5.large</instanceType><launchTime>2026-01-01T00:00:00Z</launchTime>"
    "<imageId>ami-1</imageId><placement><availabilityZone>eu-central-1a</availabilityZone></placement>"
    "<instanceState><code>16</code><name>running</name></instanceState><rootDeviceType>ebs</rootDeviceType>"
    "</item></instancesSet></item></reservationSet>"
)
SILENT: Reply = json_reply(
    {"MetricDataResults": [{"Id": "m0", "StatusCode": "Complete", "Timestamps": [], "Values": []}]}
)


class Till:
    """A budget that grants one metric at a time."""

    def __init__(self) -> None:
        self.wanted: list[Wants] = []

    def grant(self, wants: Wants) -> int:
        """One."""
        self.wanted.append(wants)
        return 1


def pool_at(aws: StubAws, folder: Path, texts: tuple[PolicyText, ...], till: Till, drawn: list[object]) -> WorkerPool:
    """One worker of the real thing."""
    settings = Settings.model_validate(
        {
            "database": f"sqlite:///{folder}/nowhere/cloudwarden.db",
            "aws": {"regions": [SCOPE.region], "endpoint_url": aws.url},
        }
    )
    return WorkerPool(
        count=1,
        entry=partial(work, settings),
        texts=lambda: texts,
        clock=SystemClock(),
        reporter=Reports(),
        alive=lambda: None,
        budget=till,
        drawn=drawn.append,
    )


def test_a_worker_assumes_the_role_that_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the one that was found, and not what the settings make of the account's id."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    texts, other = (PolicyText(path=Path("idle.py"), content=POLICY),), replace(SCOPE, account="111111111111")
    role = f"arn:aws:iam::{other.account}:role/found"
    with serving() as aws:
        aws.on("GetCallerIdentity", identified)
        aws.on("AssumeRole", assumed)
        aws.on("DescribeInstances", xml("DescribeInstances", "<reservationSet/>"))
        pool = pool_at(aws, tmp_path, texts, Till(), [])
        try:
            assignment = Assignment(run_id="r", scope=other, policies=("stop-idle",), role=role)
            (survey,) = pool.survey([assignment], rebuilt(texts, {}))
        finally:
            pool.close()
        assert [one.parameters["RoleArn"] for one in aws.asked if one.operation == "AssumeRole"] == [role]
    assert [one.problem for one in survey.judgements] == [None]


def test_a_worker_surveys_and_spends_without_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none where its settings say; what it may spend it is told, and what it may not ask is unknown."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    texts, till, drawn = (PolicyText(path=Path("idle.py"), content=POLICY),), Till(), list[object]()
    with serving() as aws:
        aws.on("GetCallerIdentity", query_xml("GetCallerIdentity", f"<Account>{SCOPE.account}</Account><Arn>a</Arn>"))
        aws.on("DescribeInstances", xml("DescribeInstances", RUNNING))
        aws.on("GetMetricData", SILENT)
        pool = pool_at(aws, tmp_path, texts, till, drawn)
        try:
            assignment = Assignment(run_id="r", scope=SCOPE, policies=("stop-idle",))
            (survey,) = pool.survey([assignment], rebuilt(texts, {}))
        finally:
            pool.close()
    assert drawn == [()], "it told that none of AWS's buckets was drawn down"
    assert till.wanted == [((Severity.MEDIUM, 1),), ((Severity.MEDIUM, 2),)]
    (judgement,) = survey.judgements
    assert (judgement.problem, judgement.verdicts) == (None, {"unknown": 1})
