"""Exemptions, pauses and trust are decided on the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from typer.testing import Result

from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.finding import Finding
from cloudwarden.core.resource import Scope
from cloudwarden.ports import PolicyRun, ScopeRun
from cloudwarden.store import SqlStore
from cloudwarden.store.tables import findings

Keep = Callable[..., Finding]
Cli = Callable[..., Result]
IN_A_WEEK = f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%d}"


def test_an_exemption_is_made_listed_and_revoked(cli: Cli, keep: Keep) -> None:
    """Its whole life, from the command line alone."""
    keep("i-1")
    words = ("exempt", "stop-idle-instances", "i-*", "--until", IN_A_WEEK, "--reason", "audit", "--owner", "ada")
    made = json.loads(cli(*words, "--json").stdout)
    assert (made["owner"], made["resource"], made["revoked_at"]) == ("ada", "i-*", None)
    assert made["made_from"].startswith("cli ")
    (listed,) = json.loads(cli("exemptions", "list", "--json").stdout)
    assert (listed["id"], listed["state"]) == (made["id"], "ending")
    assert cli("exemptions", "revoke", made["id"], "--reason", "over", "--by", "grace").exit_code == 0
    assert json.loads(cli("exemptions", "list", "--json").stdout) == []
    shown = json.loads(cli("exemptions", "show", made["id"], "--json").stdout)
    assert (shown["state"], shown["revoked_by"], shown["revoked_reason"]) == ("revoked", "grace", "over")
    assert shown["covers"] == ["f-i-1"]


def test_an_exemption_says_what_it_covers(cli: Cli, keep: Keep) -> None:
    """A pattern that covers nothing, or too much, is seen at once."""
    keep("i-1")
    keep("i-2")
    result = cli("exempt", "*", "i-2", "--until", IN_A_WEEK, "--reason", "audit")
    assert "covers now: 1\n" in result.stderr
    result = cli("exempt", "*", "--tag", "team=web", "--until", IN_A_WEEK, "--reason", "audit")
    assert "covers now: 0; of 2 more the next sweep will tell" in result.stderr


@pytest.fixture
def odd(keep: Keep, store: SqlStore) -> None:
    """A finding that this version cannot read: whoever reads all findings fails."""
    keep("i-odd")
    with store.transaction() as tx:
        tx.connection.execute(update(findings).values(state="odd"))


@pytest.mark.usefixtures("odd")
def test_an_exemption_is_made_before_it_is_counted_what_it_covers(cli: Cli) -> None:
    """Counting may take long, and keeps nobody from writing: it comes after the commit."""
    result = cli("exempt", "stop-idle-instances", "i-1", "--until", IN_A_WEEK, "--reason", "audit", "--json")
    assert (result.exit_code, "covers now: not known" in result.stderr) == (0, True)
    (listed,) = json.loads(cli("exemptions", "list", "--json").stdout)
    assert listed["id"] == json.loads(result.stdout)["id"]


@pytest.mark.usefixtures("odd")
def test_a_pause_waits_for_no_reading_of_findings(cli: Cli, store: SqlStore) -> None:
    """A hundred thousand of them would take seconds, and a pause may be urgent."""
    assert cli("pause", "stop-idle-instances").exit_code == 0
    with store.reading() as tx:
        assert [one.policy for one in tx.decisions.pauses()] == ["stop-idle-instances"]


def test_a_policy_that_is_not_loaded_is_paused_while_it_has_findings(cli: Cli, keep: Keep) -> None:
    """Its file may be refused at the moment."""
    keep("i-1", policy="stop-others")
    assert cli("pause", "stop-others").exit_code == 0


def test_an_exemption_needs_a_reason(cli: Cli) -> None:
    """Nobody can judge later what nobody explained."""
    result = cli("exempt", "stop-idle-instances", "i-1", "--until", IN_A_WEEK)
    assert result.exit_code == 4
    assert "needs a reason" in result.stderr


def test_an_exemption_says_who_makes_it_and_who_answers_for_it(cli: Cli) -> None:
    """Like every decision it is somebody's; an owner that is empty is none."""
    words = ("exempt", "stop-idle-instances", "i-1", "--until", IN_A_WEEK, "--reason", "audit", "--by", "grace")
    made = json.loads(cli(*words, "--json").stdout)
    assert (made["made_by"], made["owner"]) == ("grace", "grace")
    assert "needs an owner" in cli(*words, "--owner", "").stderr


