"""Two accounts, one of them denied: what the verbs print, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import Result

from cloudwarden.core.finding import ActionState, ProposalState, State
from cloudwarden.core.resource import Scope
from cloudwarden.store import SqlStore
from happenings import finding, proposal, record
from iam_policies import attaching, listing
from many_accounts import assumed, identified
from stub_aws import (
    Asked,
    Reply,
    StubAws,
    error,
    json_error,
    json_reply,
    query_error,
    rest_error,
    rest_xml,
    serving,
    xml,
)

Cli = Callable[..., Result]
WEB, DENIED = "111111111111", "222222222222"
SERIES = {"Id": "m0", "StatusCode": "Complete", "Timestamps": [], "Values": []}
RUNNING = (
    "<reservationSet><item><ownerId>1</ownerId><instancesSet><item><instanceId>i-1</instanceId>"
    "<instanceType>m5.large</instanceType><imageId>ami-1</imageId><launchTime>2026-01-01T00:00:00Z</launchTime>"
    "<placement><availabilityZone>eu-west-1a</availabilityZone></placement><rootDeviceType>ebs</rootDeviceType>"
    "<instanceState><code>16</code><name>running</name></instanceState></item></instancesSet></item></reservationSet>"
)
LOCKED = rest_xml("<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>")
NOTHING = rest_xml("<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>")
FORBIDDEN = rest_error("AccessDenied", "Access Denied", status=403)
EMPTY = {
    "DescribeInstances": "<reservationSet/>",
    "DescribeVolumes": "<volumeSet/>",
    "DescribeSecurityGroups": "<securityGroupInfo/>",
}


def _role(asked: Asked) -> Reply:
    denied = query_error("AccessDenied", "not authorized to perform: sts:AssumeRole", status=403)
    return denied if DENIED in asked.parameters["RoleArn"] else assumed(asked)


@pytest.fixture
def aws(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubAws]:
    """An AWS where one account's role refuses, and the settings that lead to it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with serving() as stub:
        stub.on("AssumeRole", _role)
        stub.on("GetCallerIdentity", identified)
        for operation, inner in EMPTY.items():
            stub.on(operation, xml(operation, inner))
        stub.on("GetMetricData", json_reply({"MetricDataResults": [SERIES]}))
        accounts = "".join(f"[aws.accounts.{account}]\n" for account in (WEB, DENIED))
        settings = home / "cloudwarden.toml"
        aws = f'[aws]\nregions = ["eu-west-1"]\nendpoint_url = "{stub.url}"\nattempts = 1\n'
        settings.write_text(settings.read_text() + aws + accounts)
        yield stub


def test_a_denied_account_makes_a_sweep_partial(cli: Cli, aws: StubAws) -> None:
    """The other is swept, the exit code is 2, and both scopes are known and accepted by the settings."""
    result = cli("once", "--json")
    assert (result.exit_code, json.loads(result.stdout)["complete"]) == (2, False)
    assert aws.count("DescribeInstances") == 1
    assert [one["accepted_by"] for one in json.loads(cli("scopes", "--json").stdout)] == ["settings", "settings"]


def test_what_is_unknown_says_in_which_account(cli: Cli, aws: StubAws) -> None:
    """Each has an instance of the same id, and neither may read its metrics."""
    aws.on("AssumeRole", assumed)
    aws.on("DescribeInstances", xml("DescribeInstances", RUNNING))
    aws.on("GetMetricData", json_error("AccessDeniedException", "not authorized", status=403))
    told = json.loads(cli("once", "--json").stdout)["unknown"]
    assert [(one["account"], one["region"], one["cause"]["reason"]) for one in told] == [
        (account, "eu-west-1", "access-denied") for account in (WEB, DENIED)
    ]
    shown = cli("once").stdout
    assert all(f"{account}/eu-west-1" in shown for account in (WEB, DENIED))


def test_a_failed_discovery_makes_a_sweep_partial(cli: Cli, aws: StubAws, home: Path) -> None:
    """The accounts that are named are swept; what Organizations did not say is told, with the exit code."""
    settings = home / "cloudwarden.toml"
    settings.write_text(settings.read_text().replace(f"[aws.accounts.{DENIED}]", "[aws.organization]\ndiscover = true"))
    aws.on("ListAccounts", error("InternalError", status=500))
    result = cli("once")
    assert result.exit_code == 2
    assert "problem: organization: " in result.stderr


