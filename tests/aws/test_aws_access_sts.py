"""STS is asked elsewhere where one region cannot answer, and a wrong account is believed nowhere."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from cloudwarden.aws.access.account import Account
from cloudwarden.aws.session import Sessions
from cloudwarden.core.errors import AccessDenied, CloudError, CredentialsExpired, Unavailable
from cloudwarden.core.resource import GLOBAL, Scope
from many_accounts import assumed, identified, signer
from stub_aws import ACCOUNT, Asked, Reply, StubAws, query_error, query_xml, xml
from stub_sessions import Stopwatch, sessions_to

WEB, DATA = "111111111111", "222222222222"
HOME, OTHER, THIRD, FOURTH = "eu-central-1", "eu-west-1", "eu-north-1", "eu-west-3"
OPTED = "me-south-1"
DOWN = query_error("ServiceUnavailable", status=503)
UNKNOWN = query_error("InvalidClientTokenId", "The security token included in the request is invalid.", status=403)


def region(asked: Asked) -> str:
    """The region that a request was signed for."""
    return asked.headers["authorization"].split("Credential=")[1].split("/")[2]


def where(aws: StubAws, operation: str) -> list[str]:
    """The regions in which an operation was asked for, in order."""
    return [region(one) for one in aws.asked if one.operation == operation]


def failing(answer: Callable[[Asked], Reply], failure: Reply, *regions: str) -> Callable[[Asked], Reply]:
    """An answer everywhere but in these regions."""
    return lambda asked: failure if region(asked) in regions else answer(asked)


def sts(aws: StubAws, failure: Reply = DOWN, *regions: str, **settings: Any) -> Sessions:
    """Sessions of two accounts, whose STS fails in some regions."""
    aws.on("AssumeRole", failing(assumed, failure, *regions))
    aws.on("GetCallerIdentity", failing(identified, failure, *regions))
    given: dict[str, Any] = {"regions": (HOME, OTHER, THIRD, FOURTH), "accounts": (Account(id=WEB), Account(id=DATA))}
    return sessions_to(aws, **{**given, **settings})


def reached(sessions: Sessions, account: str) -> str:
    """Whom AWS takes the daemon for in an account."""
    return sessions.identity(account).caller().account


@pytest.mark.parametrize(
    "failure", [DOWN, Reply(reset=True), UNKNOWN, query_error("RegionDisabledException", status=403)],
    ids=["down", "unreachable", "not enabled", "STS not activated"],
)  # fmt: skip
def test_another_region_answers_for_the_one_that_cannot(aws: StubAws, failure: Reply) -> None:
    """What STS gives is good in all regions; where it answered is remembered, for all accounts."""
    sessions = sts(aws, failure, HOME)
    assert [reached(sessions, one) for one in (WEB, DATA)] == [WEB, DATA]
    assert where(aws, "AssumeRole") == [OTHER, OTHER]
    assert where(aws, "GetCallerIdentity") == [HOME, OTHER, OTHER, OTHER]


def test_so_many_regions_and_no_more_are_asked(aws: StubAws) -> None:
    """The error is the first region's, and says where it was asked in vain."""
    sessions = sts(aws, DOWN, HOME, OTHER, THIRD, FOURTH)
    with pytest.raises(Unavailable, match=rf"STS in {HOME}; in vain also in {OTHER} \(unavailable\), {THIRD}"):
        sessions.account()
    assert where(aws, "GetCallerIdentity") == [HOME, OTHER, THIRD]


def test_a_refusal_is_an_answer(aws: StubAws) -> None:
    """What one region may not do, none may."""
    sessions = sts(aws, query_error("AccessDenied", status=403), HOME)
    with pytest.raises(AccessDenied):
        sessions.account()
    assert where(aws, "GetCallerIdentity") == [HOME]


