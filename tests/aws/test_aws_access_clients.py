"""Clients that all accounts share sign every request as whoever makes it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudwarden.aws.access.account import Account
from cloudwarden.aws.pages import ask
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import AccessDenied, CloudError, Timeout, Unavailable
from cloudwarden.core.resource import Scope
from many_accounts import assumed, identified, signer
from stub_aws import ACCOUNT, SCOPE, Asked, Reply, StubAws, query_error, query_xml, xml
from stub_sessions import Heard, SimulatedTime, Stopwatch, sessions_to, simulated_limits

ACCOUNTS = tuple(str(210_000_000_000 + number) for number in range(20))
EMPTY = xml("DescribeVolumes", "<volumeSet/>")


def of(account: str) -> Scope:
    """The scope of an account in the stub's region."""
    return Scope(account=account, region=SCOPE.region)


def members(aws: StubAws, *accounts: str, heard: Heard | None = None, **settings: Any) -> Sessions:
    """Sessions for accounts that are all reached through the usual role."""
    aws.on("AssumeRole", assumed)
    aws.on("GetCallerIdentity", identified)
    aws.on("DescribeVolumes", EMPTY)
    return sessions_to(aws, heard, accounts=tuple(Account(id=one) for one in accounts), **settings)


def test_sixteen_threads_and_twenty_accounts_never_mix(aws: StubAws, heard: Heard) -> None:
    """Each of 600 calls on one client is signed and reported as its account's; botocore is held to what we rely on."""
    sessions = members(aws, *ACCOUNTS, heard=heard, max_connections=16)
    sent: dict[str, str] = {}

    def call(number: int) -> None:
        account = ACCOUNTS[number % len(ACCOUNTS)]
        sent[f"vol-{number}"] = account
        ask(sessions.client("ec2", of(account)), "describe_volumes", {"VolumeIds": [f"vol-{number}"]})

    with ThreadPoolExecutor(max_workers=16) as pool:
        list(pool.map(call, range(600)))
    asked = [one for one in aws.asked if one.operation == "DescribeVolumes"]
    assert len(asked) == 600
    assert {one.parameters["VolumeId.1"]: signer(one) for one in asked} == {
        volume: f"ASIA{account}" for volume, account in sent.items()
    }
    assert all(one.headers["x-amz-security-token"] == f"of-{signer(one).removeprefix('ASIA')}" for one in asked)
    calls = heard.calls("DescribeVolumes")
    assert {account: sum(one.scope.account == account for one in calls) for account in ACCOUNTS} == dict.fromkeys(
        ACCOUNTS, 30
    )
    assert len(sessions.pool) == 2, "one client of EC2, one of STS"


def test_each_account_is_assumed_and_checked_once(aws: StubAws) -> None:
    """A thousand calls cost an account one AssumeRole and one GetCallerIdentity."""
    sessions = members(aws, *ACCOUNTS[:3])
    for account in ACCOUNTS[:3] * 4:
        ask(sessions.client("ec2", of(account)), "describe_volumes", {})
    assert (aws.count("AssumeRole"), aws.count("GetCallerIdentity")) == (3, 4), "the fourth is the daemon's own"


def test_a_request_in_nobodys_name_is_not_sent(aws: StubAws) -> None:
    """A shared client has no credentials of its own to fall back on."""
    shared = members(aws, ACCOUNT).client("ec2", SCOPE).shared
    with pytest.raises(AccessDenied, match="nobody"):
        shared.describe_volumes()  # type: ignore[attr-defined]
    assert aws.count("DescribeVolumes") == 0


def test_a_paginator_is_refused_and_not_signed_as_another(aws: StubAws) -> None:
    """What a client hands out to be used later is in nobody's name."""
    client = members(aws, ACCOUNT).client("ec2", SCOPE)
    with pytest.raises(AccessDenied, match="nobody"):
        list(client.get_paginator("describe_volumes").paginate())


def test_the_pool_is_bounded(aws: StubAws) -> None:
    """The client that was used least recently goes; it is built again when it is needed."""
    sessions = members(aws, ACCOUNT, regions=("eu-west-1",), max_clients=2)
    first = sessions.client("ec2", SCOPE)
    for service in ("cloudwatch", "sts"):
        sessions.client(service, SCOPE)
    assert len(sessions.pool) == 2
    assert sessions.client("ec2", SCOPE).shared is not first.shared
    ask(first, "describe_volumes", {})


