"""Which accounts and regions there are, and what stands when AWS does not say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cloudwarden.aws import ec2
from cloudwarden.aws.access.account import Account, OrganizationAccess
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.session import Sessions
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.errors import AccessDenied, CloudError, MalformedAnswer, Throttled
from cloudwarden.core.resource import Scope
from many_accounts import assumed, identified, signer
from stub_aws import ACCOUNT, Asked, Reply, StubAws, error, json_error, json_reply, query_error, xml
from stub_sessions import Stopwatch, sessions_to

WEB, DATA, OLD = "111111111111", "222222222222", "333333333333"
REGIONS = xml(
    "DescribeRegions",
    "<regionInfo><item><regionName>eu-central-1</regionName></item><item><regionName>us-east-1</regionName></item>"
    "<item><regionName>ap-south-1</regionName></item></regionInfo>",
)


def listed(*accounts: tuple[str, str], token: str | None = None) -> Reply:
    """A page of ListAccounts: ids and states."""
    items = [{"Id": id_, "Name": f"name of {id_}", "State": state} for id_, state in accounts]
    return json_reply({"Accounts": items} | ({"NextToken": token} if token else {}))


def looking_after(aws: StubAws, *, remembered: tuple[KnownScope, ...] = (), **settings: Any) -> Sessions:
    """Sessions that discover the organization of the stub."""
    aws.on("AssumeRole", assumed)
    aws.on("GetCallerIdentity", identified)
    aws.on("DescribeRegions", REGIONS)
    given: dict[str, Any] = {"organization": OrganizationAccess(), "discovery_seconds": 60.0} | settings
    return sessions_to(aws, remembered=lambda: remembered, **given)


def at(account: str, region: str) -> KnownScope:
    """A scope that an earlier process found."""
    return KnownScope(scope=Scope(account=account, region=region), name="", found_at=datetime(2026, 3, 1, tzinfo=UTC))


def forgotten(aws: StubAws, *remembered: KnownScope, **settings: Any) -> Sessions:
    """Sessions of a process that begins while neither accounts nor regions can be told."""
    aws.on("ListAccounts", json_error("TooManyRequestsException"))
    sessions = looking_after(aws, remembered=remembered, **{"regions": ("enabled",), **settings})
    aws.on("DescribeRegions", error("RequestLimitExceeded", status=503))
    return sessions


def scopes(sessions: Sessions) -> list[str]:
    """The scopes, as text."""
    return [str(scope) for scope in sessions.scopes()]


def test_active_accounts_of_every_page_are_found(aws: StubAws) -> None:
    """Suspended and closing ones are left out; the names come along; nobody named them."""
    first = listed((WEB, "ACTIVE"), (OLD, "SUSPENDED"), token="t")
    aws.on("ListAccounts", first, listed((DATA, "ACTIVE"), ("9" * 12, "PENDING_CLOSURE")))
    found = looking_after(aws).discover().scopes
    assert [(one.scope.account, one.name, one.named) for one in found] == [
        (WEB, f"name of {WEB}", False),
        (DATA, f"name of {DATA}", False),
    ]


def test_an_account_that_says_no_state_is_no_account(aws: StubAws) -> None:
    """The older Status is understood; neither of both is an answer that nobody understands."""
    aws.on("ListAccounts", json_reply({"Accounts": [{"Id": WEB, "Status": "ACTIVE"}]}))
    assert scopes(looking_after(aws)) == [f"{WEB}/eu-central-1"]
    aws.on("ListAccounts", json_reply({"Accounts": [{"Id": WEB}]}))
    with pytest.raises(MalformedAnswer, match="Status"):
        looking_after(aws).scopes()


def paged(key: str, items: Any) -> Any:
    """What lists so many items by their parent: one a page, and an empty page before them that has a successor."""

    def reply(asked: Asked) -> Reply:
        place = int(asked.parameters.get("NextToken", 0))
        mine = ["", *items[asked.parameters["ParentId"]]]
        found = [{"Id": one, "State": "ACTIVE"} for one in mine[place : place + 1] if one]
        return json_reply({key: found} | ({"NextToken": str(place + 1)} if place + 1 < len(mine) else {}))

    return reply


def test_units_are_included_and_excluded_with_all_below(aws: StubAws) -> None:
    """A unit in a unit counts, for both; an account is left out by its id. Each listing has pages."""
    below = {"ou-a": ["ou-1", "ou-b"], "ou-1": [], "ou-b": ["ou-x"], "ou-x": ["ou-y"], "ou-y": []}
    members = {"ou-a": [WEB], "ou-1": [], "ou-b": [DATA, "444444444444"], "ou-x": [OLD], "ou-y": ["5" * 12]}
    aws.on("ListOrganizationalUnitsForParent", paged("OrganizationalUnits", below))
    aws.on("ListAccountsForParent", paged("Accounts", members))

    def accounts(**wanted: Any) -> list[str]:
        return [one.account for one in looking_after(aws, organization=OrganizationAccess(**wanted)).scopes()]

    assert accounts(include=("ou-a",)) == [WEB, DATA, OLD, "4" * 12, "5" * 12]
    assert accounts(include=("ou-a",), exclude=("ou-x", "444444444444")) == [WEB, DATA]


def test_organizations_are_asked_as_their_own_role(aws: StubAws) -> None:
    """Where the daemon's own account may not list, another's role does."""
    aws.on("ListAccounts", listed((WEB, "ACTIVE")))
    role = f"arn:aws:iam::{OLD}:role/lister"
    looking_after(aws, organization=OrganizationAccess(role_arn=role)).scopes()
    assert [signer(one) for one in aws.asked if one.operation == "ListAccounts"] == [f"ASIA{OLD}"]


def test_the_last_good_answer_stands_while_organizations_fails(aws: StubAws) -> None:
    """No account goes because of an error, the error is shown, and it is tried again."""
    timer = Stopwatch()
    both = listed((WEB, "ACTIVE"), (DATA, "ACTIVE"))
    aws.on("ListAccounts", both, json_error("TooManyRequestsException"), listed((WEB, "ACTIVE")))
    sessions = looking_after(aws, timer=timer)
    first = scopes(sessions)
    timer.seconds = 61
    assert scopes(sessions) == first
    (problem,) = sessions.discover().problems
    assert (problem.source, problem.cause.reason) == ("organization", "throttled")
    timer.seconds = 122
    assert (scopes(sessions), sessions.discover().problems) == ([f"{WEB}/eu-central-1"], ())


def test_an_earlier_process_is_remembered(aws: StubAws) -> None:
    """A daemon that starts while Organizations fails looks after what the one before it found."""
    aws.on("ListAccounts", json_error("TooManyRequestsException"))
    at = datetime(2026, 3, 1, tzinfo=UTC)
    known = KnownScope(scope=Scope(account=DATA, region="us-east-1"), name="data", found_at=at)
    left = KnownScope(scope=Scope(account=OLD, region="us-east-1"), name="old", found_at=at, left_at=at)
    sessions = looking_after(aws, remembered=(known, left), regions=("enabled",))
    aws.on("DescribeRegions", error("RequestLimitExceeded", status=503))
    assert scopes(sessions) == [f"{DATA}/us-east-1"]
    assert [problem.source for problem in sessions.discover().problems] == ["organization", "regions"]


def test_what_the_settings_exclude_is_left_out_of_what_is_remembered(aws: StubAws) -> None:
    """A daemon that starts while AWS cannot say what there is knows all the same what it is to leave alone."""
    sessions = forgotten(
        aws,
        at(DATA, "us-east-1"),
        at(DATA, "us-west-2"),
        at(OLD, "us-east-1"),
        organization=OrganizationAccess(exclude=(OLD,)),
        regions_exclude=("us-west-*",),
    )
    assert scopes(sessions) == [f"{DATA}/us-east-1"]


def test_the_region_that_stands_for_an_account_may_be_excluded_too(aws: StubAws) -> None:
    """Nothing was ever told of its regions, and the only one that is left to think of is not wanted."""
    sessions = forgotten(aws, organization=None, accounts=(Account(id=DATA),), regions_include=("eu-*",))
    assert (sessions.unnamed(), scopes(sessions)) == ("us-east-1", [])


def test_regions_are_not_asked_for_where_the_settings_leave_a_region_out(aws: StubAws) -> None:
    """It is left out since a policy of the organization closes it, for that question too."""

    def closed(asked: Asked) -> Reply:
        return (
            error("UnauthorizedOperation", status=403) if "/us-east-1/" in asked.headers["authorization"] else REGIONS
        )

    sessions = looking_after(aws, organization=None, regions=("enabled",), regions_include=("eu-*",))
    aws.on("DescribeRegions", closed)
    found = sessions.discover()
    assert ([one.scope.region for one in found.scopes], found.problems) == (["eu-central-1"], ())


def test_a_remembered_account_is_known_as_such_until_it_is_listed(aws: StubAws) -> None:
    """Whether its unit was excluded since, only AWS can tell; once it was listed, a failure takes nothing from it."""
    timer = Stopwatch()
    sessions = forgotten(aws, at(DATA, "us-east-1"), accounts=(Account(id=WEB, regions=("eu-west-1",)),), timer=timer)

    def remembered() -> list[tuple[str, bool]]:
        timer.seconds += 61
        return [(one.scope.account, one.remembered) for one in sessions.discover().scopes]

    assert remembered() == [(WEB, False), (DATA, True)]
    assert remembered() == [(WEB, False), (DATA, True)]
    aws.on("ListAccounts", listed((DATA, "ACTIVE")), json_error("TooManyRequestsException"))
    assert remembered() == [(WEB, False), (DATA, False)]
    assert remembered() == [(WEB, False), (DATA, False)]


def test_nothing_known_at_all_is_an_error(aws: StubAws) -> None:
    """An empty estate is never concluded from a failure."""
    aws.on("ListAccounts", json_error("TooManyRequestsException"))
    with pytest.raises(Throttled):
        looking_after(aws).scopes()


def test_enabled_regions_are_asked_for_and_filtered(aws: StubAws) -> None:
    """Each account's own, by patterns; an account may list its own."""
    aws.on("ListAccounts", listed((WEB, "ACTIVE")))
    sessions = looking_after(
        aws,
        regions=("enabled",),
        regions_include=("eu-*", "us-*"),
        regions_exclude=("*-east-*",),
        accounts=(Account(id=DATA, regions=("us-west-2", "ap-south-1")),),
    )
    assert scopes(sessions) == [f"{WEB}/eu-central-1", f"{DATA}/us-west-2"]
    assert [one.named for one in sessions.discover().scopes] == [False, True]


