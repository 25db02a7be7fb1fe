"""Accounts of the roles that the daemon's own role may assume, and what stands when IAM does not say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cloudwarden.aws.access.account import Account, OrganizationAccess, RolesAccess
from cloudwarden.aws.session import Sessions
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.errors import AccessDenied, CloudError, InvalidRequest, MalformedAnswer
from cloudwarden.core.resource import Scope
from iam_policies import DENIED, attaching, document, listing, paged
from many_accounts import assumed, identified, signer
from stub_aws import ACCOUNT, Asked, Reply, StubAws, json_error, json_reply, query_error, query_xml
from stub_sessions import Stopwatch, sessions_to

WEB, DATA, OLD, HUB = "111111111111", "222222222222", "333333333333", "999999999999"
PERIOD = 61


def role(account: str, name: str = "audit") -> str:
    """A role's ARN."""
    return f"arn:aws:iam::{account}:role/{name}"


def looking_after(aws: StubAws, *, remembered: tuple[KnownScope, ...] = (), **settings: Any) -> Sessions:
    """Sessions that discover roles."""
    aws.on("AssumeRole", assumed)
    aws.on("GetCallerIdentity", identified)
    given: dict[str, Any] = {"roles": RolesAccess(), "discovery_seconds": 60.0} | settings
    return sessions_to(aws, remembered=lambda: remembered, **given)


def at(account: str) -> KnownScope:
    """A scope that an earlier process found."""
    scope = Scope(account=account, region="eu-central-1")
    return KnownScope(scope=scope, name=f"name of {account}", found_at=datetime(2026, 3, 1, tzinfo=UTC))


def accounts(sessions: Sessions) -> list[str]:
    """The accounts that are found."""
    return [scope.account for scope in sessions.scopes()]


def problems(sessions: Sessions) -> list[tuple[str, str, str]]:
    """Source, account and reason of each problem."""
    return [(one.source, one.account, one.cause.reason) for one in sessions.discover().problems]


def used(aws: StubAws, sessions: Sessions) -> list[str]:
    """The roles that are assumed to ask each scope something."""
    for scope in sessions.scopes():
        sessions.client("ec2", scope)
    return [one.parameters["RoleArn"] for one in aws.asked if one.operation == "AssumeRole"]


def member(*found: str) -> Reply:
    """A page of ListAccounts."""
    return json_reply({"Accounts": [{"Id": id_, "Name": f"name of {id_}", "State": "ACTIVE"} for id_ in found]})


def test_inline_and_attached_policies_of_every_page_list_roles(aws: StubAws) -> None:
    """Nobody named their accounts; each is reached as the role that is listed."""
    attaching(
        aws,
        {"first": listing(role(WEB)), "second": document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})},
        {"arn:aws:iam::aws:policy/Any": document(), f"arn:aws:iam::{ACCOUNT}:policy/l": listing(role(DATA, "ops/x"))},
    )
    sessions = looking_after(aws)
    assert [(one.scope.account, one.named) for one in sessions.discover().scopes] == [(WEB, False), (DATA, False)]
    assert used(aws, sessions) == [role(WEB), role(DATA, "ops/x")]
    listed = [one.parameters for one in aws.asked if one.operation.startswith("List")]
    assert [(one["RoleName"], one.get("Marker")) for one in listed] == [("hub", None), ("hub", "m1")] * 2
    assert sessions.discover().problems == ()


def test_the_hub_is_asked_in_its_own_name(aws: StubAws) -> None:
    """It is the one that assumes the members' roles."""
    attaching(aws, {"list": listing(role(WEB))})
    sessions = looking_after(aws, role_arn=role(HUB, "hub"))
    assert accounts(sessions) == [WEB]
    assert {signer(one) for one in aws.asked if "Policies" in one.operation} == {f"ASIA{HUB}"}


def test_credentials_may_be_renewed_between_two_pages(aws: StubAws) -> None:
    """The role is the same, and so is what it is asked."""
    attaching(aws, {"a": listing(role(WEB)), "b": listing(role(DATA))})
    timer = Stopwatch()
    sessions = looking_after(aws, role_arn=role(HUB, "hub"), timer=timer)
    pages = paged("ListRolePolicies", "PolicyNames", ["a", "b"])

    def renewing(asked: Asked) -> Reply:
        timer.seconds += 31
        sessions.identities.own.forget()
        return pages(asked)

    aws.on("ListRolePolicies", renewing)
    assert accounts(sessions) == [WEB, DATA]
    assert aws.count("AssumeRole") > 1


