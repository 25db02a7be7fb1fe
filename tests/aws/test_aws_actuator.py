"""Mutating calls happen once; readings tell what they did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cloudwarden.aws.actuator import AwsActuator
from cloudwarden.core.action import Call, Proof, Read, Shows
from cloudwarden.core.errors import (
    AccessDenied,
    CloudError,
    Conflict,
    InvalidRequest,
    MalformedAnswer,
    Throttled,
    Timeout,
    Unavailable,
)
from stub_aws import SCOPE, Asked, Reply, StubAws, error, query_xml, xml
from stub_sessions import Heard, sessions_to

SNAPSHOT = xml("CreateSnapshot", "<snapshotId>snap-1</snapshotId><volumeSize>8</volumeSize>")
PASSED = error("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", status=412)


def reading(path: str, **arguments: Any) -> Read:
    """A reading of snapshots."""
    return Read(service="ec2", operation="describe_snapshots", arguments=arguments, path=path)


def snapshot(keeps: Mapping[str, str] | None = None, operation: str = "create_snapshot", **more: Any) -> Call:
    """The first step of deleting a volume."""
    proof = Proof(read=reading("Snapshots"), shows=Shows.SOMETHING)
    return Call(
        service="ec2", operation=operation, arguments={"VolumeId": "vol-1"}, proof=proof, keeps=keeps or {}, **more
    )


def snapshots(*ids: str, token: str = "", state: str = "pending") -> Reply:
    """A page of snapshots."""
    started = "<startTime>2026-03-02T12:00:00.000Z</startTime>"
    items = "".join(f"<item><snapshotId>{one}</snapshotId><status>{state}</status>{started}</item>" for one in ids)
    following = f"<nextToken>{token}</nextToken>" if token else ""
    return xml("DescribeSnapshots", f"<snapshotSet>{items}</snapshotSet>{following}")


def actuator(aws: StubAws, **settings: Any) -> AwsActuator:
    """An actuator whose sessions would try thrice."""
    return AwsActuator(sessions_to(aws, **{"attempts": 3, **settings}))


def test_a_call_returns_what_it_keeps(aws: StubAws) -> None:
    """Later steps use parts of the answer, as text."""
    aws.on("CreateSnapshot", SNAPSHOT)
    kept = actuator(aws).call(SCOPE, snapshot({"snapshot": "SnapshotId", "size": "VolumeSize"}))
    assert kept == {"snapshot": "snap-1", "size": "8"}
    assert aws.asked[-1].parameters["VolumeId"] == "vol-1"
    assert "DryRun" not in aws.asked[-1].parameters


@pytest.mark.parametrize(
    ("broken", "meaning"),
    [
        (error("RequestLimitExceeded", status=503), Throttled),
        (error("InternalError", status=500), Unavailable),
        (Reply(reset=True), Unavailable),
        (Reply(body=SNAPSHOT.body, cut=True), Unavailable),
        (Reply(body=b"<html>"), MalformedAnswer),
        (error("IncorrectState"), Conflict),
    ],
    ids=["throttled", "500", "reset", "cut", "truncated", "conflict"],
)
def test_nothing_mutating_is_repeated(aws: StubAws, broken: Reply, meaning: type[CloudError]) -> None:
    """Whatever goes wrong, AWS was asked once."""
    aws.on("CreateSnapshot", broken, SNAPSHOT)
    with pytest.raises(meaning):
        actuator(aws).call(SCOPE, snapshot())
    assert aws.count("CreateSnapshot") == 1


def test_an_answer_that_takes_too_long_may_have_been_carried_out(aws: StubAws) -> None:
    """The engine must read to know."""

    def slow(asked: Asked) -> Reply:
        aws.released.wait(5)
        return SNAPSHOT

    aws.on("CreateSnapshot", slow)
    with pytest.raises(Timeout) as caught:
        actuator(aws, read_timeout_seconds=1.0).call(SCOPE, snapshot())
    aws.released.set()
    assert caught.value.maybe_done
    assert aws.count("CreateSnapshot") == 1


@pytest.mark.parametrize("path", ["NoSuchThing", "no_such_function(SnapshotId)"])
def test_a_kept_part_that_is_missing_is_a_malformed_answer(aws: StubAws, path: str) -> None:
    """The call was made, so it may have been carried out."""
    aws.on("CreateSnapshot", SNAPSHOT)
    with pytest.raises(MalformedAnswer, match="holds no snapshot") as caught:
        actuator(aws).call(SCOPE, snapshot({"snapshot": path}))
    assert caught.value.maybe_done


@pytest.mark.parametrize("call", [snapshot({"snapshot": "[["}), snapshot(operation="no_such_thing")])
def test_a_call_that_cannot_be_is_not_made(aws: StubAws, call: Call) -> None:
    """A bad path or operation is found before AWS hears anything."""
    with pytest.raises(InvalidRequest):
        actuator(aws).call(SCOPE, call)
    assert {request.operation for request in aws.asked} <= {"GetCallerIdentity"}


def test_a_dry_run_that_passes_is_silent(aws: StubAws, heard: Heard) -> None:
    """EC2 says so with an error, which is none, in the metrics either."""
    aws.on("CreateSnapshot", PASSED)
    assert AwsActuator(sessions_to(aws, heard)).call(SCOPE, snapshot({"snapshot": "[0]"}), dry_run=True) == {}
    assert aws.asked[-1].parameters["DryRun"] == "true"
    assert [call.outcome for call in heard.calls("CreateSnapshot")] == ["ok"]


def test_a_dry_run_that_is_refused_raises(aws: StubAws) -> None:
    """Missing permission is known before anything is done."""
    aws.on("CreateSnapshot", error("UnauthorizedOperation", status=403))
    with pytest.raises(AccessDenied):
        actuator(aws).call(SCOPE, snapshot(), dry_run=True)


def test_a_dry_run_may_be_repeated(aws: StubAws) -> None:
    """It changes nothing, so a throttle is waited out."""
    aws.on("CreateSnapshot", error("RequestLimitExceeded", status=503), PASSED)
    actuator(aws, attempts=2).call(SCOPE, snapshot(), dry_run=True)
    assert aws.count("CreateSnapshot") == 2


def test_a_dry_run_of_what_has_none_asks_nothing(aws: StubAws) -> None:
    """An API without dry run would carry it out."""
    assert actuator(aws).call(SCOPE, snapshot(dry_run=False), dry_run=True) == {}
    assert aws.count("CreateSnapshot") == 0


def test_a_dry_run_that_was_carried_out_is_said(aws: StubAws) -> None:
    """A success means that the flag was not heeded."""
    aws.on("CreateSnapshot", SNAPSHOT)
    with pytest.raises(MalformedAnswer, match="dry run") as caught:
        actuator(aws).call(SCOPE, snapshot(), dry_run=True)
    assert caught.value.maybe_done


def test_a_reading_shows_what_is_at_its_path(aws: StubAws) -> None:
    """As JSON: instants become text."""
    aws.on("DescribeSnapshots", snapshots("snap-1"))
    assert actuator(aws).read(SCOPE, reading("Snapshots[0].State")) == "pending"
    assert actuator(aws).read(SCOPE, reading("Snapshots[].StartTime")) == ["2026-03-02T12:00:00+00:00"]


def test_a_reading_of_what_does_not_exist_is_nothing(aws: StubAws) -> None:
    """NotFound is an answer."""
    aws.on("DescribeSnapshots", error("InvalidSnapshot.NotFound"))
    assert actuator(aws).read(SCOPE, reading("Snapshots", SnapshotIds=["snap-1"])) is None


@pytest.mark.parametrize(
    ("pages", "shown"),
    [((snapshots(token="t1"), snapshots("snap-1")), ["snap-1"]), ((snapshots(token="t1"), snapshots()), [])],
    ids=["later", "never"],
)
def test_an_empty_page_with_more_to_come_proves_nothing(aws: StubAws, pages: tuple[Reply, ...], shown: object) -> None:
    """A snapshot on the second page of a filtered reading exists."""
    aws.on("DescribeSnapshots", *pages)
    assert actuator(aws).read(SCOPE, reading("Snapshots[].SnapshotId")) == shown


def test_an_empty_page_that_leads_on_otherwise_proves_nothing(aws: StubAws) -> None:
    """RDS calls its token Marker: what was made may be on the next page."""
    aws.on("DescribeDBSnapshots", query_xml("DescribeDBSnapshots", "<Marker>m1</Marker><DBSnapshots/>"))
    made = Read(
        service="rds", operation="describe_db_snapshots", arguments={}, path="DBSnapshots[].DBSnapshotIdentifier"
    )
    with pytest.raises(MalformedAnswer, match="goes on"):
        actuator(aws, attempts=1).read(SCOPE, made)


def test_a_reading_that_fails_raises(aws: StubAws) -> None:
    """Not knowing is no answer."""
    aws.on("DescribeSnapshots", snapshots(token="t1"), error("InternalError", status=500))
    with pytest.raises(Unavailable):
        actuator(aws, attempts=1).read(SCOPE, reading("Snapshots[].SnapshotId"))


@pytest.mark.parametrize("path", ["[[", "no_such_function(@)"])
def test_a_bad_path_is_an_invalid_request(aws: StubAws, path: str) -> None:
    """Whether it is found when compiled or when used."""
    aws.on("DescribeSnapshots", snapshots("snap-1"))
    with pytest.raises(InvalidRequest):
        actuator(aws).read(SCOPE, reading(path))
