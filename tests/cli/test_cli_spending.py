"""What a person's question to CloudWatch costs, told and counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import Result

from cloudwarden.store import open_store
from stub_aws import ACCOUNT, StubAws, json_reply, query_xml, serving, xml

Cli = Callable[..., Result]
RUNNING = (
    "<reservationSet><item><reservationId>r-1</reservationId><ownerId>1</ownerId><instancesSet><item>"
    "<instanceId>i-1</instanceId><instanceType>m5.large</instanceType><launchTime>2026-01-01T00:00:00Z</launchTime>"
    "<imageId>ami-1</imageId><placement><availabilityZone>eu-west-1a</availabilityZone></placement>"
    "<instanceState><code>16</code><name>running</name></instanceState><rootDeviceType>ebs</rootDeviceType>"
    "</item></instancesSet></item></reservationSet>"
)


@pytest.fixture
def aws(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubAws]:
    """An AWS with one instance that CloudWatch knows nothing of, and a budget of four metrics a day."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    with serving() as stub:
        stub.on("GetCallerIdentity", query_xml("GetCallerIdentity", f"<Account>{ACCOUNT}</Account><Arn>a</Arn>"))
        stub.on("DescribeInstances", xml("DescribeInstances", RUNNING))
        stub.on("GetMetricData", json_reply({"MetricDataResults": []}))
        settings = home / "cloudwarden.toml"
        settings.write_text(
            settings.read_text() + "[cloudwatch]\nmetrics_per_day = 4\n"
            f'[aws]\nregions = ["eu-west-1"]\nendpoint_url = "{stub.url}"\nattempts = 1\n'
        )
        yield stub


def test_explain_says_what_it_asked_for_and_the_day_counts_it(cli: Cli, aws: StubAws, home: Path) -> None:
    """Three series: four a day leave medium policies three, and nobody any by asking by hand."""
    first = cli("explain", "stop-idle-instances", "i-1")
    assert "asked for 3 metrics, $0.00003; 3 of the day's 4 are spent" in first.stdout
    calls = aws.count("GetMetricData")
    told = json.loads(cli("explain", "stop-idle-instances", "i-1", "--json").stdout)
    assert (told["metrics"], told["verdict"]["cause"]["reason"]) == (0, "budget")
    assert aws.count("GetMetricData") == calls
    store = open_store(f"sqlite:///{home}/cloudwarden.db")
    with store.reading() as tx:
        assert tx.spending.metrics(datetime.now(UTC).date()) == 3
    store.close()