@pytest.mark.parametrize("inner", ["", "<item/>"], ids=["none", "nameless"])
def test_an_account_without_any_region_is_no_answer(aws: StubAws, inner: str) -> None:
    """What was known of it stands, instead of everything in it being gone."""
    timer = Stopwatch()
    accounts = (Account(id=WEB),)
    sessions = looking_after(aws, organization=None, accounts=accounts, regions=("enabled",), timer=timer)
    before = scopes(sessions)
    aws.on("DescribeRegions", xml("DescribeRegions", f"<regionInfo>{inner}</regionInfo>"))
    timer.seconds = 61
    assert (scopes(sessions), len(before)) == (before, 3)
    (problem,) = sessions.discover().problems
    assert (problem.account, problem.cause.reason) == (WEB, "malformed-answer")


def test_a_named_account_with_discovered_regions_is_not_named_there(aws: StubAws) -> None:
    """Both account and region must be written down to be accepted by that."""
    sessions = looking_after(aws, organization=None, accounts=(Account(id=DATA),), regions=("enabled",))
    assert {one.named for one in sessions.discover().scopes} == {False}


def test_a_denied_account_is_incomplete_and_others_are_listed(aws: StubAws) -> None:
    """Its scope stays, its listings say why they are incomplete, and STS is not asked again for each."""
    sessions = looking_after(aws, organization=None, accounts=(Account(id=WEB), Account(id=DATA)))
    aws.on("AssumeRole", _denying(WEB))
    aws.on("DescribeVolumes", xml("DescribeVolumes", "<volumeSet/>"))
    inventory = AwsInventory(sessions, ec2.KINDS)
    listings = [inventory.list(ec2.Volume, scope) for scope in sessions.scopes() * 3]
    assert [listing.complete for listing in listings] == [False, True] * 3
    assert listings[0].problem is not None
    assert (listings[0].problem.reason, "AssumeRole" in listings[0].problem.detail) == ("access-denied", True)
    assert aws.count("AssumeRole") == 2


