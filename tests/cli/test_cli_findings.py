"""Findings are listed and filtered; proposals are listed and decided."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from typer.testing import Result

from cloudwarden.core.finding import Finding, ProposalState, State
from cloudwarden.core.resource import Scope
from cloudwarden.engine.decide import Decider, approve
from cloudwarden.ports import PolicyRun, ScopeRun
from cloudwarden.store import SqlStore

Keep = Callable[..., Finding]
Cli = Callable[..., Result]
SCOPE = Scope(account="111122223333", region="eu-west-1")


def state_of(store: SqlStore, proposal_id: str) -> ProposalState:
    """The state of a proposal in the store."""
    with store.transaction() as tx:
        proposal = tx.proposals.get(proposal_id)
    assert proposal is not None
    return proposal.state


def test_no_finding_ends_with_0(cli: Cli, store: SqlStore) -> None:
    """Where a sweep read what there is, nothing is found."""
    now = datetime.now(UTC)
    with store.transaction() as tx:
        run = PolicyRun(policy="stop-idle-instances", run_id="r", started_at=now, population=1)
        tx.runs.save(run, [ScopeRun(scope=SCOPE, read_at=now)])
    result = cli("findings", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, [])


def test_findings_end_with_1_and_say_why(cli: Cli, keep: Keep) -> None:
    """A standing finding is listed with its evidence, and the code says that there is one."""
    keep("i-1")
    result = cli("findings", "--json")
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)
    assert (found["resource"], found["state"], found["summary"]) == ("i-1", "proposed", "idle for six hours")
    assert found["evidence"] == [{"question": "CPU below 5 %", "answer": "yes: at most 1 %"}]


def test_findings_are_filtered_by_policy_and_state(cli: Cli, keep: Keep) -> None:
    """Both filters hold together."""
    keep("i-1")
    keep("i-2", state=State.OPEN)
    keep("i-3", policy="another-policy", state=State.OPEN)
    result = cli("findings", "--policy", "stop-idle-instances", "--state", "open", "--json")
    assert [one["resource"] for one in json.loads(result.stdout)] == ["i-2"]


def test_closed_findings_are_listed_when_asked_for(cli: Cli, keep: Keep) -> None:
    """What was fixed shows with --all or with its state, and not otherwise."""
    keep("i-1", state=State.FIXED)
    assert json.loads(cli("findings", "--json").stdout) == []
    for words in (("--all",), ("--state", "fixed")):
        assert [one["resource"] for one in json.loads(cli("findings", *words, "--json").stdout)] == ["i-1"]


def test_a_table_keeps_ids_whole_when_piped(cli: Cli, keep: Keep) -> None:
    """An id that was cut cannot be copied."""
    keep("i-0123456789abcdef0", name="a-rather-long-name-of-an-instance-that-somebody-gave-it")
    assert "p-i-0123456789abcdef0" in cli("proposals").stdout
    assert "i-0123456789abcdef0" in cli("findings").stdout


@pytest.mark.parametrize("verb", ["findings", "proposals"])
def test_a_table_says_in_which_account_and_region(cli: Cli, keep: Keep, verb: str) -> None:
    """People choose names of databases and buckets, and a thousand accounts have the same."""
    assert str(keep("orders").scope) in cli(verb).stdout


def test_a_name_cannot_speak_to_the_terminal(cli: Cli, keep: Keep) -> None:
    """Escape sequences and markup in a resource's name are shown, not obeyed."""
    keep("i-1", name="\x1b[2J[red]evil")
    output = cli("findings").stdout
    assert "\x1b" not in output
    assert "[red]evil" in output


def test_approving_is_kept_and_journalled(cli: Cli, keep: Keep, store: SqlStore) -> None:
    """The decision, who took it, from where and why are in the store."""
    keep("i-1")
    result = cli("approve", "p-i-1", "--reason", "not needed", "--by", "ada")
    assert result.exit_code == 0
    assert state_of(store, "p-i-1") is ProposalState.APPROVED
    with store.transaction() as tx:
        (entry,) = tx.journal.entries()
    assert (entry.event, entry.details["by"], entry.details["reason"]) == ("proposal_approved", "ada", "not needed")
    assert str(entry.details["origin"]).startswith("cli ")


@pytest.mark.parametrize("words", [("approve",), ("reject",), ("snooze", "--for", "3d")])
@pytest.mark.parametrize("reason", [(), ("--reason", " ")])
def test_a_decision_needs_a_reason(
    cli: Cli, keep: Keep, store: SqlStore, words: tuple[str, ...], reason: tuple[str, ...]
) -> None:
    """Nobody can judge later what nobody explained."""
    keep("i-1")
    result = cli(*words, "p-i-1", *reason)
    assert (result.exit_code, "needs a reason" in result.stderr) == (4, True)
    assert state_of(store, "p-i-1") is ProposalState.PENDING


