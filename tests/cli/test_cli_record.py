"""Which database a verb speaks to: none is made by asking, and every decision says where it is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloudwarden.cli import app
from cloudwarden.store import SqlStore, own

Cli = Callable[..., Result]

VERBS = (
    *("findings", "proposals", "proposals show p-1", "actions", "scopes", "pauses", "notices", "exemptions list"),
    *("journal list", "journal export", "journal verify", "pause", "pause stop-idle-instances", "resume --reason x"),
    *("approve p-1 --reason x", "reject p-1 --reason x", "snooze p-1 --for 1d --reason x", "undo a-1 --reason x"),
    *("exempt * i-1 --for 1d --reason x", "exemptions revoke e-1 --reason x", "trust stop-idle-instances --reason x"),
    *("distrust stop-idle-instances --reason x", "accept 111122223333 --reason x", "explain stop-idle-instances i-1"),
)


@pytest.mark.parametrize("words", VERBS)
def test_a_verb_makes_no_database(cli_without_store: Cli, home: Path, words: str) -> None:
    """Somebody who pauses in the wrong directory would believe that nothing is done any more."""
    result = cli_without_store(*words.split())
    assert result.exit_code == 64, result.output
    assert f"{home}/cloudwarden.db: there is no database" in result.stderr
    assert f"what `database` in {home}/cloudwarden.toml names" in result.stderr
    assert "--config FILE" in result.stderr
    assert not list(home.glob("cloudwarden.db*"))


@pytest.mark.parametrize(
    ("settings", "variable", "why"),
    [
        (None, "", "the default in the directory {home}: no settings file was found"),
        ("threads = 4\n", "", "the default in the directory {home}: cloudwarden.toml says nothing of it"),
        ("", "sqlite:///{home}/other.db", "what CLOUDWARDEN_DATABASE names"),
    ],
)
def test_what_named_the_database_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, settings: str | None, variable: str, why: str
) -> None:
    """Only so can anybody tell what to write instead."""
    (home / "cloudwarden.toml").unlink()
    if settings is not None:
        (home / "cloudwarden.toml").write_text(settings)
    monkeypatch.setenv("CLOUDWARDEN_DATABASE", variable.format(home=home))
    result = CliRunner().invoke(app, ["pause"])
    assert (result.exit_code, why.format(home=home) in result.stderr) == (64, True), result.stderr


def test_a_database_in_memory_keeps_no_decision(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end with the verb."""
    monkeypatch.setenv("CLOUDWARDEN_DATABASE", "sqlite://")
    result = CliRunner().invoke(app, ["--config", str(home / "cloudwarden.toml"), "pause"])
    assert (result.exit_code, "ends with the process" in result.stderr) == (64, True)


@pytest.mark.parametrize("words", ["pause", "exempt * i-1 --for 1d --reason x"])
def test_a_decision_says_where_it_is_kept_and_whether_a_daemon_reads_it(cli: Cli, home: Path, words: str) -> None:
    """A pause in a database that nobody owns holds nothing elsewhere."""
    told = f"kept in {home}/cloudwarden.db, which"
    assert f"{told} NO daemon owns at the moment" in cli(*words.split()).stderr
    with own(f"sqlite:///{home}/cloudwarden.db"):
        assert f"{told} the daemon (pid {os.getpid()}) reads" in cli(*words.split()).stderr


def test_a_colleagues_pause_is_not_ended_by_chance(cli: Cli, store: SqlStore) -> None:
    """Theirs stays under mine, and both are told to whoever pauses and to whoever resumes."""
    cli("pause", "--by", "ada", "--reason", "incident-4711-hands-off")
    again = cli("pause", "--by", "bob", "--reason", "deploy")
    assert "before that, everything was paused by ada at" in again.stderr
    assert "`resume --others`" in again.stderr
    refused = cli("resume", "--by", "bob", "--reason", "deployed")
    assert (refused.exit_code, "incident-4711-hands-off" in refused.stderr) == (4, True)
    (listed,) = json.loads(cli("pauses", "--json").stdout)
    assert (listed["by"], listed["reason"], len(listed["earlier"])) == ("bob", "deploy", 1)
    assert "incident-4711-hands-off" in cli("pauses").stdout
    ended = cli("resume", "--by", "bob", "--reason", "ada agreed", "--others")
    assert (ended.exit_code, "ended: everything was paused by bob" in ended.stderr) == (0, True)
    assert "incident-4711-hands-off" in ended.stderr
    with store.reading() as tx:
        assert "paused by ada" in tx.journal.entries()[-1].details["ended"]  # type: ignore[operator]  # it is text


def test_a_pause_of_ones_own_needs_no_word(cli: Cli) -> None:
    """However often it was said."""
    for reason in ("incident", "still"):
        assert "--others" not in cli("pause", "--by", "ada", "--reason", reason).stderr
    assert "everything was paused by ada" in cli("resume", "--by", "ada", "--reason", "over").stderr
    assert json.loads(cli("pauses", "--json").stdout) == []
