"""What gives no answer is left alone, what gives some is not, and one call that gets none is no outage."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials

from cloudwarden.aws.access.account import Account
from cloudwarden.aws.outages import FAILED_ACCOUNTS, FAILED_CALLS
from cloudwarden.aws.pages import ask
from cloudwarden.aws.quotas import Charge
from cloudwarden.aws.retries import Retries
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import AccessDenied, CloudError, MalformedAnswer, Throttled, Timeout, Unavailable
from cloudwarden.core.resource import Scope
from many_accounts import assumed, identified
from stub_aws import SCOPE, Reply, StubAws, error, query_error, xml
from stub_sessions import Heard, SimulatedTime, sessions_to, simulated_limits
from throttling_aws import DESCRIBE

READ = (Charge(quota=DESCRIBE),)
ATTEMPTS = 2
LEFT = "gave no answer for"
ACCOUNTS = [replace(SCOPE, account=str(210_000_000_000 + number)) for number in range(9)]


class Aws:
    """Fails as it is told to, for every scope or by scope, and counts requests."""

    def __init__(self) -> None:
        self.time = SimulatedTime()
        self.retries = Retries(simulated_limits(Heard(), self.time), attempts=ATTEMPTS, chance=lambda: 0.0)
        self.fails: Callable[[Scope], CloudError | None] = lambda _: Unavailable("down")
        self.asked = 0

    def meets(self, scope: Scope = SCOPE, *, region: str | None = None, once: bool = False) -> str:
        """What a call comes to."""

        def send() -> str:
            self.asked += 1
            if failure := self.fails(scope):
                raise failure
            return "answer"

        try:
            return self.retries.ask(scope, "ec2", READ, send, once=once, region=region)
        except CloudError as failure:
            return str(failure)


@pytest.fixture
def down() -> Aws:
    """One that has given no answer to as many accounts as it takes."""
    made = Aws()
    assert {made.meets(one) for one in ACCOUNTS[:FAILED_ACCOUNTS]} == {"down"}
    made.asked = 0
    return made


@pytest.mark.parametrize("failure", [Unavailable, Timeout])
def test_what_is_down_for_some_accounts_is_left_for_all(failure: type[CloudError]) -> None:
    """A fault and silence alike, after one call of each: the others are told at once, without any pause."""
    aws = Aws()
    aws.fails = lambda _: failure("down")
    for one in ACCOUNTS[:FAILED_ACCOUNTS]:
        assert aws.meets(one) == "down"
    waited = len(aws.time.waits)
    assert f"ec2 in {SCOPE.region}: not asked, for it {LEFT} any account" in aws.meets(ACCOUNTS[-1])
    assert (aws.asked, len(aws.time.waits)) == (FAILED_ACCOUNTS * ATTEMPTS, waited)


def test_what_is_down_for_one_account_is_left_for_that_one() -> None:
    """After so many calls, each with all its repetitions."""
    aws = Aws()
    assert [aws.meets() for _ in range(FAILED_CALLS)] == ["down"] * FAILED_CALLS
    assert aws.asked == FAILED_CALLS * ATTEMPTS
    assert f"{LEFT} account {SCOPE.account}" in aws.meets()
    aws.fails = lambda _: None
    assert [aws.meets(ACCOUNTS[0]), aws.meets(replace(SCOPE, region="us-east-1"))] == ["answer"] * 2


def test_one_call_in_vain_leaves_nothing() -> None:
    """However many attempts it made."""
    aws = Aws()
    assert aws.meets() == "down"
    aws.fails = lambda _: None
    assert aws.meets() == "answer"


@pytest.mark.parametrize("answer", [None, AccessDenied("no"), Throttled("no")], ids=["granted", "denied", "throttled"])
def test_any_answer_proves_that_the_service_lives(answer: CloudError | None) -> None:
    """The calls in vain before it count no more."""
    aws = Aws()
    for _ in range(3):
        for one in ACCOUNTS[: FAILED_ACCOUNTS - 1]:
            aws.fails = lambda _: Unavailable("down")
            assert aws.meets(one) == "down"
            aws.fails = lambda _: answer
            assert LEFT not in aws.meets(one)


def test_half_an_answer_proves_nothing() -> None:
    """Neither that the service lives, nor that it is down."""
    aws = Aws()
    for one in ACCOUNTS:
        aws.fails = lambda _: MalformedAnswer("half")
        assert aws.meets(one) == "half"
    for one in ACCOUNTS[:FAILED_ACCOUNTS]:
        aws.fails = lambda _: Unavailable("down")
        assert aws.meets(one) == "down"
    assert LEFT in aws.meets(ACCOUNTS[-1])


def test_calls_in_vain_beside_answers_are_no_outage() -> None:
    """Few listings of a large account take longer than an answer may, while all others are answered."""
    aws = Aws()
    under_way: list[Scope] = []

    def fails(scope: Scope) -> CloudError | None:
        if len(under_way) == FAILED_CALLS:
            return None
        under_way.append(scope)
        aws.meets(scope)
        under_way.pop()
        return Timeout("slow")

    aws.fails = fails
    assert {aws.meets(one) for one in (SCOPE, *ACCOUNTS) * 2} == {"slow"}


def test_after_a_while_one_attempt_finds_out(down: Aws) -> None:
    """If it is in vain too, the others leave the service for as long again; if it is answered, all ask."""
    down.time.seconds += 61.0
    assert [LEFT in down.meets(one) for one in ACCOUNTS] == [False, *[True] * 8]
    assert down.asked == 1
    down.time.seconds += 61.0
    down.fails = lambda _: None
    assert {down.meets(one) for one in ACCOUNTS} == {"answer"}


def test_one_throttled_attempt_has_found_out_and_goes_on(down: Aws) -> None:
    """It is an answer, and waited out like any other throttle."""
    down.time.seconds += 61.0
    answers: list[CloudError | None] = [None, Throttled("no")]
    down.fails = lambda _: answers.pop()
    assert down.meets() == "answer"


def test_calls_under_way_are_given_up_too() -> None:
    """Each would wait for its own silence again."""
    aws = Aws()
    others = list(ACCOUNTS[:FAILED_ACCOUNTS])

    def fails(_: Scope) -> CloudError:
        if others:
            finding, others[:] = list(others), []
            for one in finding:
                aws.meets(one)
        return Unavailable("down")

    aws.fails = fails
    assert LEFT in aws.meets()
    assert aws.asked == FAILED_ACCOUNTS * ATTEMPTS + 1


def test_where_it_is_asked_counts_and_not_whose_scope_it_is() -> None:
    """A global service, and STS, are asked in some region."""
    aws = Aws()
    for one in ACCOUNTS[:FAILED_ACCOUNTS]:
        aws.meets(replace(one, region="global"), region="eu-west-1")
    assert LEFT in aws.meets(replace(SCOPE, region="eu-west-1"))
    assert aws.meets(SCOPE, region="eu-west-2") == "down"


def test_an_action_is_not_kept_back_and_does_not_count(down: Aws) -> None:
    """What is asked once has been decided; and one attempt proves nothing."""
    assert down.meets(once=True) == "down"
    fresh = Aws()
    for one in ACCOUNTS:
        assert fresh.meets(one, once=True) == "down"
    assert fresh.meets() == "down"


def test_threads_count_together() -> None:
    """Eight that ask at once find out together."""
    aws = Aws()
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(aws.meets, ACCOUNTS * 20))
    assert sum(LEFT in one for one in told) >= 180 - FAILED_ACCOUNTS * FAILED_CALLS - 8


@pytest.mark.parametrize(
    "reply",
    [error("ServiceUnavailable", status=503), Reply(reset=True), Reply(status=500)],
    ids=["503", "reset", "500"],
)
def test_a_region_that_is_down_costs_few_requests(aws: StubAws, reply: Reply) -> None:
    """Over the wire, each account with all its attempts until three have found out, and then nothing at all."""
    sessions = of_many(aws)
    aws.on("DescribeVolumes", reply)
    for one in ACCOUNTS:
        with pytest.raises(Unavailable):
            ask(sessions.client("ec2", one), "describe_volumes", {}, recurring=True)
    assert aws.count("DescribeVolumes") == FAILED_ACCOUNTS * ATTEMPTS


def test_sts_that_is_down_everywhere_is_left_too(aws: StubAws) -> None:
    """Each account asks in three regions; a thousand of them wait for no more than the first three do."""
    sessions = of_many(aws, regions=("eu-central-1", "eu-west-1", "eu-west-2"))
    sessions.account()
    aws.on("AssumeRole", query_error("ServiceUnavailable", status=503))
    for one in ACCOUNTS:
        with pytest.raises(Unavailable, match="in vain also in"):
            sessions.client("ec2", one)
    assert aws.count("AssumeRole") == 3 * FAILED_ACCOUNTS * ATTEMPTS


def test_credentials_that_cannot_be_had_are_no_outage_of_what_they_are_for(aws: StubAws) -> None:
    """They end in the middle of a sweep, and STS is down: EC2 was not asked, and not once is that repeated."""
    sessions = of_many(aws)
    fetched: list[str] = []

    def none() -> ReadOnlyCredentials:
        fetched.append("")
        raise Unavailable("STS is down")

    for one in ACCOUNTS:
        client = sessions.client("ec2", one)
        client.speaker = replace(client.speaker, credentials=none)
        with pytest.raises(Unavailable, match="STS is down"):
            ask(client, "describe_volumes", {})
    assert len(fetched) == len(ACCOUNTS)


def of_many(aws: StubAws, **settings: Any) -> Sessions:
    """Sessions of all accounts."""
    aws.on("AssumeRole", assumed)
    aws.on("GetCallerIdentity", identified)
    aws.on("DescribeVolumes", xml("DescribeVolumes", "<volumeSet/>"))
    return sessions_to(aws, attempts=ATTEMPTS, accounts=tuple(Account(id=one.account) for one in ACCOUNTS), **settings)