def test_where_nothing_can_be_told_the_doctor_is_named(cli: Cli, aws: StubAws, home: Path) -> None:
    """On the first day no account is remembered that could be swept, and the error alone helps nobody."""
    settings = home / "cloudwarden.toml"
    without = settings.read_text().replace(f"[aws.accounts.{WEB}]\n[aws.accounts.{DENIED}]\n", "")
    settings.write_text(f"{without}[aws.organization]\ndiscover = true\n")
    aws.on("ListAccounts", json_error("AccessDeniedException", "You don't have permissions", status=400))
    result = cli("once")
    assert result.exit_code == 2
    first, second = result.stderr.splitlines()
    assert first.startswith("cloudwarden: ListAccounts: AccessDeniedException")
    assert second.startswith(f"cloudwarden --config {settings} doctor")


def test_where_there_is_nowhere_to_look_nothing_was_judged(cli: Cli, aws: StubAws, home: Path) -> None:
    """Settings that leave every region out, mistyped ones for example, must not look like an estate without faults."""
    settings = home / "cloudwarden.toml"
    settings.write_text(settings.read_text().replace("[aws]\n", '[aws]\nregions_exclude = ["eu*"]\n'))
    result = cli("once", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["complete"]) == (2, False)
    assert "no account has a region" in told["problems"][-1]
    assert cli("doctor").exit_code == 2


@pytest.mark.parametrize(
    ("verb", "options"), [("once", ()), ("once", ("--json",)), ("doctor", ()), ("doctor", ("--json",))]
)
def test_a_pause_is_said_beside_what_is_shown(cli: Cli, aws: StubAws, verb: str, options: tuple[str, ...]) -> None:
    """What it holds is found, and nothing is done."""
    cli("pause", "--reason", "all stop", "--by", "ada")
    result = cli(verb, *options)
    assert "paused: everything by ada since" in result.stderr
    assert "paused" not in result.stdout


@pytest.mark.parametrize(("ceiling", "state"), [("observe", ActionState.WAITING), ("propose", ActionState.ABANDONED)])
def test_a_sweep_that_only_looks_undoes_nothing(
    cli: Cli, aws: StubAws, store: SqlStore, ceiling: str, state: ActionState
) -> None:
    """Under any other ceiling an undo goes its way: here somebody started the instance meanwhile."""
    scope, now = Scope(account=WEB, region="eu-west-1"), datetime.now(UTC)
    with store.transaction() as tx:
        tx.findings.save([finding(scope=scope, state=State.FIXED)])
        tx.proposals.save([proposal(scope=scope, state=ProposalState.CARRIED_OUT)])
        tx.actions.save(record(scope=scope, state=ActionState.SUCCEEDED))
        tx.actions.save(
            record(scope=scope, id="a-2", undoes="a-1", state=ActionState.WAITING, started_at=now, changed_at=now)
        )
    cli("once", "--ceiling", ceiling)
    with store.reading() as tx:
        undoing = tx.actions.get("a-2")
    assert undoing is not None
    assert undoing.state is state


def test_the_doctor_names_what_to_mend(cli: Cli, aws: StubAws) -> None:
    """The denied account in the table and in JSON, and the exit code that a sweep would have."""
    result = cli("doctor")
    assert result.exit_code == 2
    assert "member-trust.json" in result.stdout
    checks = json.loads(cli("doctor", "--json").stdout)
    assert [one["where"] for one in checks if one["health"] == "failed"] == [DENIED]
    assert {one["area"] for one in checks} >= {"store", "policies", "limits", "credentials", "clock", "read"}


@pytest.mark.parametrize(("accounts", "more"), [(4, None), (5, "2 more"), (40, "37 more")])
def test_the_doctor_shows_a_few_of_what_is_to_be_mended_in_many_places(
    cli: Cli, aws: StubAws, home: Path, accounts: int, more: str | None
) -> None:
    """All of them are in JSON."""
    refused = query_error("AccessDenied", "not authorized to perform: sts:AssumeRole", status=403)
    aws.on("AssumeRole", refused)
    settings = home / "cloudwarden.toml"
    named = "".join(f"[aws.accounts.{555_555_555_500 + number}]\n" for number in range(accounts))
    settings.write_text(settings.read_text().replace(f"[aws.accounts.{WEB}]\n[aws.accounts.{DENIED}]\n", named))
    shown = cli("doctor").stdout
    assert shown.count("account: 5555") == (4 if more is None else 3)
    assert ("more" in shown, more is None or more in shown) == (more is not None, True)
    assert f"{accounts} failed" in shown
    failed = [one for one in json.loads(cli("doctor", "--json").stdout) if one["health"] == "failed"]
    assert len(failed) == accounts


