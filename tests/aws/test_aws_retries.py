"""What is asked again, how often, after how long, and what is not."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from cloudwarden.aws.access.account import AwsAccess
from cloudwarden.aws.limits import Queue
from cloudwarden.aws.pages import ask, pages
from cloudwarden.aws.quotas import Charge
from cloudwarden.aws.retries import BUDGET, Budget, Retries
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import (
    AccessDenied,
    CloudError,
    MalformedAnswer,
    NotFound,
    Throttled,
    Timeout,
    Unavailable,
)
from cloudwarden.core.resource import Scope
from cloudwarden.engine.events import CloudWaited
from stub_aws import SCOPE, Asked, Reply, StubAws, error, xml
from stub_sessions import Heard, SimulatedTime, sessions_to, simulated_limits
from throttling_aws import DESCRIBE, AwsBucket

READ = (Charge(quota=DESCRIBE),)
EMPTY = xml("DescribeVolumes", "<volumeSet/>")


@dataclass
class Aws:
    """Fails with each of `failures` in turn, then answers."""

    failures: list[CloudError] = field(default_factory=list)
    asked: int = 0

    def __call__(self) -> str:
        """One request."""
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


def retries(time: SimulatedTime, *, attempts: int = 4, chance: Callable[[], float] = lambda: 1.0) -> Retries:
    """Retries in simulated time, which by default wait as long as they may."""
    return Retries(simulated_limits(Heard(), time), attempts=attempts, chance=chance)


def test_a_connection_that_closes_before_the_answer_is_asked_again_by_what_reads_alone(aws: StubAws) -> None:
    """Whoever may ask once only does not know what became of it; and is told how the connection ended."""
    sessions = sessions_to(aws, attempts=2)
    aws.on("DescribeVolumes", Reply(reset=True), EMPTY)
    ask(sessions.client("ec2", SCOPE), "describe_volumes", {})
    assert aws.count("DescribeVolumes") == 2
    aws.on("DescribeVolumes", Reply(reset=True), EMPTY)
    with pytest.raises(Unavailable, match="Connection reset by peer") as caught:
        ask(sessions.client("ec2", SCOPE, once=True), "describe_volumes", {})
    assert caught.value.maybe_done
    assert aws.count("DescribeVolumes") == 3


@pytest.mark.parametrize("failure", [Throttled, Unavailable, Timeout, MalformedAnswer])
def test_what_may_pass_is_asked_again(failure: type[CloudError]) -> None:
    """A throttle, a fault, no answer, and half an answer."""
    aws = Aws([failure("no"), failure("no")])
    assert retries(SimulatedTime()).ask(SCOPE, "ec2", READ, aws) == "answer"
    assert aws.asked == 3


@pytest.mark.parametrize("failure", [AccessDenied, NotFound])
def test_a_refusal_is_not_asked_again(failure: type[CloudError]) -> None:
    """It would be the same."""
    aws = Aws([failure("no")])
    with pytest.raises(failure):
        retries(SimulatedTime()).ask(SCOPE, "ec2", READ, aws)
    assert aws.asked == 1


@pytest.mark.parametrize("failure", [Throttled, Unavailable, Timeout])
def test_what_may_be_asked_once_is_asked_once(failure: type[CloudError]) -> None:
    """A mutating call is never repeated, whatever came back."""
    aws = Aws([failure("no")])
    with pytest.raises(failure):
        retries(SimulatedTime()).ask(SCOPE, "ec2", READ, aws, once=True)
    assert aws.asked == 1


def test_pauses_double_and_are_random() -> None:
    """Full jitter: anything from nothing to twice the longest pause before."""
    time = SimulatedTime()
    chances = iter([1.0, 0.5, 0.0])
    retries(time, chance=lambda: next(chances)).ask(SCOPE, "ec2", READ, Aws([Timeout("no")] * 3))
    assert time.waits == [1.0, 1.0, 0.0]


def test_attempts_end_with_the_last_error() -> None:
    """`attempts` counts the first one."""
    aws = Aws([Throttled(f"number {number}") for number in range(9)])
    with pytest.raises(Throttled, match="number 3"):
        retries(SimulatedTime()).ask(SCOPE, "ec2", READ, aws)
    assert aws.asked == 4


def test_no_call_outlasts_its_patience() -> None:
    """However many attempts are left, a call ends within a minute of waiting."""
    time = SimulatedTime()
    with pytest.raises(Timeout):
        retries(time, attempts=20).ask(SCOPE, "ec2", READ, Aws([Timeout("no")] * 20))
    assert time.clock() <= 60.0


def test_an_outage_does_not_multiply_the_load() -> None:
    """Of a hundred calls that fail, ten are repeated for nothing, and then hardly any."""
    time, aws = SimulatedTime(), Aws([Unavailable("down")] * 1000)
    asking = retries(time, chance=lambda: 0.0)
    for _ in range(100):
        with pytest.raises(Unavailable):
            asking.ask(SCOPE, "ec2", READ, aws)
    assert aws.asked <= 100 + BUDGET + 1


def test_the_budget_is_each_scopes_and_services_own() -> None:
    """An outage of one service costs another one nothing."""
    asking = retries(SimulatedTime(), chance=lambda: 0.0)
    for _ in range(20):
        with pytest.raises(Unavailable):
            asking.ask(SCOPE, "ec2", READ, Aws([Unavailable("down")] * 4))
    assert asking.ask(SCOPE, "rds", READ, Aws([Unavailable("no")])) == "answer"


def test_throttles_are_paid_with_turns_not_with_the_budget() -> None:
    """As many threads may be refused at once as there are, and each gets its answer."""
    asking = retries(SimulatedTime())
    assert [asking.ask(SCOPE, "ec2", READ, Aws([Throttled("no")])) for _ in range(50)] == ["answer"] * 50


def test_a_stopping_daemon_asks_no_more() -> None:
    """The error at hand is the last word."""
    aws = Aws([Timeout("no")] * 4)
    with pytest.raises(Timeout):
        retries(SimulatedTime(stopping=True)).ask(SCOPE, "ec2", READ, aws)
    assert aws.asked == 1


def test_waiting_is_no_part_of_a_calls_duration(aws: StubAws, heard: Heard) -> None:
    """A request begins when its turn has come; what it stood still before is told apart."""
    time = SimulatedTime()
    limits = simulated_limits(heard, time)
    access = AwsAccess(regions=(SCOPE.region,), endpoint_url=aws.url, attempts=2)
    sessions = Sessions(access, heard, limits, timer=time.clock)
    aws.on("DescribeVolumes", error("RequestLimitExceeded", status=503), EMPTY)
    ask(sessions.client("ec2", SCOPE), "describe_volumes", {})
    assert [call.seconds for call in heard.calls("DescribeVolumes")] == [0.0, 0.0]
    waited = sum(event.seconds for event in heard.events if isinstance(event, CloudWaited))
    assert waited == pytest.approx(time.clock()), "in parts, of which the sum is not the whole to the last bit"
    assert waited > 0.0


def throttling(bucket: AwsBucket, time: SimulatedTime, total: int) -> Callable[[Asked], Reply]:
    """DescribeVolumes in so many pages, as often as the bucket allows."""

    def reply(asked: Asked) -> Reply:
        if not bucket.allows(time.clock()):
            return error("RequestLimitExceeded", "Request limit exceeded.", status=503)
        page = int(asked.parameters.get("NextToken", "1"))
        token = f"<nextToken>{page + 1}</nextToken>" if page < total else ""
        return xml("DescribeVolumes", f"<volumeSet/>{token}")

    return reply


def test_a_long_listing_keeps_within_the_bucket(aws: StubAws, heard: Heard) -> None:
    """Hundreds of pages over the wire: none throttled, in little more time than AWS's bucket asks for."""
    time, number = SimulatedTime(), 400
    aws.on("DescribeVolumes", throttling(AwsBucket(100, 20, by_the_second=True), time, number))
    client = sessions_to(aws, heard, limits=simulated_limits(heard, time)).client("ec2", SCOPE)
    assert len(list(pages(client, "describe_volumes", {"MaxResults": 5}))) == number
    assert [call.outcome for call in heard.calls("DescribeVolumes")] == ["ok"] * number
    assert time.clock() <= 1.2 * (number - 100) / 20


