"""The demo's estate is what it is described to be, and goes on living."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cloudwarden.demo.estate import WINDOW, Estate, simulated

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

NOW = datetime(2026, 11, 24, 12, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def estate() -> Iterator[Estate]:
    """One estate for all tests here: seeding takes seconds."""
    with simulated(NOW) as made:
        yield made


def described(estate: Estate, operation: str, **arguments: object) -> Any:
    """What EC2 answers; its keys are AWS's, and a missing one fails the test."""
    return getattr(estate.ec2, operation)(**arguments)


@cache
def cloudwatch(endpoint_url: str, region: str) -> CloudWatchClient:
    """One client: building one takes longer than asking it."""
    return boto3.Session().client("cloudwatch", endpoint_url=endpoint_url, region_name=region)


def points(estate: Estate, instance: str, metric: str, until: datetime) -> Sequence[float]:
    """The datapoints of one metric in the window before `until`."""
    answer = cloudwatch(estate.endpoint_url, estate.region).get_metric_statistics(
        Namespace="AWS/EC2",
        MetricName=metric,
        Dimensions=[{"Name": "InstanceId", "Value": instance}],
        Period=300,
        Statistics=["Maximum"],
        StartTime=until - WINDOW,
        EndTime=until,
    )
    return [point.get("Maximum", 0) for point in answer["Datapoints"]]


@pytest.mark.parametrize("metric", ["CPUUtilization", "NetworkIn", "NetworkOut"])
def test_idle_instances_have_a_whole_window_of_low_datapoints(estate: Estate, metric: str) -> None:
    """Idle means that every period has a datapoint, and all of them are low."""
    for instance in estate.instances["idle"]:
        values = points(estate, instance, metric, NOW)
        assert len(values) >= 12
        assert max(values) < (5 if metric == "CPUUtilization" else 300_000)


@pytest.mark.parametrize("role", ["busy", "bursty"])
def test_loaded_instances_peak_within_the_window(estate: Estate, role: str) -> None:
    """Whoever is loaded, all the time or now and then, shows it in the window."""
    for instance in estate.instances[role]:
        assert max(points(estate, instance, "CPUUtilization", NOW)) > 40


def test_silent_instances_have_no_datapoints_and_half_silent_ones_half(estate: Estate) -> None:
    """Silence is no datapoint at all; half of it leaves gaps in the window."""
    assert not any(points(estate, instance, "NetworkIn", NOW) for instance in estate.instances["silent"])
    assert {len(points(estate, each, "NetworkIn", NOW)) for each in estate.instances["half-silent"]} == {6}


def test_instances_were_launched_before_the_window(estate: Estate) -> None:
    """An instance that is younger than the window cannot have been idle for it."""
    instances = [
        each for group in described(estate, "describe_instances")["Reservations"] for each in group["Instances"]
    ]
    assert len(instances) == 62
    assert all(each["LaunchTime"] < NOW - timedelta(days=30) for each in instances)
    assert sum(each["State"]["Name"] == "running" for each in instances) == 42


def test_the_kept_ones_carry_the_tag_that_exempts(estate: Estate) -> None:
    """The kept instances are idle too, so that only the tag saves them."""
    answer = described(estate, "describe_instances", InstanceIds=list(estate.instances["kept"]))
    tags = [tag["Key"] for each in answer["Reservations"][0]["Instances"] for tag in each["Tags"]]
    assert tags.count("keep-running") == len(estate.instances["kept"])


def test_a_protected_instance_cannot_be_stopped(estate: Estate) -> None:
    """It is idle like others, and AWS refuses to stop it: an action that fails."""
    with pytest.raises(ClientError, match="disableApiStop"):
        estate.ec2.stop_instances(InstanceIds=list(estate.instances["protected"]))


def test_a_right_can_be_lost_and_come_back(estate: Estate) -> None:
    """What the demo is denied, AWS's own error says."""
    estate.denies("describe_volumes")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        estate.ec2.describe_volumes()
    estate.allows("describe_volumes")
    assert described(estate, "describe_volumes")["Volumes"]


