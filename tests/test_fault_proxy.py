"""The fault proxy makes go wrong what it says, as AWS and networks do; boto3 is the judge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from cloudwarden.aws.errors import error_class_for, translated
from cloudwarden.core.errors import AccessDenied, CredentialsExpired, MalformedAnswer, Throttled, Timeout, Unavailable
from exchanges import Exchange, Fault, Nobody, Request
from fault_proxy import FaultProxy, fault_proxy
from installation import CREDENTIALS, simulated_aws

REGION = "eu-west-3"


class Heard(Nobody):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.arrivals: list[Request] = []
        self.exchanges: list[Exchange] = []

    def arrived(self, request: Request) -> None:
        """Keep it."""
        self.arrivals.append(request)

    def ended(self, exchange: Exchange) -> None:
        """Keep it."""
        self.exchanges.append(exchange)


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """A simulated AWS with three volumes; its address."""
    with simulated_aws() as address:
        ec2 = client("ec2", address)
        made = [ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"] for _ in range(3)]
        yield address
        for volume in made:
            ec2.delete_volume(VolumeId=volume)


@pytest.fixture
def proxy(aws: str) -> Iterator[FaultProxy]:
    """A proxy before it, with a witness."""
    with fault_proxy(aws) as made:
        made.witness, made.loris_seconds = Heard(), 4.0
        yield made


def client(service: Any, address: str, *, patience_seconds: float = 30.0) -> Any:
    """A client that tries once."""
    return boto3.client(
        service,
        endpoint_url=address,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(read_timeout=patience_seconds, retries={"total_max_attempts": 1}),
    )


def asked(proxy: FaultProxy, fault: Fault, service: str = "ec2") -> Exception | Any:
    """What comes of a small request of a service that meets a fault: its answer, or its error."""
    proxy.weather = lambda request: fault
    one = client(service, proxy.address, patience_seconds=2.0)
    try:
        match service:
            case "ec2":
                return one.describe_volumes(MaxResults=500)
            case "sts":
                return one.get_caller_identity()
            case _:
                now = datetime.now(UTC)
                return one.get_metric_data(StartTime=now, EndTime=now + timedelta(hours=1), MetricDataQueries=[])
    except Exception as error:  # noqa: BLE001  # which one it is, is what the tests ask
        return error


def heard(proxy: FaultProxy) -> Heard:
    """The proxy's witness."""
    assert isinstance(proxy.witness, Heard)
    return proxy.witness


@pytest.mark.parametrize("service", ["ec2", "sts", "cloudwatch"])
@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (Fault.THROTTLED, Throttled),
        (Fault.FAILS, Unavailable),
        (Fault.UNAVAILABLE, Unavailable),
        (Fault.DENIED, AccessDenied),
        (Fault.EXPIRED, CredentialsExpired),
        (Fault.SKEWED, CredentialsExpired),
    ],
)
def test_refusals_have_the_shape_of_their_service(
    proxy: FaultProxy, service: str, fault: Fault, meaning: type[Exception]
) -> None:
    """botocore finds a code in each that we know, in EC2's, in the query services' and in the JSON services' shape."""
    error = asked(proxy, fault, service)
    assert isinstance(error, ClientError), error
    told = error.response["Error"]
    assert error_class_for(told["Code"], message=told["Message"]) is meaning
    assert not heard(proxy).exchanges[-1].carried_out


def test_a_wrong_clock_is_told_with_the_time(proxy: FaultProxy) -> None:
    """The answer's Date is twenty minutes ahead."""
    error = asked(proxy, Fault.SKEWED)
    assert isinstance(error, ClientError), error
    date = parsedate_to_datetime(error.response["ResponseMetadata"]["HTTPHeaders"]["date"])
    assert timedelta(minutes=19) < date - datetime.now(UTC) < timedelta(minutes=21)


@pytest.mark.parametrize(
    ("fault", "meaning", "carried_out"),
    [
        (Fault.NEVER_ARRIVES, Unavailable, False),
        (Fault.ANSWER_IS_LOST, Unavailable, True),
        (Fault.FAILS_AFTERWARDS, Unavailable, True),
        (Fault.TRUNCATED, MalformedAnswer, True),
        (Fault.CUT, MalformedAnswer, True),
        (Fault.EMPTY, MalformedAnswer, True),
        (Fault.STALLED, Timeout, True),
        (Fault.SLOW_LORIS, MalformedAnswer, True),
    ],
)
def test_broken_answers_are_errors(
    proxy: FaultProxy, fault: Fault, meaning: type[Exception], *, carried_out: bool
) -> None:
    """None of them looks like an answer to botocore; the record says what AWS did."""
    error = asked(proxy, fault)
    assert isinstance(error, Exception), error
    assert isinstance(translated(error), meaning), error
    assert heard(proxy).arrivals
    (exchange,) = heard(proxy).exchanges
    assert (exchange.carried_out, exchange.whole) == (carried_out, False)


def test_pages_are_short_and_the_first_may_be_empty(proxy: FaultProxy) -> None:
    """Three volumes on pages of two after an empty one: nothing is lost, and only the last page has no token."""
    proxy.page_size = 2
    proxy.weather = lambda request: Fault.EMPTY_PAGE if request.token is None else None
    pages = list(client("ec2", proxy.address).get_paginator("describe_volumes").paginate(MaxResults=500))
    assert [len(page.get("Volumes", [])) for page in pages] == [0, 2, 1]
    assert [exchange.last for exchange in heard(proxy).exchanges] == [False, False, True]


def test_what_names_its_resources_is_never_cut(proxy: FaultProxy) -> None:
    """EC2 knows no pages beside ids, and the record names them."""
    proxy.page_size = 1
    ids = [volume["VolumeId"] for volume in client("ec2", proxy.address).describe_volumes()["Volumes"]]
    assert len(client("ec2", proxy.address).describe_volumes(VolumeIds=ids)["Volumes"]) == 3
    assert set(heard(proxy).arrivals[-1].resources) == set(ids)


def test_everything_is_recorded(proxy: FaultProxy, tmp_path: Path) -> None:
    """One line for each request: when, what, which fault, and whether AWS carried it out."""
    proxy.record = tmp_path / "requests.jsonl"
    asked(proxy, Fault.THROTTLED)
    asked(proxy, Fault.LATE)
    lines = proxy.record.read_text().splitlines()
    assert [('"fault": "throttled"' in line, '"carried_out": true' in line) for line in lines] == [
        (True, False),
        (False, True),
    ]