def test_a_wrong_account_is_believed_in_no_region(aws: StubAws) -> None:
    """Neither the role that is given nor whose credentials it gives."""
    sessions = sts(aws, DOWN, HOME)
    stranger = query_xml("GetCallerIdentity", f"<Account>{DATA}</Account><Arn>a</Arn>")
    honest = failing(identified, DOWN, HOME)
    aws.on("GetCallerIdentity", lambda asked: stranger if WEB in signer(asked) else honest(asked))
    with pytest.raises(AccessDenied, match=f"for account {DATA}, not for {WEB}"):
        reached(sessions, WEB)
    assert reached(sessions, DATA) == DATA


def test_credentials_are_over_only_where_no_region_knows_them(aws: StubAws) -> None:
    """One that has not enabled the account does not know good ones either: they are not fetched anew for that."""
    timer = Stopwatch()
    sessions = sts(aws, timer=timer)
    sessions.account()
    own = where(aws, "GetCallerIdentity")
    timer.seconds = 31
    aws.on("AssumeRole", failing(assumed, UNKNOWN, HOME))
    assert reached(sessions, WEB) == WEB
    sessions.account()
    assert where(aws, "GetCallerIdentity") == [*own, OTHER]
    aws.on("AssumeRole", UNKNOWN)
    with pytest.raises(CredentialsExpired):
        reached(sessions, DATA)
    sessions.account()
    assert len(where(aws, "GetCallerIdentity")) == len(own) + 2, "whose they are by now is asked anew"


def test_credentials_are_not_over_while_a_region_cannot_tell(aws: StubAws) -> None:
    """The first does not know them and the others are down: it may only not be enabled."""
    timer = Stopwatch()
    sessions = sts(aws, timer=timer)
    sessions.account()
    own = where(aws, "GetCallerIdentity")
    timer.seconds = 31
    aws.on("AssumeRole", lambda asked: UNKNOWN if region(asked) == HOME else DOWN)
    with pytest.raises(CredentialsExpired, match="in vain also in"):
        reached(sessions, WEB)
    sessions.account()
    assert where(aws, "GetCallerIdentity") == own


def test_home_is_a_region_that_every_account_has_enabled(aws: StubAws) -> None:
    """An account in a region that is opted in to does not blind those that are not in it."""
    accounts = (Account(id=WEB, regions=(OPTED,)), Account(id=DATA, regions=(OTHER,)))
    sessions = sts(aws, UNKNOWN, OPTED, regions=(), accounts=accounts)
    assert [reached(sessions, one) for one in (WEB, DATA)] == [WEB, DATA]
    assert set(where(aws, "AssumeRole")) == {OTHER}


@pytest.mark.parametrize(
    ("regions", "home"),
    [
        ((OPTED, OTHER), OTHER),
        ((OPTED,), OPTED),
        (("enabled",), "us-east-1"),
        (("enabled", OPTED), "us-east-1"),
        (("cn-north-1",), "cn-north-1"),
        (("us-gov-west-1",), "us-gov-west-1"),
        (("eusc-de-east-1",), "eusc-de-east-1"),
    ],
)
def test_which_region_is_home(aws: StubAws, regions: tuple[str, ...], home: str) -> None:
    """The first named one that is enabled by default; in other partitions all are."""
    assert sessions_to(aws, regions=regions).home() == home


