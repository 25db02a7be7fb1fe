"""Whoever waits for a discovery says that the daemon lives, and leaves when it is to."""

from __future__ import annotations

import threading
import time

import pytest

from cloudwarden.aws.access.account import Account, OrganizationAccess
from cloudwarden.aws.session import Sessions
from many_accounts import assumed, identified
from stub_aws import Asked, Reply, StubAws, json_reply, xml
from stub_sessions import sessions_to

SLOW_SECONDS = 0.8
ACCOUNTS = tuple(Account(id=number * 12) for number in "123")
REGIONS = xml("DescribeRegions", "<regionInfo><item><regionName>us-east-1</regionName></item></regionInfo>")


class Left(Exception):
    """The daemon was told to leave."""


def slow_to_tell(aws: StubAws, accounts: tuple[Account, ...]) -> Sessions:
    """Sessions of accounts that take long to tell their regions."""

    def regions(asked: Asked) -> Reply:
        time.sleep(SLOW_SECONDS)
        return REGIONS

    aws.on("AssumeRole", assumed)
    aws.on("GetCallerIdentity", identified)
    aws.on("DescribeRegions", regions)
    return sessions_to(aws, regions=("enabled",), accounts=accounts, threads=1)


@pytest.mark.parametrize("accounts", [ACCOUNTS[:1], ACCOUNTS], ids=["one", "three"])
def test_a_discovery_says_that_the_daemon_lives(aws: StubAws, accounts: tuple[Account, ...]) -> None:
    """A thousand accounts take minutes, and a watchdog would end the daemon before they are told."""
    beats: list[str] = []
    found = slow_to_tell(aws, accounts).discover(lambda: beats.append(threading.current_thread().name))
    assert len(found.scopes) == len(accounts)
    assert len(beats) >= len(accounts)
    assert set(beats) == {threading.current_thread().name}


def test_listing_an_organization_says_so_too(aws: StubAws) -> None:
    """It comes in pages of twenty accounts."""

    def listed(asked: Asked) -> Reply:
        time.sleep(SLOW_SECONDS)
        return json_reply({"Accounts": [{"Id": "1" * 12, "State": "ACTIVE"}]})

    aws.on("AssumeRole", assumed)
    aws.on("GetCallerIdentity", identified)
    aws.on("ListAccounts", listed)
    beats: list[int] = []
    sessions_to(aws, organization=OrganizationAccess()).discover(lambda: beats.append(1))
    assert beats


def test_a_discovery_is_left_in_the_middle(aws: StubAws) -> None:
    """Accounts that were not asked yet are not asked any more; a later discovery begins anew."""
    sessions = slow_to_tell(aws, ACCOUNTS)

    def leave() -> None:
        raise Left

    with pytest.raises(Left):
        sessions.discover(leave)
    assert aws.count("DescribeRegions") <= 1
    assert len(sessions.discover().scopes) == len(ACCOUNTS)


def test_who_waits_for_another_threads_discovery_says_that_it_lives(aws: StubAws) -> None:
    """A notice to an account's contact may have begun one."""
    sessions = slow_to_tell(aws, ACCOUNTS)
    other = threading.Thread(target=sessions.discover)
    other.start()
    time.sleep(0.1)
    beats: list[int] = []
    sessions.discover(lambda: beats.append(1))
    other.join()
    assert beats
    assert aws.count("DescribeRegions") == len(ACCOUNTS)