@pytest.mark.parametrize(
    "operation", ["ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies", "GetPolicy", "GetPolicyVersion"]
)
def test_whatever_cannot_be_read_makes_the_list_no_shorter(aws: StubAws, operation: str) -> None:
    """Neither on the first day, when nothing is known, nor later, when the last answer stands."""
    attaching(aws, {"a": listing(role(WEB))}, {f"arn:aws:iam::{ACCOUNT}:policy/b": listing(role(DATA))})
    timer = Stopwatch()
    sessions = looking_after(aws, timer=timer)
    first = accounts(sessions)
    aws.on(operation, DENIED)
    timer.seconds += PERIOD
    assert (accounts(sessions), first) == ([WEB, DATA], [WEB, DATA])
    assert problems(sessions) == [("roles", "", "access-denied")]
    with pytest.raises(AccessDenied, match=operation):
        looking_after(aws).scopes()


def test_a_second_page_that_is_denied_fails_the_whole(aws: StubAws) -> None:
    """And is asked for again: what went meanwhile goes when the list is whole."""
    attaching(aws, {"a": listing(role(WEB)), "b": listing(role(DATA))})
    timer = Stopwatch()
    sessions = looking_after(aws, timer=timer)
    first = accounts(sessions)
    pages = paged("ListRolePolicies", "PolicyNames", ["a", "b"])
    aws.on("ListRolePolicies", pages, DENIED, paged("ListRolePolicies", "PolicyNames", ["a"]))
    timer.seconds += PERIOD
    assert (accounts(sessions), problems(sessions)) == (first, [("roles", "", "access-denied")])
    timer.seconds += PERIOD
    assert (accounts(sessions), problems(sessions)) == ([WEB], [])


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("ListRolePolicies", "<PolicyNames><member>a</member></PolicyNames><IsTruncated>true</IsTruncated>"),
        ("ListRolePolicies", "<IsTruncated>false</IsTruncated>"),
        ("ListAttachedRolePolicies", "<IsTruncated>false</IsTruncated>"),
        ("ListAttachedRolePolicies", "<AttachedPolicies><member/></AttachedPolicies><IsTruncated>false</IsTruncated>"),
        ("GetRolePolicy", "<PolicyDocument>%7Bno json</PolicyDocument>"),
        ("GetRolePolicy", ""),
        ("GetPolicy", ""),
        ("GetPolicyVersion", "<PolicyVersion/>"),
    ],
    ids=[
        "cut off",
        "no names",
        "no policies",
        "no arn",
        "no json",
        "no document",
        "no version",
        "no version's document",
    ],
)
def test_an_answer_that_is_not_understood_is_no_answer(aws: StubAws, operation: str, answer: str) -> None:
    """Nothing is made of the rest."""
    attaching(aws, {"a": listing(role(WEB))}, {f"arn:aws:iam::{ACCOUNT}:policy/b": listing(role(DATA))})
    aws.on(operation, query_xml(operation, answer))
    with pytest.raises(MalformedAnswer):
        looking_after(aws).scopes()