def test_approving_says_that_no_daemon_runs(cli: Cli, keep: Keep) -> None:
    """Nothing happens until a daemon runs, and the operator is told."""
    keep("i-1")
    assert "no daemon seems to be running" in cli("approve", "p-i-1", "--reason", "looked").stdout


def test_approving_says_that_a_daemon_acts_soon(cli: Cli, keep: Keep, home: Path) -> None:
    """A held lock is a daemon at work."""
    keep("i-1")
    with (home / "cloudwarden.db.lock").open("w") as lock:
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = cli("approve", "p-i-1", "--reason", "looked")
    assert f"the daemon (pid {os.getpid()})" in result.stdout


def test_approving_says_what_holds_it_all_the_same(cli: Cli, keep: Keep, home: Path) -> None:
    """Whoever approves into a pause or a freeze is not left to wait for what does not come."""
    keep("i-1")
    keep("i-2")
    freeze = '[[freeze]]\nbegins = 2020-01-01T00:00:00Z\nuntil = 2100-01-01T00:00:00Z\nreason = "year-end close"\n'
    with (home / "cloudwarden.toml").open("a") as settings:
        settings.write(freeze)
    frozen = cli("approve", "p-i-1", "--reason", "looked").stderr
    assert "p-i-1 is held for now: frozen until 2100-01-01 00:00Z: year-end close" in frozen
    cli("pause", "--reason", "all stop", "--by", "ada")
    assert "p-i-2 is held for now: everything was paused by ada" in cli("approve", "p-i-2", "--reason", "looked").stderr


def test_approving_says_that_settings_were_edited(cli: Cli, keep: Keep, home: Path) -> None:
    """They are not in force, and the daemon does nothing before a restart where they say what may be done."""
    keep("i-1")
    keep("i-2")
    with (home / "cloudwarden.db.lock").open("w") as lock:
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = (home / "cloudwarden.db.lock").stat().st_mtime
        os.utime(home / "cloudwarden.toml", (began - 60, began - 60))
        assert "held" not in cli("approve", "p-i-1", "--reason", "looked").stderr
        os.utime(home / "cloudwarden.toml", (began + 60, began + 60))
        edited = cli("approve", "p-i-2", "--reason", "looked").stderr
    assert f"p-i-2 may be held for now: {home}/cloudwarden.toml was edited since the daemon" in edited


def test_approving_says_that_it_is_not_what_the_policy_wants_by_now(cli: Cli, keep: Keep, home: Path) -> None:
    """The file wants two since, and the proposal is of before."""
    keep("i-1")
    file = home / "policies" / "idle.py"
    file.write_text(
        file.read_text()
        .replace("import PROPOSE,", "import PROPOSE, Approval,")
        .replace("mode=PROPOSE,", "mode=PROPOSE, approval=Approval(quorum=2),")
    )
    assert "p-i-1 is held for now: the terms of approval changed" in cli("approve", "p-i-1", "--reason", "seen").stderr


def test_a_pause_is_said_where_it_holds_what_is_shown(cli: Cli, keep: Keep) -> None:
    """In one line beside the table, and none of it in JSON."""
    keep("i-1")
    cli("pause", "stop-idle-instances", "--reason", "all stop", "--by", "ada")
    for words in (("findings",), ("proposals",), ("proposals", "show", "p-i-1")):
        shown = cli(*words, "--json")
        assert "paused: policy stop-idle-instances by ada since" in shown.stderr
        assert shown.stderr.strip().endswith("all stop")
        assert "paused" not in shown.stdout
    keep("i-2", policy="another")
    assert cli("findings", "--policy", "another").stderr == ""
    cli("reject", "p-i-1", "--reason", "no")
    assert cli("proposals", "show", "p-i-1").stderr == ""


def test_an_unknown_id_ends_with_4_and_approves_nothing(cli: Cli, keep: Keep, store: SqlStore) -> None:
    """All of the named proposals are approved, or none."""
    keep("i-1")
    result = cli("approve", "p-i-1", "p-none", "--reason", "looked")
    assert result.exit_code == 4
    assert "no proposal 'p-none'" in result.stderr
    assert "Traceback" not in result.output
    assert state_of(store, "p-i-1") is ProposalState.PENDING


