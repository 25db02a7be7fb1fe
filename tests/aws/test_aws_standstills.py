"""What throttles without end is left alone, what throttles for a while is not, and time that is over is over."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from cloudwarden.aws import s3
from cloudwarden.aws.access.account import Account
from cloudwarden.aws.details import DetailEvidence
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.limits import Limits
from cloudwarden.aws.pages import ask
from cloudwarden.aws.quotas import Charge
from cloudwarden.aws.retries import Retries
from cloudwarden.aws.s3 import settings
from cloudwarden.aws.standstills import THROTTLED_CALLS
from cloudwarden.core.errors import CloudError, Throttled, Timeout
from cloudwarden.core.evidence import Unreadable
from cloudwarden.core.resource import Scope
from cloudwarden.ports.asking import asking_until
from cloudwarden.testing import NOON, bucket
from many_accounts import assumed, identified
from stub_aws import SCOPE, StubAws, error, rest_error, xml
from stub_sessions import Heard, SimulatedTime, Stopwatch, sessions_to, simulated_limits
from throttling_aws import DESCRIBE

READ = (Charge(quota=DESCRIBE),)
ATTEMPTS = 2


class Aws:
    """Throttles as long as it is asked to, and counts requests."""

    def __init__(self) -> None:
        self.time = SimulatedTime()
        self.retries = Retries(simulated_limits(Heard(), self.time), attempts=ATTEMPTS, chance=lambda: 0.0)
        self.throttles: Callable[[], bool] = lambda: True
        self.asked = 0

    def __call__(self) -> str:
        """One request."""
        self.asked += 1
        if self.throttles():
            raise Throttled("Rate exceeded")
        return "answer"

    def meets(self, scope: Scope = SCOPE, service: str = "s3", *, once: bool = False) -> str:
        """What a call comes to."""
        try:
            return self.retries.ask(scope, service, READ, self, once=once)
        except CloudError as error:
            return str(error)


@pytest.fixture
def standing() -> Aws:
    """One that has throttled as many calls as it takes, at every attempt."""
    made = Aws()
    for _ in range(THROTTLED_CALLS):
        assert made.meets() == "Rate exceeded"
    made.asked = 0
    return made


def test_what_throttles_without_end_is_left_alone_for_a_while(standing: Aws) -> None:
    """The rest of a thousand calls is throttled at once, without a request and without waiting."""
    began = standing.time.clock()
    (told,) = {standing.meets() for _ in range(1000)}
    assert told.startswith(f"s3: left alone, for the last {THROTTLED_CALLS} calls in {SCOPE} were throttled")
    assert told.endswith("asked again in 60 s")
    assert (standing.asked, standing.time.clock()) == (0, began)


def test_after_a_while_one_call_finds_out(standing: Aws) -> None:
    """If it is throttled too, all others leave it for as long again; if it is answered, all ask."""
    standing.time.seconds += 61.0
    standing.meets()
    assert "left alone" in standing.meets()
    assert standing.asked == ATTEMPTS
    standing.time.seconds += 61.0
    standing.throttles = lambda: False
    assert [standing.meets() for _ in range(3)] == ["answer"] * 3


def test_while_one_call_finds_out_the_others_go_on_leaving_it(standing: Aws) -> None:
    """Else all threads would wait for the same refusal."""
    standing.time.seconds += 61.0
    meanwhile: list[str] = []

    def throttles() -> bool:
        if not meanwhile:
            meanwhile.append("")
            meanwhile.append(standing.meets())
        return True

    standing.throttles = throttles
    standing.meets()
    assert "left alone" in meanwhile[1]


def test_calls_under_way_are_given_up_too() -> None:
    """Each would wait for its next turn, of which there are few by now, to be throttled again."""
    aws = Aws()
    first: list[str] = []

    def throttles() -> bool:
        if not first:
            first.append("")
            first.extend(aws.meets() for _ in range(THROTTLED_CALLS))
            first.append(str(aws.time.clock()))
            aws.asked = 0
        return True

    aws.throttles = throttles
    assert "left alone" in aws.meets()
    assert (aws.asked, str(aws.time.clock())) == (0, first[-1]), "no turn was waited for"


def test_calls_that_wait_for_their_turn_are_given_up_too() -> None:
    """It comes after others have found out."""
    aws = Aws()
    aws.meets()
    others = [aws.meets] * THROTTLED_CALLS

    def pause(seconds: float) -> bool:
        aws.time.seconds += seconds
        if others:
            others.pop()()
        return False

    aws.retries = Retries(Limits(Heard(), clock=aws.time.clock, pause=pause), attempts=1, chance=lambda: 0.0)
    aws.meets()
    aws.asked = 0
    assert "left alone" in aws.meets()
    assert aws.asked == THROTTLED_CALLS - 1


def test_only_the_scope_and_service_that_throttle_are_left(standing: Aws) -> None:
    """Another account, another region and another service are asked."""
    standing.throttles = lambda: False
    others = [
        (replace(SCOPE, account="999999999999"), "s3"),
        (replace(SCOPE, region="us-east-1"), "s3"),
        (SCOPE, "ec2"),
    ]
    assert [standing.meets(scope, service) for scope, service in others] == ["answer"] * 3


def test_an_action_is_not_kept_back_and_does_not_count(standing: Aws) -> None:
    """What is asked once has been decided; and one attempt proves nothing."""
    standing.throttles = lambda: False
    assert standing.meets(once=True) == "answer"
    fresh = Aws()
    for _ in range(2 * THROTTLED_CALLS):
        assert fresh.meets(once=True) == "Rate exceeded"
    assert fresh.meets() == "Rate exceeded"


def test_throttles_that_repetitions_overcome_leave_nothing() -> None:
    """However many there are: every call is answered in the end."""
    aws = Aws()
    aws.throttles = lambda: aws.asked % 2 == 1
    assert [aws.meets() for _ in range(50)] == ["answer"] * 50


def test_calls_that_end_throttled_between_answers_leave_nothing() -> None:
    """An account whose tokens somebody else takes still gives some."""
    aws = Aws()
    answers = []
    for number in range(50):
        aws.throttles = lambda number=number: number % THROTTLED_CALLS != 0  # type: ignore[misc]  # this round's
        answers.append(aws.meets())
    assert answers.count("answer") == 10
    assert "left alone" not in "".join(answers)


def test_a_thousand_questions_to_what_throttles_without_end_take_a_moment(aws: StubAws) -> None:
    """In DetailEvidence's own threads: each is unreadable, and next to none was asked."""
    aws.on("GET versioning", rest_error("SlowDown", "Please reduce your request rate.", status=503))
    time = SimulatedTime()
    sessions = sessions_to(aws, limits=simulated_limits(Heard(), time), attempts=4)
    questions = [settings.versioning(bucket(id=f"b-{number}")) for number in range(1000)]
    answers = DetailEvidence(sessions, threads=8).answer(SCOPE, questions, NOON)
    reasons = {answer.cause.reason for answer in answers.values() if isinstance(answer, Unreadable)}
    assert (len(answers), reasons) == (1000, {"throttled"})
    assert aws.count("GET versioning") <= 4 * (THROTTLED_CALLS + 8)
    assert time.clock() < 300.0