@pytest.mark.parametrize(
    "arn",
    [f"arn:aws:iam::{ACCOUNT}:user/ada", f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:sts::{ACCOUNT}:federated-user/b"],
)
def test_who_is_no_role_has_no_roles(aws: StubAws, arn: str) -> None:
    """It is said, and IAM is not asked for a role by another's name."""
    sessions = looking_after(aws)
    aws.on("GetCallerIdentity", query_xml("GetCallerIdentity", f"<Account>{ACCOUNT}</Account><Arn>{arn}</Arn>"))
    with pytest.raises(InvalidRequest, match="no role"):
        sessions.scopes()
    assert aws.count("ListRolePolicies") == 0


def test_an_empty_list_is_an_answer(aws: StubAws) -> None:
    """Whoever empties it wants nothing looked after, and not the daemon's own account instead."""
    attaching(aws, {"a": listing(role(WEB))})
    timer = Stopwatch()
    sessions = looking_after(aws, timer=timer)
    first = accounts(sessions)
    attaching(aws)
    timer.seconds += PERIOD
    assert (first, accounts(sessions), problems(sessions)) == ([WEB], [], [])


def test_an_earlier_process_is_remembered(aws: StubAws) -> None:
    """What it found is as good as nothing else, but for what is excluded; its role is not known until IAM answers."""
    attaching(aws, {"a": listing(role(WEB))})
    aws.on("ListRolePolicies", DENIED, paged("ListRolePolicies", "PolicyNames", ["a"]))
    timer = Stopwatch()
    sessions = looking_after(aws, remembered=(at(WEB), at(OLD)), roles=RolesAccess(exclude=(OLD,)), timer=timer)
    (found,) = sessions.discover().scopes
    assert (found.scope.account, found.name, found.remembered) == (WEB, f"name of {WEB}", True)
    assert used(aws, sessions) == [role(WEB, "cloudwarden-member")]
    timer.seconds += PERIOD
    assert [(one.scope.account, one.remembered) for one in sessions.discover().scopes] == [(WEB, False)]
    assert used(aws, sessions)[-1] == role(WEB)


def test_the_settings_have_the_last_word(aws: StubAws) -> None:
    """A named account's own role stands, and it is named; where it names none, the one that was found is used."""
    attaching(aws, {"a": listing(role(WEB), role(DATA), role(OLD), role(OLD, "other"))})
    own = Account(id=WEB, role_arn=role(WEB, "own"))
    sessions = looking_after(aws, accounts=(own, Account(id=DATA)), roles=RolesAccess(exclude=(OLD, DATA)))
    assert [(one.scope.account, one.named) for one in sessions.discover().scopes] == [(WEB, True), (DATA, True)]
    assert used(aws, sessions) == [role(WEB, "own"), role(DATA)]
    assert problems(sessions) == [], "what is excluded has no problem"


def test_a_doubt_is_told_of_whoever_needs_a_role(aws: StubAws) -> None:
    """Not of a named account that has its own."""
    listed = [role(account, name) for account in (WEB, DATA) for name in ("a", "b")]
    attaching(aws, {"a": listing(*listed)})
    own = Account(id=WEB, role_arn=role(WEB, "own"))
    sessions = looking_after(aws, accounts=(own, Account(id=DATA)))
    assert (accounts(sessions), problems(sessions)) == ([WEB, DATA], [("roles", DATA, "several-roles")])


def test_an_empty_list_stands_while_iam_fails(aws: StubAws) -> None:
    """What an earlier process found is not looked after again, and the daemon's credentials are not to blame."""
    attaching(aws)
    timer = Stopwatch()
    sessions = looking_after(aws, remembered=(at(WEB),), timer=timer)
    assert accounts(sessions) == []
    aws.on("ListRolePolicies", DENIED)
    timer.seconds += PERIOD
    assert (accounts(sessions), problems(sessions)) == ([], [("roles", "", "access-denied")])


def test_what_one_source_tells_is_not_remembered_for_the_other(aws: StubAws) -> None:
    """Which accounts the organization has, nobody knows; this one is listed, whoever else tells of it."""
    attaching(aws, {"a": listing(role(WEB))})
    aws.on("ListAccounts", json_error("TooManyRequestsException"))
    sessions = looking_after(aws, organization=OrganizationAccess(), remembered=(at(WEB), at(DATA)))
    found = sessions.discover().scopes
    assert [(one.scope.account, one.remembered) for one in found] == [(WEB, False), (DATA, True)]


def test_roles_and_the_organization_are_looked_after_together(aws: StubAws) -> None:
    """A role that was found takes the place of the template. What either excludes is not found by the other."""
    attaching(aws, {"a": listing(role(WEB), role(OLD), "arn:aws:iam::*:role/cloudwarden-member")})
    aws.on("ListAccounts", member(WEB, DATA, HUB))
    organization, roles = OrganizationAccess(exclude=(OLD,)), RolesAccess(exclude=(HUB,))
    sessions = looking_after(aws, organization=organization, roles=roles)
    assert [(one.scope.account, one.name) for one in sessions.discover().scopes] == [
        (WEB, f"name of {WEB}"),
        (DATA, f"name of {DATA}"),
    ]
    assert used(aws, sessions) == [role(WEB), role(DATA, "cloudwarden-member")]
    assert problems(sessions) == [], "one statement for the organization's accounts is as it should be"


def test_one_source_that_fails_leaves_the_other(aws: StubAws) -> None:
    """Each has its own last answer."""
    attaching(aws, {"a": listing(role(WEB))})
    aws.on("ListAccounts", member(DATA), member(OLD), json_error("TooManyRequestsException"))
    timer = Stopwatch()
    sessions = looking_after(aws, organization=OrganizationAccess(), timer=timer)
    first = accounts(sessions)
    aws.on("ListRolePolicies", DENIED)
    timer.seconds += PERIOD
    assert (first, accounts(sessions), problems(sessions)) == (
        [WEB, DATA],
        [WEB, OLD],
        [("roles", "", "access-denied")],
    )
    attaching(aws, {"a": listing(role(HUB))})
    timer.seconds += PERIOD
    assert (accounts(sessions), problems(sessions)) == ([OLD, HUB], [("organization", "", "throttled")])


def test_where_every_source_fails_all_are_told(aws: StubAws) -> None:
    """On the first day, when the error alone is one of them."""
    aws.on("ListAccounts", json_error("AccessDeniedException"))
    sessions = looking_after(aws, organization=OrganizationAccess())
    aws.on("ListRolePolicies", DENIED)
    with pytest.raises(CloudError):
        sessions.discover()
    assert [one.source for one in sessions.untold()] == ["organization", "roles"]


def test_own_credentials_that_fail_are_told_as_such(aws: StubAws) -> None:
    """No source was asked."""
    sessions = looking_after(aws, roles=None)
    aws.on("GetCallerIdentity", query_error("ExpiredToken", status=403))
    with pytest.raises(CloudError):
        sessions.discover()
    assert [one.source for one in sessions.untold()] == ["credentials"]


def test_several_roles_of_an_account_leave_it_in_doubt(aws: StubAws) -> None:
    """It is not looked after and not gone; the other one is found all the same."""
    attaching(aws, {"a": listing(role(WEB), role(WEB, "deploy"), role(DATA))})
    discovery = looking_after(aws).discover()
    (problem,) = discovery.problems
    assert [one.scope.account for one in discovery.scopes] == [DATA]
    assert (problem.source, problem.account, problem.untold) == ("roles", WEB, True)
    assert role(WEB, "deploy") in problem.cause.detail


def test_what_names_no_account_is_a_problem_and_not_untold(aws: StubAws) -> None:
    """It keeps no account from leaving, and AWS is not asked more often for it."""
    deny = {"Effect": "Deny", "Action": "sts:AssumeRole", "NotResource": role(WEB)}
    attaching(aws, {"a": listing(role(WEB)), "wide": listing("*"), "fence": document(deny)})
    discovery = looking_after(aws).discover()
    assert [one.scope.account for one in discovery.scopes] == [WEB]
    assert [(one.source, one.cause.reason, one.untold) for one in discovery.problems] == [
        ("statements", "no-account", False),
        ("statements", "not-understood", False),
    ]
    assert "wide, statement 1" in str(discovery.problems[0])


@pytest.mark.parametrize(
    ("listed", "assumes"),
    [(role(ACCOUNT, "ops/hub"), []), (role(ACCOUNT, "reader"), [role(ACCOUNT, "reader")])],
    ids=["itself", "another role"],
)
def test_the_daemon_s_own_account_may_be_listed(aws: StubAws, listed: str, assumes: list[str]) -> None:
    """As another role, or as itself, which it need not assume."""
    attaching(aws, {"a": listing(listed)})
    sessions = looking_after(aws)
    assert (accounts(sessions), used(aws, sessions)) == ([ACCOUNT], assumes)


def test_a_worker_is_told_the_roles_too(aws: StubAws) -> None:
    """It asks nobody, and a role that changed is the one of the next assignment."""
    attaching(aws, {"a": listing(role(WEB))})
    told = looking_after(aws)
    found = {scope.account: told.role(scope.account) for scope in told.scopes()}
    worker = looking_after(aws, accounts=(Account(id=DATA, role_arn=role(DATA, "own")),))
    asked = aws.count("ListRolePolicies")
    for roles in ({**found, DATA: None}, {WEB: role(WEB, "later")}):
        worker.know(roles)
        for account in roles:
            worker.client("ec2", Scope(account=account, region="eu-central-1"))
    assert [one.parameters["RoleArn"] for one in aws.asked if one.operation == "AssumeRole"] == [
        role(WEB),
        role(DATA, "own"),
        role(WEB, "later"),
    ]
    assert aws.count("ListRolePolicies") == asked