def test_an_exemption_without_its_parts_is_a_usage_error(cli: Cli) -> None:
    """A command line that makes no sense is told apart from every other failure."""
    assert cli("exempt", "stop-idle-instances").exit_code == 64


@pytest.mark.parametrize("lasting", ["99999999d", "99999999999999d"])
def test_a_time_that_never_comes_is_a_usage_error(cli: Cli, lasting: str) -> None:
    """There is no such date."""
    result = cli("exempt", "stop-idle-instances", "i-1", "--for", lasting, "--reason", "audit")
    assert result.exit_code == 64
    assert "at most 365000d" in result.stderr


@pytest.mark.parametrize(("ends", "says"), [("0001-01-01", "is over"), ("9999-12-31", "90 days at most")])
def test_the_first_and_the_last_day_are_days(cli: Cli, ends: str, says: str) -> None:
    """The one is over, the other too far."""
    result = cli("exempt", "stop-idle-instances", "i-1", "--until", ends, "--reason", "audit")
    assert result.exit_code == 4
    assert says in result.stderr


def test_pausing_a_misspelt_policy_pauses_nothing(cli: Cli, store: SqlStore) -> None:
    """Whoever believes in a pause that is none would be wrong about everything after."""
    result = cli("pause", "stop-idle-instance")
    assert result.exit_code == 4
    assert "did you mean 'stop-idle-instances'" in result.stderr
    with store.transaction() as tx:
        assert tx.decisions.pauses() == []


def test_pause_and_resume_everything(cli: Cli, store: SqlStore) -> None:
    """Without a name, the switch is for all."""
    assert cli("pause", "--reason", "incident").exit_code == 0
    with store.transaction() as tx:
        assert [str(one).endswith("incident") for one in tx.decisions.pauses()] == [True]
    assert json.loads(cli("resume", "--reason", "over", "--json").stdout) == {"paused": []}


def test_an_account_is_paused_and_listed(cli: Cli) -> None:
    """With who, why and from where; a misspelt id is a usage error."""
    assert cli("pause", "--account", "11112222333").exit_code == 64
    assert cli("pause", "--account", "111122223333", "--reason", "audit", "--by", "ada").exit_code == 0
    (listed,) = json.loads(cli("pauses", "--json").stdout)
    assert (listed["policy"], listed["account"], listed["by"]) == ("*", "111122223333", "ada")
    assert (listed["reason"], listed["origin"][:4]) == ("audit", "cli ")
    assert "account 111122223333" in cli("pauses").stdout
    assert cli("resume", "--account", "111122223333", "--reason", "audited", "--by", "ada").exit_code == 0


def test_pausing_an_account_that_nobody_knows_says_so(cli: Cli, store: SqlStore) -> None:
    """Twelve digits of which one is wrong hold nothing; it may be found later, so that it is a pause all the same."""
    there = KnownScope(scope=Scope(account="111122223333", region="eu-west-1"), name="", found_at=datetime.now(UTC))
    with store.transaction() as tx:
        tx.scopes.save([there])
    assert "was found" not in cli("pause", "--account", "111122223333").stderr
    assert "was found" not in cli("pause").stderr
    unknown = cli("pause", "--account", "111122223339")
    assert (unknown.exit_code, "no account 111122223339 was found so far" in unknown.stderr) == (0, True)


