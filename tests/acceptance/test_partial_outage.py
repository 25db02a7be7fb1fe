"""One account denied, one region down, one service silent, throttled or slow: the rest goes on in time, and what is
missing is shown."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloudwarden.app import build
from cloudwarden.app.running import once
from cloudwarden.engine.cutoff import SignalCutoff
from cloudwarden.engine.gather import Gatherer
from cloudwarden.engine.survey import Judgement
from cloudwarden.settings import load_settings
from installation import CREDENTIALS, Installation, until
from many_accounts import assumed, identified, signer
from stub_aws import Asked, Reply, Script, StubAws, json_reply, query_error, rest_error, rest_xml, serving, xml

FINE, DENIED, SLOW = "111111111111", "222222222222", "333333333333"
THROTTLED, DRAGGING = "444444444444", "555555555555"
UP, DOWN, HOME = "eu-west-1", "eu-south-1", "eu-central-1"
SECONDS = 45.0
"""Above what a busy machine takes to start and the silence of two calls costs together."""

POLICIES = """
from cloudwarden import OBSERVE, NoParams, Policy, every, hours
from cloudwarden.aws import ec2
from cloudwarden.library.compute import Idle, idle
from cloudwarden.library.network import OpenToTheWorld, open_to_the_world

idle_boxes = Policy(name="idle-boxes", rule=idle, params=Idle(), schedule=every(minutes=15), mode=OBSERVE)
open_groups = Policy(
    name="open-groups", rule=open_to_the_world, params=OpenToTheWorld(), schedule=every(minutes=15), mode=OBSERVE
)
"""
OPEN_GROUP = (
    "<securityGroupInfo><item><groupId>sg-1</groupId><groupName>web</groupName>"
    "<groupDescription>d</groupDescription><vpcId>vpc-1</vpcId><ipPermissions><item><ipProtocol>tcp</ipProtocol>"
    "<fromPort>22</fromPort><toPort>22</toPort><groups/><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges>"
    "<ipv6Ranges/><prefixListIds/></item></ipPermissions><ipPermissionsEgress/></item></securityGroupInfo>"
)
RUNNING = (
    "<reservationSet><item><reservationId>r-1</reservationId><ownerId>1</ownerId><instancesSet>{}</instancesSet>"
    "</item></reservationSet>"
)
BOX = (
    "<item><instanceId>i-{}</instanceId><instanceType>m5.large</instanceType><imageId>ami-1</imageId>"
    "<launchTime>2026-01-01T00:00:00Z</launchTime><placement><availabilityZone>eu-west-1a</availabilityZone></placement>"
    "<instanceState><code>16</code><name>running</name></instanceState><rootDeviceType>ebs</rootDeviceType></item>"
)


def where(asked: Asked) -> tuple[str, str]:
    """The account and region of a request, as it was signed."""
    region = asked.headers["authorization"].split("Credential=")[1].split("/")[2]
    return signer(asked).removeprefix("ASIA"), region


def unless_down(answer: Script, down: str = DOWN) -> Callable[[Asked], Reply]:
    """An answer everywhere but in the region that is down, where the connection breaks."""

    def reply(asked: Asked) -> Reply:
        if where(asked)[1] == down:
            return Reply(reset=True)
        return answer if isinstance(answer, Reply) else answer(asked)

    return reply


def metrics(asked: Asked) -> Reply:
    """Nothing known of any series; in the slow account, later than anybody waits."""
    if where(asked)[0] == SLOW:
        time.sleep(8)
    names = (query["Id"] for query in asked.parameters["MetricDataQueries"])
    silent = {"StatusCode": "Complete", "Timestamps": [], "Values": []}
    return json_reply({"MetricDataResults": [{"Id": name, **silent} for name in names]})


@pytest.fixture(scope="module")
def ailing() -> Iterator[StubAws]:
    """Such an AWS."""
    denied = query_error("AccessDenied", "not authorized to perform: sts:AssumeRole", status=403)
    with serving() as stub:
        stub.on("AssumeRole", lambda asked: denied if DENIED in asked.parameters["RoleArn"] else assumed(asked))
        stub.on("GetCallerIdentity", identified)
        boxes = RUNNING.format("".join(BOX.format(number) for number in range(5)))
        stub.on("DescribeInstances", unless_down(xml("DescribeInstances", boxes)))
        stub.on("DescribeSecurityGroups", unless_down(xml("DescribeSecurityGroups", OPEN_GROUP)))
        stub.on("GetMetricData", metrics)
        yield stub


@pytest.fixture
def installed(tmp_path: Path, ailing: StubAws) -> Iterator[Installation]:
    """An installation that looks after the three accounts in both regions."""
    made = Installation(tmp_path, ailing.url)
    (made.policies / "idle.py").write_text(POLICIES)
    settings = made.config.read_text().replace('regions = ["eu-central-1"]', f'regions = ["{UP}", "{DOWN}"]')
    accounts = "".join(f"[aws.accounts.{account}]\n" for account in (FINE, DENIED, SLOW))
    made.config.write_text(f"{settings}attempts = 2\nread_timeout_seconds = 2\n{accounts}")
    yield made
    made.end()


def test_one_sweep_finds_what_can_be_found_in_time_and_says_what_is_missing(
    installed: Installation, ailing: StubAws
) -> None:
    """Findings of both accounts that answer, why each scope is incomplete, and exit code 2."""
    began = time.monotonic()
    result = installed.cli("once", "--json")
    assert time.monotonic() - began < SECONDS
    assert result.returncode == 2, result.stderr
    slow = [asked for asked in ailing.asked if asked.operation == "GetMetricData" and where(asked)[0] == SLOW]
    assert len(slow) == 4, "two calls, each with its repetition, and then it is left"
    told = json.loads(result.stdout)
    assert told["complete"] is False
    assert {(one["account"], one["region"]) for one in told["findings"]} == {(FINE, UP), (SLOW, UP)}
    assert {(one["account"], one["region"], one["cause"]["reason"]) for one in told["incomplete"]} == {
        (DENIED, UP, "access-denied"),
        (DENIED, DOWN, "access-denied"),
        (FINE, DOWN, "unavailable"),
        (SLOW, DOWN, "unavailable"),
    }
    reasons = [one["cause"]["reason"] for one in told["unknown"] if one["policy"] == "idle-boxes"]
    assert {reason: reasons.count(reason) for reason in reasons} == {"not-enough-data": 5, "timeout": 5}
    table = installed.cli("once")
    assert "Not listed completely (4)" in table.stdout
    assert f"{DENIED}/{UP}" in table.stdout


def test_the_daemon_shows_each_scope_s_part_in_metrics_console_and_log(installed: Installation) -> None:
    """What is listed is complete; what is not says why, and so does what rules were not told. The sweep ends."""
    installed.start()
    until(lambda: installed.said("sweep_finished"), "a sweep")
    page = installed.get("/metrics")[1]
    complete = 'cloudwarden_inventory_complete{{account="{}",kind="ec2.security-group",region="{}"}} {}'
    for account, region, whole in ((FINE, UP, "1.0"), (FINE, DOWN, "0.0"), (DENIED, UP, "0.0"), (SLOW, UP, "1.0")):
        assert complete.format(account, region, whole) in page
    assert f'cloudwarden_policy_unread_resources{{account="{SLOW}",policy="idle-boxes",region="{UP}"}} 5.0' in page
    assert f'cloudwarden_policy_unread_resources{{account="{FINE}"' not in page
    console = installed.get("/")[1]
    assert f"{SLOW}/{UP}" in console
    assert "ec2.instance (idle-boxes)" in console
    assert "timeout: 5 of 5 not judged: " in console
    listed = [line for line in installed.events() if line.get("event") == "listed"]
    assert {(line["account"], line["region"]) for line in listed} == {
        (DENIED, UP),
        (DENIED, DOWN),
        (FINE, DOWN),
        (SLOW, DOWN),
    }
    assert installed.get("/healthz")[0] == 200


def test_what_no_policy_lists_any_more_is_no_longer_unread(installed: Installation) -> None:
    """In metrics and on the console, from the edit on; what the other policy lists stays as it was."""
    installed.start()
    until(lambda: installed.said("sweep_finished"), "a sweep")
    assert "ec2.security-group" in installed.get("/")[1]
    (installed.policies / "idle.py").write_text(POLICIES[: POLICIES.index("open_groups =")])
    until(lambda: "ec2.security-group" not in installed.get("/metrics")[1], "the policy's end")
    assert (
        f'cloudwarden_inventory_complete{{account="{DENIED}",kind="ec2.instance",region="{UP}"}} 0.0'
        in (installed.get("/metrics")[1])
    )
    page = installed.get("/")[1]
    assert ("ec2.security-group" in page, f"{DENIED}/{UP}" in page) == (False, True)


@pytest.fixture
def homeless() -> Iterator[StubAws]:
    """An AWS whose home region is down, STS and all."""
    with serving() as stub:
        stub.on("AssumeRole", unless_down(assumed, HOME))
        stub.on("GetCallerIdentity", unless_down(identified, HOME))
        stub.on("DescribeInstances", unless_down(xml("DescribeInstances", "<reservationSet/>"), HOME))
        stub.on("DescribeSecurityGroups", unless_down(xml("DescribeSecurityGroups", OPEN_GROUP), HOME))
        yield stub


def test_without_its_home_region_the_others_are_swept(tmp_path: Path, homeless: StubAws) -> None:
    """Every account's credentials come from another region's STS, and only what is at home is missing."""
    made = Installation(tmp_path, homeless.url)
    (made.policies / "idle.py").write_text(POLICIES)
    settings = made.config.read_text().replace('regions = ["eu-central-1"]', f'regions = ["{HOME}", "{UP}"]')
    made.config.write_text(f"{settings}attempts = 2\n[aws.accounts.{FINE}]\n[aws.accounts.{SLOW}]\n")
    began = time.monotonic()
    result = made.cli("once", "--json")
    made.end()
    assert time.monotonic() - began < SECONDS
    assert result.returncode == 2, result.stderr
    told = json.loads(result.stdout)
    assert {(one["account"], one["region"]) for one in told["findings"]} == {(FINE, UP), (SLOW, UP)}
    assert {(one["account"], one["region"], one["cause"]["reason"]) for one in told["incomplete"]} == {
        (FINE, HOME, "unavailable"),
        (SLOW, HOME, "unavailable"),
    }


BUCKETS = 40
DRAGS_SECONDS = 1.5
"""Less than an answer may take: no silence, and forty such answers by eight threads take 7.5 seconds."""
SCOPE_SECONDS = 1.0
"""And a tenth of a second for each question: five in all."""

VERSIONED = """
from cloudwarden import OBSERVE, NoParams, Policy, Violation, every, rule
from cloudwarden.aws import s3