def test_no_call_begins_after_the_end_that_whoever_asks_has_set() -> None:
    """In the threads of a pool that carry its context too; elsewhere all goes on."""
    aws = Aws()
    aws.throttles = lambda: False
    with asking_until(aws.time.clock()):
        assert "as long as it may be" in aws.meets()
    assert aws.asked == 0
    assert aws.meets() == "answer"


def test_no_attempt_begins_after_that_end_either() -> None:
    """A call that began in time does not go on for its whole minute."""
    aws = Aws()
    aws.retries = Retries(simulated_limits(Heard(), aws.time), attempts=9, chance=lambda: 1.0)
    with asking_until(10.0):
        aws.meets()
    assert aws.time.clock() <= 10.0


@pytest.mark.parametrize("read", ["list", "answer"])
def test_what_is_not_asked_in_time_is_unknown_by_timeout(aws: StubAws, read: str) -> None:
    """A listing is incomplete, and a question unreadable."""
    time = SimulatedTime()
    sessions = sessions_to(aws, limits=simulated_limits(Heard(), time))
    with asking_until(time.clock()):
        if read == "list":
            cause = AwsInventory(sessions, s3.KINDS).list(s3.Bucket, SCOPE).problem
        else:
            question = settings.versioning(bucket())
            answer = DetailEvidence(sessions).answer(SCOPE, [question], NOON)[question]
            assert isinstance(answer, Unreadable)
            cause = answer.cause
    assert cause is not None
    assert cause.reason == Timeout.reason


def test_credentials_are_asked_for_though_a_scope_s_time_is_over(aws: StubAws) -> None:
    """They are the account's, and its other scopes go on with them."""
    timer, time = Stopwatch(), SimulatedTime()
    aws.on("AssumeRole", assumed)
    aws.on("GetCallerIdentity", identified)
    aws.on("DescribeVolumes", xml("DescribeVolumes", "<volumeSet/>"))
    limits = simulated_limits(Heard(), time)
    sessions = sessions_to(aws, limits=limits, timer=timer, accounts=(Account(id="210000000001"),))
    scope = replace(SCOPE, account="210000000001")
    with asking_until(time.clock()), pytest.raises(Timeout):
        ask(sessions.client("ec2", scope), "describe_volumes", {})
    assert ask(sessions.client("ec2", scope), "describe_volumes", {})["Volumes"] == []


def test_sts_vouches_though_a_scope_s_time_is_over(aws: StubAws) -> None:
    """Else a region that is not enabled, answering late, would cost the account its credentials."""
    timer, time = Stopwatch(), SimulatedTime()
    limits = simulated_limits(Heard(), time)
    sessions = sessions_to(aws, limits=limits, timer=timer)
    elsewhere = replace(SCOPE, region="eu-south-1")

    def late(_: object) -> object:
        time.seconds += 10.0
        return error("AuthFailure", "AWS was not able to validate the provided access credentials", status=401)

    aws.on("DescribeVolumes", late)  # type: ignore[arg-type]  # a reply
    timer.seconds = 60.0
    with asking_until(5.0), pytest.raises(CloudError) as caught:
        ask(sessions.client("ec2", elsewhere), "describe_volumes", {})
    assert caught.value.reason == "region-disabled"
    assert aws.count("GetCallerIdentity") == 2


def test_threads_count_together() -> None:
    """Eight that ask at once find out together."""
    aws = Aws()
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: aws.meets(), range(200)))
    assert sum("left alone" in one for one in told) >= 200 - THROTTLED_CALLS - 8