def test_a_throttle_is_over_after_so_many_requests(estate: Estate) -> None:
    """The call goes through that is repeated often enough."""
    refused: list[str] = []
    estate.ec2.meta.events.register(
        "response-received.ec2",
        lambda parsed_response, **_: refused.append(parsed_response.get("Error", {}).get("Code")),
    )
    estate.throttles("describe_security_groups", requests=2)
    assert described(estate, "describe_security_groups")["SecurityGroups"]
    assert refused[:3] == ["RequestLimitExceeded", "RequestLimitExceeded", None]


def test_groups_are_open_in_each_of_the_ways(estate: Estate) -> None:
    """IPv4, IPv6, every protocol, and the world in two halves."""
    opened = {
        group["GroupId"]: group["IpPermissions"][0]
        for group in described(estate, "describe_security_groups")["SecurityGroups"]
        if group["IpPermissions"]
    }
    assert [one["CidrIp"] for one in opened[estate.groups["open"][0]]["IpRanges"]] == ["0.0.0.0/0"]
    assert [one["CidrIpv6"] for one in opened[estate.groups["ipv6-open"][0]]["Ipv6Ranges"]] == ["::/0"]
    assert opened[estate.groups["all-open"][0]]["IpProtocol"] == "-1"
    assert {one["CidrIp"] for one in opened[estate.groups["half-and-half"][0]]["IpRanges"]} == {
        "0.0.0.0/1",
        "128.0.0.0/1",
    }


def test_forgotten_volumes_are_old_and_young_ones_are_not(estate: Estate) -> None:
    """Only age tells a forgotten volume from one that was just made."""
    answer = described(estate, "describe_volumes", Filters=[{"Name": "status", "Values": ["available"]}])
    created = {volume["VolumeId"]: volume["CreateTime"] for volume in answer["Volumes"]}
    assert all(created[each] <= NOW - timedelta(days=30) for each in estate.volumes["forgotten"])
    assert all(created[each] >= NOW - timedelta(days=2) for each in estate.volumes["young"])


def test_some_things_say_whose_they_are_and_some_do_not(estate: Estate) -> None:
    """There is something to find for whoever asks for owners."""
    groups = described(estate, "describe_security_groups")["SecurityGroups"]
    owned = [any(tag["Key"] == "owner" for tag in group.get("Tags", ())) for group in groups]
    assert 0 < owned.count(False) < owned.count(True)


def test_nothing_of_the_users_aws_configuration_is_in_force(estate: Estate) -> None:
    """The demo never reads the user's profile or credentials, nor sends them."""
    del estate
    assert os.environ["AWS_ACCESS_KEY_ID"] == "demo"
    assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert "AWS_PROFILE" not in os.environ


def test_databases_and_buckets_are_there_and_the_databases_are_measured(estate: Estate) -> None:
    """Their history spans the window that the rules look at; the unmeasured one has none."""
    measured = {
        name: cloudwatch(estate.endpoint_url, estate.region).get_metric_statistics(
            Namespace="AWS/RDS",
            MetricName="DatabaseConnections",
            Dimensions=[{"Name": "DBInstanceIdentifier", "Value": name}],
            Period=300,
            Statistics=["Maximum"],
            StartTime=NOW - WINDOW,
            EndTime=NOW,
        )["Datapoints"]
        for names in estate.databases.values()
        for name in names
    }
    assert [name for name, found in measured.items() if not found] == list(estate.databases["unmeasured"])
    assert {point.get("Maximum") for point in measured["unused-00"]} == {0.0}
    assert sum(map(len, estate.buckets.values())) == 9


def test_buckets_say_where_they_are_kept(estate: Estate) -> None:
    """As S3 does, and the simulation by itself does not: nothing is done to one of which nobody knows."""
    s3: Any = boto3.Session().client("s3", endpoint_url=estate.endpoint_url, region_name=estate.region)
    ours = {name for names in estate.buckets.values() for name in names}
    kept = {one["Name"]: one.get("BucketRegion") for one in s3.list_buckets()["Buckets"] if one["Name"] in ours}
    assert kept == dict.fromkeys(ours, estate.region)