@pytest.mark.parametrize(
    ("own", "settings", "home"),
    [
        ("", {"regions": ("enabled",), "regions_include": ("eu-*",)}, "eu-central-1"),
        ("ap-east-1", {"regions": ("enabled",), "regions_exclude": ("us-*",)}, "ca-central-1"),
        ("us-east-1", {"regions": ("enabled",), "regions_exclude": ("us-*",)}, "us-east-1"),
        ("", {"regions": ("enabled",), "regions_include": ("af-*",)}, "us-east-1"),
        ("", {"regions": ("us-east-1", "eu-west-1"), "regions_exclude": ("us-*",)}, "eu-west-1"),
        ("", {"regions": ("us-east-1",), "regions_exclude": ("us-*",)}, "us-east-1"),
    ],
)
def test_home_is_none_that_the_settings_leave_out(
    aws: StubAws, monkeypatch: pytest.MonkeyPatch, own: str, settings: dict[str, Any], home: str
) -> None:
    """A policy of the organization may have closed it; where the daemon runs, it is open at least to itself."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", own)
    assert sessions_to(aws, **settings).home() == home


def test_the_sessions_own_region_is_home_where_enabled_ones_are_meant(
    aws: StubAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless not every account has enabled it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", THIRD)
    assert sessions_to(aws, regions=("enabled",)).home() == THIRD
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eusc-de-east-1")
    assert sessions_to(aws, regions=("enabled",)).home() == "eusc-de-east-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", OPTED)
    assert sessions_to(aws, regions=("enabled",)).home() == "us-east-1"


def test_an_account_without_regions_stays_where_it_was(aws: StubAws) -> None:
    """Where STS is asked is no region to look after: the first that is named stands for accounts that name none."""
    accounts = (Account(id=WEB, regions=(OPTED,)), Account(id=DATA, regions=(OTHER,)), Account(id=ACCOUNT))
    found = sts(aws, regions=(), accounts=accounts).scopes()
    assert Scope(account=ACCOUNT, region=OPTED) in found


def test_where_enabled_regions_are_meant_those_enabled_by_default_stand_in(aws: StubAws) -> None:
    """But for what is excluded."""
    sessions = sts(aws, DOWN, "ca-central-1", regions=("enabled",), regions_exclude=("us-*",), accounts=())
    assert sessions.account() == ACCOUNT
    assert where(aws, "GetCallerIdentity") == ["ca-central-1", "sa-east-1"]


def test_a_global_service_is_asked_where_the_account_is_known(aws: StubAws) -> None:
    """All are in regions that are opted in to, and this account is not in the first."""
    accounts = (Account(id=WEB, regions=(OPTED,)), Account(id=DATA, regions=("af-south-1",)))
    sessions = sts(aws, regions=(), accounts=accounts)
    refused = failing(assumed, UNKNOWN, OPTED)
    aws.on("AssumeRole", lambda asked: refused(asked) if DATA in asked.parameters["RoleArn"] else assumed(asked))
    client = sessions.client("s3", Scope(account=DATA, region=GLOBAL))
    assert client.meta.region_name == "af-south-1"


def test_regions_are_asked_for_where_the_account_is_known(aws: StubAws) -> None:
    """The first region would know nobody of this account."""
    aws.on(
        "DescribeRegions",
        xml("DescribeRegions", f"<regionInfo><item><regionName>{THIRD}</regionName></item></regionInfo>"),
    )
    accounts = (Account(id=WEB, regions=(OTHER,)), Account(id=DATA, regions=("enabled", HOME)))
    found = sts(aws, UNKNOWN, OTHER, regions=(), accounts=accounts).scopes()
    assert Scope(account=DATA, region=THIRD) in found
    assert where(aws, "DescribeRegions") == [HOME]


def test_other_errors_are_not_asked_elsewhere(aws: StubAws) -> None:
    """Expired credentials are so everywhere."""
    sessions = sts(aws, query_error("ExpiredToken", status=403), HOME)
    with pytest.raises(CloudError):
        sessions.account()
    assert where(aws, "GetCallerIdentity") == [HOME]


def test_who_the_daemon_was_in_an_account_that_left_is_forgotten(aws: StubAws) -> None:
    """An account that is asked keeps its identity; of one that is not, nothing is left after a week or two."""
    timer = Stopwatch()
    sessions = sts(aws, timer=timer)
    kept, left = (weakref.ref(sessions.identity(one)) for one in (WEB, DATA))
    for number in range(3):
        timer.seconds += 7 * 86_400
        assert reached(sessions, WEB) == WEB
        sessions.know({f"33333333333{number}": None})
        assert reached(sessions, f"33333333333{number}")
    gc.collect()
    assert kept() is not None
    assert left() is None