def test_a_denied_accounts_regions_are_those_of_its_last_answer(aws: StubAws) -> None:
    """Before there was one, the first region stands for it, so that it is seen at all."""
    sessions = looking_after(aws, organization=None, accounts=(Account(id=WEB),), regions=("eu-west-1", "enabled"))
    aws.on("AssumeRole", _denying(WEB))
    assert scopes(sessions) == [f"{WEB}/eu-west-1"]
    (problem,) = sessions.discover().problems
    assert (problem.source, problem.account, problem.cause.reason) == ("regions", WEB, "access-denied")


def test_chained_roles_last_an_hour(aws: StubAws) -> None:
    """From a user's keys a hub role may last longer; from the hub, a member's may not."""
    hub = f"arn:aws:iam::{OLD}:role/hub"
    policy = '{"Statement": []}'
    sessions = looking_after(
        aws,
        organization=None,
        accounts=(Account(id=WEB, external_id="own"), Account(id=DATA, role_arn=f"arn:aws:iam::{DATA}:role/x")),
        role_arn=hub,
        external_id="of-hub",
        member_role="arn:aws:iam::{account}:role/audit/reader",
        member_external_id="of-members",
        session_seconds=7200,
        session_name="warden",
        session_policy=policy,
    )
    for scope in sessions.scopes():
        sessions.client("ec2", scope)
    asked = [one for one in aws.asked if one.operation == "AssumeRole"]
    names = ("RoleArn", "ExternalId", "DurationSeconds", "Policy")
    assert [(*(one.parameters.get(name) for name in names), signer(one)) for one in asked] == [
        (hub, "of-hub", "7200", None, "AKIATESTTESTTESTTEST"),
        (f"arn:aws:iam::{WEB}:role/audit/reader", "own", "3600", policy, f"ASIA{OLD}"),
        (f"arn:aws:iam::{DATA}:role/x", "of-members", "3600", policy, f"ASIA{OLD}"),
    ]
    assert {one.parameters["RoleSessionName"] for one in asked} == {"warden"}