def test_a_long_listing_learns_of_a_smaller_bucket(aws: StubAws, heard: Heard) -> None:
    """Half the bucket, and every page arrives; of the requests hardly one in a hundred is refused."""
    time, number = SimulatedTime(), 400
    aws.on("DescribeVolumes", throttling(AwsBucket(50, 10), time, number))
    client = sessions_to(aws, heard, limits=simulated_limits(heard, time), attempts=4).client("ec2", SCOPE)
    assert len(list(pages(client, "describe_volumes", {"MaxResults": 5}))) == number
    throttled = [call for call in heard.calls("DescribeVolumes") if call.outcome == "throttled"]
    assert 1 <= len(throttled) <= 0.015 * number
    assert time.clock() <= 1.2 * (number - 50) / 10


def test_accounts_that_come_and_go_leave_nothing_behind() -> None:
    """After a week or two, their queues and budgets are gone: else each would take 97 KB for ever."""
    time = SimulatedTime()
    asking, alive = retries(time), []
    for week in range(12):
        for scope in (Scope(account=f"{week:06}{number:06}", region="r") for number in range(50)):
            for service in ("ec2", "rds", "lambda"):
                asking.ask(scope, service, READ, Aws())
        time.seconds += 7 * 86_400
        alive.append(sum(isinstance(one, Queue | Budget) for one in gc.get_objects()))
    assert alive[-1] <= alive[3]
