"""How every mistake in the settings is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from cloudwarden.core.errors import SettingsError
from cloudwarden.settings import Settings, load_settings
from written_settings import problems, written


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("prot = 1", "settings.toml: prot: unknown; write port"),
        ("[aws]\nregion = ['x']", "settings.toml: aws.region: unknown; write aws.regions"),
        ("[policy.a]\nmod = 'observe'", "settings.toml: policy.a.mod: unknown; write policy.a.mode"),
        (
            "[policy.a.limit]\nper_rum = 1",
            "settings.toml: policy.a.limit.per_rum: unknown; write policy.a.limit.per_run",
        ),
        (
            "[policy.a.limit]\nzzz = 1",
            "settings.toml: policy.a.limit.zzz: unknown; known here are per_run",
        ),
        ("ceiling = 'enforced'", "settings.toml: ceiling = 'enforced': write \"enforce\""),
        ("port = 70000", "settings.toml: port = 70000: Input should be less than or equal to 65535"),
        ("port = 'http'", "settings.toml: port = 'http': Input should be a valid integer"),
        ("log_format = 'xml'", "settings.toml: log_format = 'xml': Input should be 'auto', 'json' or 'console'"),
        ("rejection = 7", 'settings.toml: rejection = 7: write a number with its unit, such as "30s"'),
        ("rejection = '7 days'", "settings.toml: rejection = '7 days': write a number with its unit"),
        ("rejection = '0s'", "settings.toml: rejection = '0s': Input should be greater than 0"),
        ("database = 'cloudwarden.db'", "settings.toml: database: write a URL, such as sqlite:////var"),
        (
            "database = 'postgresql://ada:sesame@x/y'",
            "settings.toml: database: postgresql is not supported; write an SQL",
        ),
        ("database = 'a:b@x://y'", "settings.toml: database: this is not supported; write an SQLite URL"),
        ("aws = 3", "settings.toml: aws = 3: Input should be a valid dictionary"),
        ("[policy.a]\nevery = '1h'\ncron = '1 * * * *'", "settings.toml: policy.a: write either every, or cron"),
        ("_env_file = 'x'", "settings.toml: _env_file: unknown; write prices_file"),
        ("port = =", "settings.toml: is not TOML: Invalid value (at line 1, column 8)"),
    ],
)
def test_a_mistake_in_the_file_names_key_file_and_what_to_write(text: str, problem: str) -> None:
    """At any depth, unknown keys with the nearest known one."""
    (told,) = problems(text)
    assert told.startswith(problem)


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("CLOUDWARDEN_PROT", "1", "unknown; write CLOUDWARDEN_PORT"),
        ("CLOUDWARDEN_AWS_REGIONS", "x", "unknown; write CLOUDWARDEN_AWS__REGIONS"),
        ("CLOUDWARDEN_AWS__REGION", "x", "unknown; write CLOUDWARDEN_AWS__REGIONS"),
        ("CLOUDWARDEN_PORT__X", "1", "unknown; write CLOUDWARDEN_PORT"),
        ("CLOUDWARDEN_CONFG", "x", "unknown; write CLOUDWARDEN_CONFIG"),
        ("CLOUDWARDEN_POLICY__A_B__EVRY", "1m", "unknown; write CLOUDWARDEN_POLICY__A_B__EVERY"),
        ("CLOUDWARDEN_PORT", "http", "port = 'http': Input should be a valid integer"),
        ("CLOUDWARDEN_CEILING", "act", 'ceiling = \'act\': write "observe", "propose" or "enforce"'),
        ("CLOUDWARDEN_AWS", "eu", "is a table; write one variable per key, such as CLOUDWARDEN_AWS__REGIONS"),
        ("CLOUDWARDEN_WINDOW", "foo", "is a list of tables; write it as JSON"),
        ("CLOUDWARDEN_FREEZE", "soon", "is a list of tables; write it as JSON"),
        ("CLOUDWARDEN_FREEZE", '{"reason": "x"}', "is a list of tables; write it as JSON"),
        ("CLOUDWARDEN_POLICY__A", "x", "is a table; write one variable per key, such as CLOUDWARDEN_POLICY__A__MODE"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, problem: str
) -> None:
    """A mistyped variable is not silently ignored."""
    monkeypatch.setenv(variable, value)
    (told,) = problems()
    assert told.startswith(f"environment {variable}: {problem}")


@pytest.mark.parametrize("value", ["ops,tag:owner", '["ops", "tag:owner"]'])
def test_a_list_of_words_is_written_with_commas_or_as_json(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Deep in a table too."""
    monkeypatch.setenv("CLOUDWARDEN_POLICY__A_B__NOTICE__OWNERS", value)
    notice = load_settings(written("")).policy["a-b"].notice
    assert notice is not None
    assert notice.owners == ("ops", "tag:owner")


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """File and environment, unknown keys and wrong values."""
    monkeypatch.setenv("CLOUDWARDEN_THREADS", "many")
    monkeypatch.setenv("CLOUDWARDEN_HOTS", "x")
    found = problems("prot = 1\nlog_level = 'loud'\n[aws]\nattempts = 0\n")
    starts = [one.partition(" = ")[0] if " = " in one else one.rpartition(": ")[0] for one in found]
    assert sorted(starts) == [
        "environment CLOUDWARDEN_HOTS",
        "environment CLOUDWARDEN_THREADS: threads",
        "settings.toml: aws.attempts",
        "settings.toml: log_level",
        "settings.toml: prot",
    ]


@pytest.mark.parametrize("named", ["argument", "variable"])
def test_a_named_file_that_does_not_exist_is_an_error(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    """Running with defaults instead would run the wrong policies."""
    missing = Path("missing.toml")
    if named == "variable":
        monkeypatch.setenv("CLOUDWARDEN_CONFIG", str(missing))
    with pytest.raises(SettingsError, match=r"missing\.toml: cannot be read: No such file"):
        load_settings(missing if named == "argument" else None)


def test_a_file_that_is_not_text_is_an_error() -> None:
    """It is said of which file."""
    Path("settings.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"settings\.toml: is not UTF-8"):
        load_settings(Path("settings.toml"))


def test_no_error_repeats_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs keep error texts."""
    monkeypatch.setenv("CLOUDWARDEN_DATABASE", "user:hush@host/db")
    found = problems('[aws]\nexternal_id = ["hush"]\nendpoint_url = "ftp://user:hush@host"\n')
    assert len(found) == 3
    assert "hush" not in "".join(found)
    with pytest.raises(ValidationError) as caught:
        Settings(database="user:hush@host")
    assert "hush" not in str(caught.value)


def test_a_usual_file_of_which_nobody_can_tell_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a directory that this user may not enter, say: other settings than the daemon's would be in force."""
    monkeypatch.chdir(tmp_path)
    Path("cloudwarden.toml").symlink_to("too-long-a-name" * 20)
    with pytest.raises(SettingsError, match=r"cloudwarden\.toml: cannot be read: File name too long"):
        load_settings()