def test_the_daemons_own_account_needs_no_role(aws: StubAws) -> None:
    """Among the organization's accounts is the one that the daemon is in already."""
    aws.on("ListAccounts", listed((ACCOUNT, "ACTIVE"), (WEB, "ACTIVE")))
    sessions = looking_after(aws)
    for scope in sessions.scopes():
        sessions.client("ec2", scope)
    assert [one.parameters["RoleArn"] for one in aws.asked if one.operation == "AssumeRole"] == [
        f"arn:aws:iam::{WEB}:role/cloudwarden-member"
    ]


def test_own_credentials_that_fail_later_leave_the_scopes(aws: StubAws) -> None:
    """A daemon whose role was taken away still knows what it looked after."""
    timer = Stopwatch()
    sessions = looking_after(aws, organization=None, timer=timer)
    before = scopes(sessions)
    sessions.identities.own.forget()
    timer.seconds = 61
    sessions.identities.own.forget()
    aws.on("GetCallerIdentity", query_error("ExpiredToken", status=403))
    assert scopes(sessions) == before
    with pytest.raises(CloudError):
        sessions.client("ec2", sessions.scopes()[0])


def test_a_worker_is_told_its_accounts_and_discovers_none(aws: StubAws) -> None:
    """By the template, or as the settings name them; another account's credentials are refused all the same."""
    sessions = looking_after(aws, accounts=(Account(id=DATA, role_arn=f"arn:aws:iam::{DATA}:role/x"),))
    sessions.know({WEB: None, DATA: None})
    for account in (WEB, DATA):
        sessions.client("ec2", Scope(account=account, region="eu-west-1"))
    assert (aws.count("ListAccounts"), aws.count("DescribeRegions")) == (0, 0)
    assert [one.parameters["RoleArn"] for one in aws.asked if one.operation == "AssumeRole"] == [
        f"arn:aws:iam::{WEB}:role/cloudwarden-member",
        f"arn:aws:iam::{DATA}:role/x",
    ]


def test_a_stranger_is_denied(aws: StubAws) -> None:
    """An account that nobody looks after has no client, whatever roles there are."""
    with pytest.raises(AccessDenied, match=OLD):
        looking_after(aws, organization=None).client("ec2", Scope(account=OLD, region="eu-west-1"))


def _denying(account: str) -> Any:
    def reply(asked: Asked) -> Reply:
        denied = query_error("AccessDenied", "not authorized to perform: sts:AssumeRole", status=403)
        return denied if account in asked.parameters["RoleArn"] else assumed(asked)

    return reply


def test_an_account_that_is_left_no_region_is_told(aws: StubAws) -> None:
    """Nobody would notice, beside others, that it is not looked after. It is no reason to ask AWS more often."""
    accounts = (Account(id=WEB, regions=("us-east-1",)), Account(id=DATA, regions=("eu-central-1",)))
    discovery = looking_after(aws, organization=None, accounts=accounts, regions_exclude=("us-*",)).discover()
    assert [str(one.scope) for one in discovery.scopes] == [f"{DATA}/eu-central-1"]
    assert [(one.source, one.account) for one in discovery.problems] == [("settings", WEB)]
    assert not discovery.untold