def test_credentials_of_another_account_are_never_used(aws: StubAws) -> None:
    """A role that turns out to be another account's gives AccessDenied before anything is read."""
    sessions = members(aws, "210000000001")
    aws.on("GetCallerIdentity", query_xml("GetCallerIdentity", f"<Account>{ACCOUNT}</Account><Arn>a</Arn>"))
    with pytest.raises(AccessDenied, match=f"for account {ACCOUNT}, not for 210000000001"):
        ask(sessions.client("ec2", of("210000000001")), "describe_volumes", {})
    assert aws.count("DescribeVolumes") == 0


def test_an_assumed_role_of_another_account_is_refused(aws: StubAws) -> None:
    """Even when STS says so at a renewal, long after the first check."""
    sessions = members(aws, "210000000001")
    aws.on("AssumeRole", lambda asked: assumed(Asked(operation="", parameters={"RoleArn": "::::9:x"}, headers={})))
    with pytest.raises(AccessDenied, match="not of account 210000000001"):
        sessions.client("ec2", of("210000000001"))


def test_credentials_that_aws_calls_expired_are_renewed(aws: StubAws) -> None:
    """A session that was revoked does not last until its own end; nor is it renewed at every call."""
    timer = Stopwatch()
    sessions = members(aws, "210000000001", timer=timer)
    client = sessions.client("ec2", of("210000000001"))
    aws.on("DescribeVolumes", query_error("ExpiredToken", status=400))
    timer.seconds = 31
    for _ in range(3):
        with pytest.raises(CloudError):
            ask(client, "describe_volumes", {})
    assert aws.count("AssumeRole") == 2


def test_credentials_are_renewed_while_threads_use_them(aws: StubAws) -> None:
    """Sixteen threads, one renewal, and no request with what was over."""
    timer = Stopwatch()
    sessions = members(aws, "210000000001", timer=timer)
    soon = f"{datetime.now(UTC) + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    aws.on("AssumeRole", lambda asked: assumed(asked, expires=soon), lambda asked: assumed(asked, key="ASIANEW"))
    aws.on("GetCallerIdentity", identified, identified, _of("210000000001"))
    client = sessions.client("ec2", of("210000000001"))
    timer.seconds = 31
    with ThreadPoolExecutor(max_workers=16) as pool:
        list(pool.map(lambda _: ask(client, "describe_volumes", {}), range(160)))
    assert aws.count("AssumeRole") == 2
    assert {signer(one) for one in aws.asked if one.operation == "DescribeVolumes"} == {"ASIANEW"}


def test_a_silent_account_is_left_and_others_go_on(aws: StubAws) -> None:
    """Two calls are waited for in vain; the third fails at once, and another account is answered."""
    time = SimulatedTime()
    sessions = members(aws, *ACCOUNTS[:2], limits=simulated_limits(Heard(), time), read_timeout_seconds=1.0)
    aws.on("DescribeVolumes", lambda asked: EMPTY if signer(asked).endswith("1") else _late(aws))
    silent, lively = (sessions.client("ec2", of(account)) for account in ACCOUNTS[:2])
    for _ in range(2):
        with pytest.raises(Timeout):
            ask(silent, "describe_volumes", {})
    with pytest.raises(Unavailable, match="no answer for account"):
        ask(silent, "describe_volumes", {})
    ask(lively, "describe_volumes", {})
    time.seconds += 61
    with pytest.raises(Timeout):
        ask(silent, "describe_volumes", {})
    with pytest.raises(Unavailable):
        ask(silent, "describe_volumes", {})
    aws.released.set()


def test_a_silent_service_costs_its_timeout_about_twice(aws: StubAws) -> None:
    """Twenty accounts, four threads, nobody answers: not twenty timeouts one after another."""
    sessions = members(aws, *ACCOUNTS, read_timeout_seconds=1.0, max_connections=4)
    for account in ACCOUNTS:
        sessions.client("ec2", of(account))
    aws.on("DescribeVolumes", lambda asked: _late(aws))

    def call(account: str) -> None:
        for _ in range(5):
            with pytest.raises(CloudError):
                ask(sessions.client("ec2", of(account)), "describe_volumes", {})

    began = time.perf_counter()
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(call, ACCOUNTS))
    aws.released.set()
    assert aws.count("DescribeVolumes") <= 12
    assert time.perf_counter() - began < 10.0, "100 calls on 4 threads would take 25 s"


def _of(account: str) -> Reply:
    return query_xml("GetCallerIdentity", f"<Account>{account}</Account><Arn>arn:aws:sts::{account}:x</Arn>")


def _late(aws: StubAws) -> Reply:
    aws.released.wait(3)
    return EMPTY
