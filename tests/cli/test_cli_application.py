"""The command line as a whole: help, settings, checks, the journal, and how errors end it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloudwarden.cli import app
from cloudwarden.cli.application import application
from cloudwarden.cli.exits import Exit, exit_for
from cloudwarden.core import errors
from cloudwarden.core.finding import Finding
from cloudwarden.store import own

Keep = Callable[..., Finding]
Cli = Callable[..., Result]
VERBS = (
    *("demo", "run", "once", "check", "explain", "findings", "proposals", "approve", "reject"),
    *("exempt", "pause", "resume", "trust", "settings", "journal"),
)


def test_help_names_every_verb_and_every_exit_code() -> None:
    """Whoever asks for help learns what there is and what a script may rely on."""
    text = " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())
    assert [verb for verb in VERBS if f" {verb} " not in text] == []
    assert "0 nothing found" in text
    assert "4 the store or the daemon could not do it" in text


@pytest.mark.parametrize("words", [["--nonsense"], ["nonsense"], ["approve"], ["findings", "--state", "nonsense"]])
def test_a_wrong_command_line_ends_with_64(words: list[str]) -> None:
    """Not with 2, which means that something could not be judged."""
    assert CliRunner().invoke(app, words).exit_code == Exit.USAGE


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SettingsError("x"), 3),
        (errors.PolicyError("x"), 3),
        (errors.Throttled("x"), 2),
        (errors.AlreadyRunning("x"), 4),
        (errors.StoreBusy("x"), 4),
    ],
)
def test_each_kind_of_error_has_its_code(error: errors.CloudwardenError, code: int) -> None:
    """A script can tell whose fault it is."""
    assert exit_for(error) == code


def test_check_lists_what_is_loaded(cli: Cli) -> None:
    """The params and mode that would be in force are shown."""
    result = cli("check", "--json")
    assert result.exit_code == 0
    (policy,) = json.loads(result.stdout)["policies"]
    assert (policy["name"], policy["mode"], policy["kind"]) == ("stop-idle-instances", "propose", "ec2.instance")


def test_check_ends_with_3_and_names_file_and_line(cli: Cli, home: Path) -> None:
    """A broken file is a problem of its own; the others are still listed."""
    (home / "policies" / "broken.py").write_text('"""Broken."""\n\ndef broken(:\n')
    result = cli("check")
    assert result.exit_code == 3
    assert "broken.py:3" in result.stdout
    assert "stop-idle-instances" in result.stdout


def test_check_says_in_which_folders_files_are_not_read(cli: Cli, home: Path) -> None:
    """They are no fault, as tests of policies may be there; but who put a policy there believes that it runs."""
    for folder, file in (
        ("team", "stop.py"),
        ("team/more", "x.py"),
        ("tests", "test_stop.py"),
        ("__pycache__", "y.py"),
    ):
        (home / "policies" / folder).mkdir(exist_ok=True)
        (home / "policies" / folder / file).write_text("")
    result = cli("check", "--json")
    assert result.exit_code == 0
    (unread,) = json.loads(result.stdout)["unread"]
    assert unread.startswith(f"{home}/policies/team: ")
    assert unread in cli("check").stderr


def test_check_reads_the_file_of_prices(cli: Cli, home: Path) -> None:
    """The daemon would not start with it."""
    (home / "prices.toml").write_text('source = "x"\n[[prices]]\nregions = ["eu-west-1"]\n')
    before = (home / "cloudwarden.toml").read_text()
    (home / "cloudwarden.toml").write_text(f'prices_file = "{home}/prices.toml"\n{before}')
    assert cli("check").exit_code == 0
    (home / "prices.toml").write_text('source = "x"\nprices = "cheap"\n')
    result = cli("check", "--json")
    assert result.exit_code == 3
    assert "prices_file" in result.stdout


def test_bad_settings_end_with_3_and_no_traceback(cli: Cli, home: Path) -> None:
    """A misspelt key is named, on stderr."""
    with (home / "cloudwarden.toml").open("a") as settings:
        settings.write("ceilling = 'observe'\n")
    result = cli("findings")
    assert result.exit_code == 3
    assert "ceiling" in result.stderr
    assert "Traceback" not in result.output


def test_settings_mask_secrets(cli: Cli, home: Path) -> None:
    """What is secret does not reach a terminal or a script."""
    with (home / "cloudwarden.toml").open("a") as settings:
        settings.write("[aws]\nrole_arn = 'arn:aws:iam::111122223333:role/r'\nexternal_id = 'sesame'\n")
    for words in (("settings",), ("settings", "--json")):
        result = cli(*words)
        assert result.exit_code == 0
        assert "sesame" not in result.output
        assert "role/r" in result.stdout


def test_a_database_that_cannot_be_opened_ends_with_4(cli: Cli, home: Path) -> None:
    """A damaged file is told in a sentence."""
    (home / "cloudwarden.db").write_bytes(b"this is no database at all, whatever its name says" * 100)
    result = cli("findings")
    assert result.exit_code == 4
    assert "cloudwarden.db" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("verb", ["once", "run"])
def test_a_store_that_somebody_owns_ends_with_4(cli: Cli, home: Path, verb: str) -> None:
    """Two daemons never share a store."""
    with own(f"sqlite:///{home}/cloudwarden.db"):
        result = cli(verb)
    assert result.exit_code == 4
    assert "another daemon" in result.stderr


def test_explaining_an_unknown_policy_ends_with_4(cli: Cli) -> None:
    """The nearest name is offered before anything is read."""
    result = cli("explain", "stop-idle-instnces", "i-1")
    assert result.exit_code == 4
    assert "did you mean 'stop-idle-instances'" in result.stderr


def test_the_journal_is_listed_in_order(cli: Cli, keep: Keep) -> None:
    """Decisions show with who took them."""
    keep("i-1")
    cli("approve", "p-i-1", "--by", "ada", "--reason", "looked")
    cli("pause", "--by", "bob")
    entries = json.loads(cli("journal", "list", "--json").stdout)
    assert [(entry["event"], entry["details"]["by"]) for entry in entries] == [
        ("proposal_approved", "ada"),
        ("paused", "bob"),
    ]
    assert [entry["event"] for entry in json.loads(cli("journal", "list", "--after", "1", "--json").stdout)] == [
        "paused"
    ]


def test_an_altered_journal_is_found_out(cli: Cli, home: Path) -> None:
    """A changed word breaks the chain, and the code says so."""
    cli("pause", "--by", "bob")
    assert cli("journal", "verify").exit_code == 0
    database = sqlite3.connect(home / "cloudwarden.db")
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
    for name in names:
        database.execute(f'DROP TRIGGER "{name}"')
    database.execute("UPDATE journal SET details = replace(details, 'bob', 'eve')")
    database.commit()
    database.close()
    result = cli("journal", "verify", "--json")
    assert (result.exit_code, json.loads(result.stdout)["ok"]) == (4, False)


def test_what_nobody_foresaw_does_not_end_with_the_code_of_findings() -> None:
    """A script that reads 1 believes that there are findings."""
    verbs = application()

    @verbs.command()
    def broken() -> None:
        raise RuntimeError("no such luck")

    result = CliRunner().invoke(verbs, ["broken"])
    assert result.exit_code == Exit.NOT_DONE
    assert "RuntimeError: no such luck" in result.stderr


def test_a_database_out_of_reach_ends_with_4(home: Path, cli_without_store: Cli) -> None:
    """As for an ordinary user beside the systemd unit: the state directory is the service's alone."""
    beyond = home / ("too-long-a-name" * 20)
    (home / "cloudwarden.toml").write_text(f'policies = "{home}/policies"\ndatabase = "sqlite:///{beyond}/x.db"\n')
    result = cli_without_store("findings")
    assert result.exit_code == Exit.NOT_DONE
    assert "cannot look there" in result.stderr
    assert "Traceback" not in result.stderr