@rule
def unversioned(bucket: s3.Bucket, params: NoParams, settings: s3.Settings) -> Violation | None:
    return None if settings.versioning == "Enabled" else Violation(summary="no versions are kept")


versioned = Policy(
    name="versioned", rule=unversioned, params=NoParams(), schedule=every(minutes=15), mode=OBSERVE
)
"""


def buckets(asked: Asked) -> Reply:
    """Each account has as many."""
    made = "<CreationDate>2026-01-05T10:00:00.000Z</CreationDate><BucketRegion>eu-west-1</BucketRegion>"
    items = "".join(f"<Bucket><Name>b-{where(asked)[0]}-{number}</Name>{made}</Bucket>" for number in range(BUCKETS))
    return rest_xml(f"<ListAllMyBucketsResult><Buckets>{items}</Buckets></ListAllMyBucketsResult>")


def versioning(asked: Asked) -> Reply:
    """None has versions; one account is always told to slow down, and another waits for each answer."""
    if where(asked)[0] == THROTTLED:
        return rest_error("SlowDown", "Please reduce your request rate.", status=503)
    if where(asked)[0] == DRAGGING:
        time.sleep(DRAGS_SECONDS)
    return rest_xml("<VersioningConfiguration/>")


def versions(folder: Path, stub: StubAws, *accounts: str, scope_seconds: float) -> dict[str, Judgement]:
    """What one sweep in this process says of the versions that buckets keep, by account."""
    made = Installation(folder, stub.url)
    (made.policies / "idle.py").write_text(VERSIONED)
    named = "".join(f"[aws.accounts.{account}]\n" for account in accounts)
    made.config.write_text(f"{made.config.read_text()}attempts = 2\nread_timeout_seconds = 2\n{named}")
    app = build(load_settings(made.config), begins=True)
    app.gatherer = Gatherer(
        inventory=app.inventory,
        evidence=app.evidence,
        cutoff=SignalCutoff(1.0),
        reporter=app.reporter,
        threads=8,
        timer=app.clock.monotonic,
        scope_seconds=scope_seconds,
    )
    try:
        return {one.scope.account: one for one in once(app)[1].judgements}
    finally:
        app.close()


@pytest.fixture
def halting(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubAws]:
    """An AWS with buckets."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with serving() as stub:
        stub.on("AssumeRole", assumed)
        stub.on("GetCallerIdentity", identified)
        stub.on("GET", buckets)
        stub.on("GET versioning", versioning)
        stub.on("GET tagging", rest_error("NoSuchTagSet"))
        yield stub


