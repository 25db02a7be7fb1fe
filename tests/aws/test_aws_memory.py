"""What reading takes: one page at a time, of each resource what rules look at, and half of botocore's CPU."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from time import sleep, thread_time
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.parsers import ResponseParser, ResponseParserFactory
from botocore.session import Session

from cloudwarden.aws import ec2
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.metric_results import Results
from cloudwarden.aws.moment import moment
from cloudwarden.aws.pages import pages
from cloudwarden.aws.parsers import Parsers
from cloudwarden.aws.turns import InTurn
from stub_aws import SCOPE

A_PAGE = 200
BYTES_PER_INSTANCE = 1300
"""With twelve tags; botocore's own description of one takes ten thousand."""

TAGS = "".join(f"<item><key>tag-{number}</key><value>value {number}</value></item>" for number in range(12))
INSTANCE = (
    "<item><instanceId>i-{0:017x}</instanceId><imageId>ami-1</imageId><instanceState><code>16</code><name>running</name>"
    "</instanceState><instanceType>m5.large</instanceType><launchTime>2026-01-01T00:00:00.000Z</launchTime><placement>"
    "<availabilityZone>eu-central-1a</availabilityZone></placement><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>"
    "<privateIpAddress>10.0.0.1</privateIpAddress><groupSet><item><groupId>sg-1</groupId></item></groupSet>"
    "<rootDeviceType>ebs</rootDeviceType><tagSet>" + TAGS + "</tagSet></item>"
)


class Paging:
    """A client of so many pages, read as a real one's are; it is its own way to clients, too."""

    def __init__(self, count: int, parser: ResponseParser | None = None) -> None:
        self._count = count
        parsers = Parsers()
        parsers.set_parser_defaults(timestamp_parser=moment)
        self.parser: ResponseParser = parser or parsers.create_parser("ec2")
        model = Session().get_service_model("ec2").operation_model("DescribeInstances")
        assert model.output_shape is not None
        self._shape = model.output_shape
        self.meta = SimpleNamespace()
        self.shared, self.stencils, self.speaker = self, self, None

    def client(self, _service: str, _scope: object) -> Paging:
        """Itself."""
        return self

    def repeated(self, _operation: str, _arguments: Mapping[str, Any], send: Callable[[], Any]) -> Any:
        """Once."""
        return send()

    def sent(self, _operation: str, _arguments: Mapping[str, Any], _speaker: None, ordinary: Callable[[], Any]) -> Any:
        """The ordinary way."""
        return ordinary()

    def describe_instances(self, *, NextToken: str = "0", **_: Any) -> Any:  # noqa: N803  # boto3's name
        """The page that begins there."""
        number = int(NextToken)
        items = "".join(INSTANCE.format(number * A_PAGE + item) for item in range(A_PAGE))
        token = f"<nextToken>{number + 1}</nextToken>" if number + 1 < self._count else ""
        body = f"<R><reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet>{token}</R>"
        return self.parser.parse({"body": body.encode(), "headers": {}, "status_code": 200}, self._shape)


def measured(work: Callable[[], Any]) -> tuple[int, int]:
    """Bytes that are held at the end, by what `work` gives, and the most that were while it ran."""
    gc.collect()
    tracemalloc.start()
    try:
        kept = work()
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del kept
    return held, most


def paged(count: int) -> int:
    """The most that paging takes when nobody keeps what comes."""

    def through() -> None:
        for page in pages(client, "describe_instances", {}):  # type: ignore[arg-type]  # one that speaks for nobody
            del page

    client = Paging(count)
    client.describe_instances()
    return measured(through)[1]


def test_memory_is_flat_while_paging() -> None:
    """Twenty pages take what five do, and three hardly more than one: a page is let go before the next is read."""
    few, many = paged(5), paged(20)
    assert many < few * 1.05
    assert paged(3) < paged(1) * 1.2


def test_a_listing_holds_one_page_and_its_resources() -> None:
    """A resource is a tenth of its description, and descriptions go page by page."""

    def listed(count: int) -> tuple[int, int]:
        paging = Paging(count)
        paging.describe_instances()
        inventory = AwsInventory(paging, ec2.KINDS)  # type: ignore[arg-type]
        return measured(lambda: inventory.list(ec2.Instance, SCOPE).resources)

    (few, _), (many, most) = listed(5), listed(15)
    assert (many - few) / (10 * A_PAGE) < BYTES_PER_INSTANCE
    assert most - many < paged(1)


def test_a_view_copies_no_text() -> None:
    """What an instance says of itself are the texts that were read, each once for all that have it alike."""
    raw = Paging(1).describe_instances()["Reservations"][0]["Instances"]
    first, second = (
        next(kind for kind in ec2.KINDS if kind.resource is ec2.Instance).view(one, SCOPE) for one in raw[:2]
    )
    assert first.instance_type is raw[0]["InstanceType"]
    assert first.tags["tag-1"] is raw[0]["Tags"][1]["Value"]
    assert first.tags["tag-1"] is second.tags["tag-1"]
    assert first.vpc_id is second.vpc_id


def test_series_keep_their_moments_once_and_eight_bytes_a_value() -> None:
    """A scope's whole evidence is held while it is judged."""
    moments = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=5 * place) for place in range(72)]

    def answered() -> list[Any]:
        results = Results(500)
        for number in range(500):
            values = [number + place / 7 for place in range(72)]
            part = {"Id": f"m{number}", "StatusCode": "Complete", "Timestamps": list(moments), "Values": values}
            results.add({"MetricDataResults": [part]})
        return results.answers()

    assert measured(answered)[0] < 500 * (72 * 8 + 250)


def test_an_instance_is_parsed_in_half_of_botocore_s_cpu() -> None:
    """By this thread's own time, the least of some turns: what else the machine does counts little."""
    ours, botocores = Paging(1), Paging(1, ResponseParserFactory().create_parser("ec2"))
    taken: dict[Paging, list[float]] = {ours: [], botocores: []}
    for _ in range(7):
        for client, seconds in taken.items():
            began = thread_time()
            client.describe_instances()
            seconds.append(thread_time() - began)
    assert min(taken[ours]) < min(taken[botocores]) / 2


class Watched(InTurn):
    """A parser that notices how many threads are in it."""

    inside = most = 0

    def _do_parse(self, response: Any, shape: Any) -> Any:
        del response, shape
        self.inside += 1
        self.most = max(self.most, self.inside)
        sleep(0.01)
        self.inside -= 1
        return {}


def test_answers_are_read_one_at_a_time() -> None:
    """Threads that read together would hold all their answers' trees, and be no sooner done."""
    parser = Watched()
    answer = {"body": b"", "headers": {}, "status_code": 200}
    threads = [threading.Thread(target=parser.parse, args=(answer, None)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert parser.most == 1


def test_an_answer_that_cannot_be_read_gives_its_turn_back() -> None:
    """The next one is read."""
    parser = Parsers().create_parser("json")
    with pytest.raises(AttributeError):
        parser.parse({"body": b"[1]", "headers": {}, "status_code": 400}, None)  # type: ignore[arg-type]
    assert parser.parse({"body": b"{}", "headers": {}, "status_code": 200}, None)  # type: ignore[arg-type]