@pytest.mark.parametrize(
    "words",
    ["resume", "undo a-1", "exemptions revoke e-1", "restore b.db", "trust stop-idle-instances", "approve p-1"],
)
def test_what_lifts_a_hold_says_why(cli: Cli, store: SqlStore, words: str) -> None:
    """Or it is not done: an empty word is no reason either."""
    cli("pause")
    for given in ((), ("--reason", " ")):
        result = cli(*words.split(), *given)
        assert (result.exit_code, "a decision needs a reason: add --reason" in result.stderr) == (4, True)
    with store.reading() as tx:
        assert [entry.event for entry in tx.journal.entries()] == ["paused"]


def test_resuming_what_is_not_paused_ends_with_4(cli: Cli) -> None:
    """Nothing was done, and the code says so."""
    result = cli("resume", "stop-idle-instances", "--reason", "over")
    assert result.exit_code == 4
    assert "there is no pause of policy stop-idle-instances: `cloudwarden pauses`" in result.stderr


def test_trust_covers_the_scopes_that_were_read(cli: Cli, store: SqlStore) -> None:
    """By this very version; of a scope that its sweep could not read nobody has seen anything. A pause is said."""
    assert "has not swept yet" in cli("trust", "stop-idle-instances", "--reason", "looked").stderr
    now, account = datetime.now(UTC), "111122223333"
    read = ScopeRun(scope=Scope(account=account, region="eu-west-1"), read_at=now, matches=3)
    blind = ScopeRun(scope=Scope(account=account, region="us-east-1"), read_at=now - timedelta(hours=1))
    unaccepted = ScopeRun(scope=Scope(account=account, region="us-west-2"), read_at=now)
    run = PolicyRun(policy="stop-idle-instances", run_id="r-1", started_at=now, population=3, fingerprint="older")
    with store.transaction() as tx:
        tx.runs.save(run, [read, blind])
        tx.scopes.save([KnownScope(scope=unaccepted.scope, name="", found_at=now)])
    older = cli("trust", "stop-idle-instances", "--reason", "looked")
    version = re.search(r"version (\w+) of policy 'stop-idle-instances' has not swept yet", older.stderr)
    assert version is not None
    with store.transaction() as tx:
        tx.runs.save(replace(run, fingerprint=version[1]), [read, blind, unaccepted])
    cli("pause", "--reason", "all stop", "--by", "ada")
    result = cli("trust", "stop-idle-instances", "--json", "--reason", "looked")
    assert "paused: everything by ada" in result.stderr
    given = json.loads(result.stdout)
    assert (given["scopes"], given["left_out"]) == ([f"{account}/eu-west-1"], [f"{account}/us-east-1"])
    assert "its mode here is propose" in result.stderr
    assert f"but not in {account}/us-east-1" in result.stderr
    assert f"but not in {account}/us-west-2: nobody accepted them" in result.stderr
    assert given["waiting"] == [f"{account}/us-west-2"]
    with store.reading() as tx:
        assert tx.runs.matches("stop-idle-instances") == [3]


def test_trust_is_taken_back(cli: Cli, store: SqlStore) -> None:
    """Of any version, with its why, and once: what nobody trusts is told so."""
    with store.transaction() as tx:
        tx.decisions.trust(
            "stop-idle-instances", "old", [Scope(account="1" * 12, region="eu-west-1")], datetime.now(UTC)
        )
    assert cli("distrust", "stop-idle-instances").exit_code == 4
    result = cli("distrust", "stop-idle-instances", "--reason", "too eager", "--by", "ada")
    assert (result.exit_code, "trusted nowhere any more" in result.stdout) == (0, True)
    with store.reading() as tx:
        assert not tx.decisions.trusted("stop-idle-instances", "old")
        (entry,) = tx.journal.entries()
    assert (entry.event, entry.details["by"], entry.details["reason"]) == ("distrusted", "ada", "too eager")
    again = cli("distrust", "stop-idle-instances", "--reason", "too eager")
    assert (again.exit_code, "is not trusted anywhere" in again.stderr) == (4, True)