def test_what_throttles_without_end_is_left_alone_and_the_rest_goes_on(tmp_path: Path, halting: StubAws) -> None:
    """All findings of the account that is well; of the other, why nobody can tell, and hardly a call for nothing."""
    began = time.monotonic()
    found = versions(tmp_path, halting, FINE, THROTTLED, scope_seconds=900.0)
    assert time.monotonic() - began < SECONDS
    assert found[FINE].verdicts == {"violation": BUCKETS}
    assert found[THROTTLED].unknown == {"throttled": BUCKETS}
    left = [doubt for doubt in found[THROTTLED].doubts if "throttled at every attempt" in doubt.cause.detail]
    assert len(left) >= BUCKETS - 5 - 8, "all but those that ended throttled, and those under way"


def test_what_drags_is_given_up_and_the_rest_goes_on(tmp_path: Path, halting: StubAws) -> None:
    """All findings of the account that is well, and those of the other that came in its time."""
    found = versions(tmp_path, halting, FINE, DRAGGING, scope_seconds=SCOPE_SECONDS)
    assert found[FINE].verdicts == {"violation": BUCKETS}
    assert 0 < found[DRAGGING].unknown["timeout"] < BUCKETS
    assert found[DRAGGING].unknown["timeout"] + found[DRAGGING].verdicts["violation"] == BUCKETS