def test_rejecting_puts_the_finding_off(cli: Cli, keep: Keep, store: SqlStore) -> None:
    """A rejected proposal is not made again for a while."""
    keep("i-1")
    assert cli("reject", "p-i-1", "--reason", "month end").exit_code == 0
    assert state_of(store, "p-i-1") is ProposalState.REJECTED
    with store.transaction() as tx:
        finding = tx.findings.get("f-i-1")
    assert finding is not None
    assert finding.snoozed_until is not None
    assert "rejected by" in (finding.held or "")
    assert "month end" in (finding.held or "")


def test_json_of_a_decision_is_all_that_stdout_gets(cli: Cli, keep: Keep) -> None:
    """Notices go to stderr, so that a script can read stdout."""
    keep("i-1")
    result = cli("approve", "p-i-1", "--json", "--reason", "looked")
    assert [one["state"] for one in json.loads(result.stdout)] == ["approved"]
    assert "daemon" in result.stderr


def test_a_proposal_is_put_off_for_a_time(cli: Cli, keep: Keep, store: SqlStore) -> None:
    """Of the operator's choice; the finding stands."""
    finding = keep("i-1")
    result = cli("snooze", "p-i-1", "--for", "3d", "--reason", "a load test runs")
    assert result.exit_code == 0, result.stderr
    assert "put off p-i-1" in result.stdout
    with store.reading() as tx:
        found = tx.findings.get(finding.id)
    assert found is not None
    assert found.snoozed_until is not None
    assert timedelta(days=2) < found.snoozed_until - datetime.now(UTC) <= timedelta(days=3)
    shown = " ".join(cli("findings").stdout.split())
    assert f"until {found.snoozed_until:%Y-%m-%d %H:%M}Z: a load test runs" in shown


def test_a_proposal_is_put_off_until_a_day(cli: Cli, keep: Keep, store: SqlStore) -> None:
    """From midnight of UTC on it is proposed again; a day that is over is refused, and so are two ends, and none."""
    finding = keep("i-1")
    day = (datetime.now(UTC) + timedelta(days=5)).date()
    over = cli("snooze", "p-i-1", "--until", "2026-01-01", "--reason", "a load test runs")
    assert over.exit_code == 4
    assert "2026-01-01 00:00Z is over" in over.stderr
    for ends in ((), ("--until", f"{day}", "--for", "3d")):
        assert cli("snooze", "p-i-1", *ends, "--reason", "a load test runs").exit_code == 64
    assert cli("snooze", "p-i-1", "--until", f"{day}", "--reason", "a load test runs").exit_code == 0
    with store.reading() as tx:
        found = tx.findings.get(finding.id)
    assert found is not None
    assert found.snoozed_until == datetime.combine(day, time(), UTC)


def test_nothing_is_put_off_for_longer_than_it_may_be_exempt(cli: Cli, keep: Keep, home: Path) -> None:
    """By the settings, or by its policy: an exemption has an owner, and is warned about."""
    keep("i-1")
    refused = cli("snooze", "p-i-1", "--for", "3650d", "--reason", "never mind")
    assert refused.exit_code == 4
    assert "write --for 90d or less" in refused.stderr
    file = home / "policies" / "idle.py"
    file.write_text(
        file.read_text()
        .replace("import PROPOSE,", "import PROPOSE, days,")
        .replace("mode=PROPOSE,", "mode=PROPOSE, max_exemption=days(2),")
    )
    assert cli("snooze", "p-i-1", "--for", "3d", "--reason", "never mind").exit_code == 4
    told = cli("reject", "p-i-1", "--reason", "never mind").stdout
    assert f"not proposed again before {datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}" in told


def test_a_time_that_is_none_is_refused(cli: Cli, keep: Keep) -> None:
    """With what was written."""
    keep("i-1")
    result = cli("snooze", "p-i-1", "--for", "soon")
    assert result.exit_code == 64
    assert "--for soon" in result.stderr
    assert "at most 365000d" in cli("snooze", "p-i-1", "--for", "99999999d").stderr


def test_a_quorum_is_told(cli: Cli, keep: Keep, store: SqlStore) -> None:
    """Who approves first is told that it takes one more: another person, from another account."""
    keep("i-1")
    with store.transaction() as tx:
        proposal = tx.proposals.get("p-i-1")
        assert proposal is not None
        tx.proposals.save([replace(proposal, quorum=2)])
    assert "(1 of 2 have agreed)" in cli("approve", "p-i-1", "--by", "ada", "--reason", "looked").stdout
    assert "1 of 2 agreed" in " ".join(cli("proposals").stdout.split())
    other = Decider(by="grace", origin="test", reason="looked", now=datetime.now(UTC), user="grace")
    with store.transaction() as tx:
        approve(tx, "p-i-1", other)
    (shown,) = json.loads(cli("proposals", "--json").stdout)
    assert (shown["state"], shown["agreed"]) == ("approved", ["ada", "grace"])