def test_the_doctor_examines_on_the_first_day(cli_without_store: Cli, aws: StubAws, home: Path) -> None:
    """Before anything is recorded: it says so, tries AWS all the same, and makes no database."""
    checks = json.loads(cli_without_store("doctor", "--json").stdout)
    (database,) = [one for one in checks if one["area"] == "store"]
    assert (database["health"], "there is no database" in database["detail"]) == ("warning", True)
    assert {one["area"] for one in checks} >= {"policies", "limits", "credentials", "read"}
    assert not list(home.glob("cloudwarden.db*"))


@pytest.mark.parametrize(
    ("lock", "versions", "code", "health"),
    [(LOCKED, NOTHING, 0, "ok"), (LOCKED, FORBIDDEN, 2, "failed"), (FORBIDDEN, NOTHING, 2, "failed")],
    ids=["well", "cannot be listed", "nobody knows whether it is locked"],
)
def test_the_doctor_looks_at_the_journals_copy(
    cli: Cli, aws: StubAws, home: Path, lock: Reply, versions: Reply, code: int, health: str
) -> None:
    """The daemon does nothing before it was compared; what else is denied here has its own lines."""
    settings = home / "cloudwarden.toml"
    text = settings.read_text().replace(f"[aws.accounts.{DENIED}]", "")
    settings.write_text(text + '[journal]\nship_to = "s3://audit/journal"\n')
    aws.on("GET object-lock", lock)
    aws.on("GET versions", versions)
    result = cli("doctor", "--json")
    (copy,) = (one for one in json.loads(result.stdout) if one["area"] == "journal")
    assert (result.exit_code, copy["subject"], copy["health"]) == (code, "s3://audit/journal", health)
    assert ("ship.json" in (copy["fix"] or "")) == (health == "failed")
    assert aws.count("PUT") == 0


def test_the_doctor_counts_open_files_for_every_region_that_there_is(
    cli_without_store: Cli, aws: StubAws, home: Path
) -> None:
    """Also on the first day, when none is recorded."""
    settings = home / "cloudwarden.toml"
    text = settings.read_text().replace(f"[aws.accounts.{DENIED}]", "")
    settings.write_text(text.replace('["eu-west-1"]', '["enabled"]'))
    names = "".join(f"<item><regionName>eu-west-{number}</regionName></item>" for number in range(1, 18))
    aws.on("DescribeRegions", xml("DescribeRegions", f"<regionInfo>{names}</regionInfo>"))
    checks = json.loads(cli_without_store("doctor", "--json").stdout)
    (files,) = [one for one in checks if one["subject"] == "open files"]
    assert f"up to {17 * 8 * 8 + 100} used" in files["detail"]


def test_the_doctor_tells_of_accounts_that_nobody_found(cli: Cli, aws: StubAws, home: Path) -> None:
    """Who protects one by a wrong number protects nothing; one that is there, or a pattern of it, is well."""
    settings = home / "cloudwarden.toml"
    freeze = "begins = 2026-12-20T00:00:00Z\nuntil = 2027-01-04T00:00:00Z\nreason = 'year end'"
    settings.write_text(
        f"{settings.read_text()}\n[protect]\naccounts = ['{DENIED}', '9999*']\n"
        f"[[freeze]]\n{freeze}\naccounts = ['{DENIED[:3]}*', '888888888888']\n"
        f"[[window]]\nopen = 'mon 09:00-17:00'\naccounts = ['777777777777']\n"
    )
    told = [one for one in json.loads(cli("doctor", "--json").stdout) if one["area"] == "restraints"]
    assert [(one["subject"], one["where"], one["health"]) for one in told] == [
        ("protect.accounts", "9999*", "warning"),
        ("window.accounts", "777777777777", "warning"),
        ("freeze.accounts", "888888888888", "warning"),
    ]


@pytest.mark.parametrize(("discover", "told"), [("false", ["warning"]), ("true", [])])
def test_the_doctor_tells_of_roles_that_are_not_asked(
    cli: Cli, aws: StubAws, home: Path, discover: str, told: list[str]
) -> None:
    """Who excludes an account of them thinks that they are."""
    attaching(aws)
    settings = home / "cloudwarden.toml"
    settings.write_text(f'{settings.read_text()}\n[aws.roles]\nexclude = ["{DENIED}"]\ndiscover = {discover}\n')
    checks = json.loads(cli("doctor", "--json").stdout)
    assert [one["health"] for one in checks if one["subject"] == "aws.roles"] == told


@pytest.mark.parametrize(("discover", "told"), [("false", ["warning"]), ("true", [])])
def test_the_doctor_tells_of_an_organization_that_is_not_asked(
    cli: Cli, aws: StubAws, home: Path, discover: str, told: list[str]
) -> None:
    """Units that are included, without a word that accounts are to be discovered, look like an estate that is well."""
    aws.on("ListOrganizationalUnitsForParent", json_reply({"OrganizationalUnits": []}))
    aws.on("ListAccountsForParent", json_reply({"Accounts": []}))
    settings = home / "cloudwarden.toml"
    unit = 'include = ["ou-ab12-11111111"]'
    settings.write_text(f"{settings.read_text()}\n[aws.organization]\n{unit}\ndiscover = {discover}\n")
    checks = json.loads(cli("doctor", "--json").stdout)
    assert [one["health"] for one in checks if one["subject"] == "aws.organization"] == told


def test_the_doctor_ends_with_the_highest_code(cli: Cli, aws: StubAws, home: Path) -> None:
    """A broken policy file outweighs what AWS refuses."""
    (home / "policies" / "broken.py").write_text("this is no Python")
    assert cli("doctor").exit_code == 3


def test_an_account_found_later_waits_until_it_is_accepted(cli: Cli, aws: StubAws, home: Path) -> None:
    """From Organizations to the operator's word, on the command line alone."""
    settings = home / "cloudwarden.toml"
    settings.write_text(settings.read_text().replace(f"[aws.accounts.{DENIED}]", "[aws.organization]\ndiscover = true"))
    aws.on("ListAccounts", json_reply({"Accounts": [{"Id": "333333333333", "Name": "new", "State": "ACTIVE"}]}))
    assert cli("once").exit_code == 0
    assert [one["name"] for one in json.loads(cli("scopes", "--waiting", "--json").stdout)] == ["new"]
    checks = json.loads(cli("doctor", "--json").stdout)
    assert [one["where"] for one in checks if one["area"] == "scope"] == ["333333333333"]
    assert cli("accept", "333333333333/eu-west-1", "--reason", "reviewed").exit_code == 0
    assert json.loads(cli("scopes", "--waiting", "--json").stdout) == []


def test_listed_roles_are_an_estate(cli: Cli, aws: StubAws, home: Path) -> None:
    """From the hub's policies to scopes that wait; what IAM does not say takes none of them away."""
    settings = home / "cloudwarden.toml"
    text = settings.read_text().replace(f"[aws.accounts.{WEB}]\n[aws.accounts.{DENIED}]\n", "")
    settings.write_text(text + "[aws.roles]\ndiscover = true\n")
    roles = [f"arn:aws:iam::{account}:role/audit" for account in (WEB, "333333333333")]
    attaching(aws, {"members": listing(*roles)})
    assert cli("once").exit_code == 0
    waiting = json.loads(cli("scopes", "--waiting", "--json").stdout)
    assert [one["account"] for one in waiting] == [WEB, "333333333333"]
    assert {one.parameters["RoleArn"] for one in aws.asked if one.operation == "AssumeRole"} == set(roles)
    aws.on(
        "ListRolePolicies", query_error("AccessDenied", "not authorized to perform: iam:ListRolePolicies", status=403)
    )
    result = cli("once")
    assert (result.exit_code, "problem: roles: access-denied" in result.stderr) == (2, True)
    assert json.loads(cli("scopes", "--waiting", "--json").stdout) == waiting
    attaching(aws, {"members": listing(roles[0])})
    assert cli("once").exit_code == 0
    assert [one["account"] for one in json.loads(cli("scopes", "--waiting", "--json").stdout)] == [WEB]
