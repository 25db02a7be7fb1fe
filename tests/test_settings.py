"""Settings: where they come from, what they mean, and how every mistake in them is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from cloudwarden import ENFORCE, OBSERVE, PROPOSE
from cloudwarden.access import access_of
from cloudwarden.aws.access.account import OrganizationAccess
from cloudwarden.core.durations import duration
from cloudwarden.core.errors import SettingsError
from cloudwarden.settings import (
    AccountSettings,
    AwsSettings,
    LimitOverride,
    OrganizationSettings,
    PolicyOverride,
    Settings,
    bucket_of,
    effective,
    load_settings,
)
from cloudwarden.settings.effective import MASK, masked_url
from cloudwarden.settings.written import written_duration


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without settings."""
    monkeypatch.chdir(tmp_path)


def written(text: str) -> Path:
    """A settings file."""
    file = Path("settings.toml")
    file.write_text(text)
    return file


def problems(text: str = "") -> list[str]:
    """What is wrong with a settings file and the environment."""
    with pytest.raises(SettingsError) as caught:
        load_settings(written(text))
    return str(caught.value).splitlines()


def row(settings: Settings, name: str) -> tuple[str, str]:
    """The value and source that the settings verb shows."""
    return next((one.value, one.source) for one in effective(settings) if one.name == name)


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting that there is, by dotted name."""
    for name, field in model.model_fields.items():
        yield prefix + name, field
    tables: dict[str, type[BaseModel]] = {
        "aws": AwsSettings,
        "accounts": AccountSettings,
        "organization": OrganizationSettings,
        "policy": PolicyOverride,
        "limit": LimitOverride,
    }
    for name, inner in tables.items():
        if name in model.model_fields:
            yield from fields(inner, f"{prefix}{name}.")


def default_of(name: str, field: FieldInfo) -> str:
    """How a description should write a setting's default."""
    default = field.get_default(call_default_factory=True)
    if name.startswith("policy."):
        return "the policy's own"
    if default in (None, (), {}, ""):
        return "none"
    if isinstance(default, BaseModel):
        return "as below"
    return written_duration(default) if isinstance(default, timedelta) else str(default)


@pytest.mark.parametrize(("name", "field"), list(fields(Settings)))
def test_every_setting_says_its_unit_its_default_and_why(name: str, field: FieldInfo) -> None:
    """And the default that it says is the one that it has."""
    stated = re.escape(default_of(name, field))
    assert re.match(rf"[^:]+, (secret, )?default {stated}\b[^:]*: .{{20,}}", field.description or ""), field.description


def test_without_a_file_and_environment_the_defaults_hold() -> None:
    """Out of the box nothing listens to the network, and nothing acts alone."""
    settings = load_settings()
    assert (settings.host, settings.port, settings.ceiling) == ("127.0.0.1", 9464, PROPOSE)
    assert settings.file is None
    assert {one.source for one in effective(settings)} == {"default"}


def test_a_file_is_read_at_every_depth() -> None:
    """Tables, lists, modes and durations as they are written."""
    settings = load_settings(
        written(
            'ceiling = "enforce"\nrejection = "14d"\n[aws]\nregions = ["eu-central-1", "us-east-1"]\nattempts = 2\n'
            '[policy.stop-idle]\nmode = "observe"\nevery = "1h30m"\nparams = { window = "6h" }\n'
            "limit = { per_run = 1 }\n"
        )
    )
    assert (settings.ceiling, settings.rejection) == (ENFORCE, timedelta(days=14))
    assert (settings.aws.regions, settings.aws.attempts) == (("eu-central-1", "us-east-1"), 2)
    override = settings.policy["stop-idle"]
    assert (override.mode, override.every, override.grace) == (OBSERVE, timedelta(minutes=90), None)
    assert (override.params, override.limit) == ({"window": "6h"}, LimitOverride(per_run=1))


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Key by key: the rest of a table stays the file's."""
    monkeypatch.setenv("CLOUDWARDEN_PORT", "0")
    monkeypatch.setenv("CLOUDWARDEN_AWS__REGIONS", "eu-west-1, us-east-1")
    settings = load_settings(written('port = 1\nhost = "::1"\n[aws]\nregions = ["x"]\nprofile = "ops"\n'))
    assert (settings.port, settings.host) == (0, "::1")
    assert (settings.aws.regions, settings.aws.profile) == (("eu-west-1", "us-east-1"), "ops")


def test_a_policy_is_overridden_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Underscores stand for the dashes of its name, and what the file says of it stays."""
    monkeypatch.setenv("CLOUDWARDEN_POLICY__STOP_IDLE__MODE", "observe")
    monkeypatch.setenv("CLOUDWARDEN_POLICY__STOP_IDLE__PARAMS__PORTS", "[22, 443]")
    settings = load_settings(written('[policy.stop-idle]\ngrace = "1h"\nmode = "enforce"\n'))
    override = settings.policy["stop-idle"]
    assert (override.mode, override.grace) == (OBSERVE, timedelta(hours=1))
    assert override.params == {"ports": [22, 443]}


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass on what may not be set."""
    monkeypatch.setenv("CLOUDWARDEN_AWS__PROFILE", "")
    monkeypatch.setenv("CLOUDWARDEN_PORT", "")
    assert load_settings(written('port = 7\n[aws]\nprofile = "ops"\n')).aws.profile == "ops"


def test_the_file_is_the_one_named_or_a_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument first, then the variable, then the working directory."""
    for name, port in (("cloudwarden.toml", 1), ("variable.toml", 2), ("argument.toml", 3)):
        Path(name).write_text(f"port = {port}\n")
    assert load_settings().port == 1
    monkeypatch.setenv("CLOUDWARDEN_CONFIG", "variable.toml")
    assert load_settings().port == 2
    assert load_settings(Path("argument.toml")).port == 3
    assert load_settings().file == Path("variable.toml")


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


def test_settings_built_in_code_ignore_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What code states is meant."""
    monkeypatch.setenv("CLOUDWARDEN_PORT", "1")
    settings = Settings(host="::1")
    assert settings.port == 9464
    assert row(settings, "host") == ("::1", "argument")


def test_settings_cannot_be_changed() -> None:
    """Neither they nor their tables."""
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.aws.attempts = 1  # type: ignore[misc]


def test_the_effective_settings_say_where_each_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Value and source, for tables, lists and overrides too; an override's parts only if given."""
    monkeypatch.setenv("CLOUDWARDEN_AWS__REGIONS", "a,b")
    settings = load_settings(written('rejection = "90m"\n[policy.p]\nmode = "observe"\nparams = { window = "6h" }\n'))
    assert row(settings, "rejection") == ("1h30m", "file")
    assert row(settings, "aws.regions") == ("a, b", "environment")
    assert row(settings, "port") == ("9464", "default")
    overrides = [(one.name, one.value, one.source) for one in effective(settings) if one.name.startswith("policy.")]
    assert overrides == [("policy.p.mode", "observe", "file"), ("policy.p.params.window", "6h", "file")]
    assert all(one.about for one in effective(settings))


def test_the_effective_settings_show_no_secret() -> None:
    """The external id, and passwords in URLs."""
    settings = load_settings(
        written('database = "sqlite+x://user:hu@sh@host/db?password=hush"\n[aws]\nexternal_id = "hush"\n')
    )
    assert row(settings, "aws.external_id")[0] == MASK
    shown = "".join(one.value for one in effective(settings)) + repr(settings.aws)
    assert "hush" not in shown
    assert "hu@sh" not in shown


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db"),
        ("postgresql://host/db", "postgresql://host/db"),
        ("postgresql://user@host/db", "postgresql://user@host/db"),
        ("postgresql://user:p:w@host:5432/db", f"postgresql://user:{MASK}@host:5432/db"),
        ("postgresql://host/db?user=u&sslpassword=x&a=b", f"postgresql://host/db?user=u&sslpassword={MASK}&a=b"),
    ],
)
def test_a_url_loses_its_password_and_nothing_else(url: str, masked: str) -> None:
    """Operators recognise the database by the rest."""
    assert masked_url(url) == masked


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("15m", 900), ("6h", 21_600), ("14d", 1_209_600), ("1h30m", 5_400), ("0.5s", 0.5), ("1h 30m", 5_400)],
)
def test_a_duration_reads_as_it_is_written(text: str, seconds: float) -> None:
    """And is shown as it could be written."""
    assert duration(text) == timedelta(seconds=seconds)
    assert duration(written_duration(duration(text))) == duration(text)


@pytest.mark.parametrize("text", ["", "5", "h", "-5m", "5 minutes", "1e3s", "5M", "99999999999999d"])
def test_a_duration_without_a_unit_or_sense_is_refused(text: str) -> None:
    """A bare number would be minutes to one reader and seconds to the next."""
    with pytest.raises(ValueError, match="write a"):
        duration(text)


RESTRAINTS = """
[protect]
accounts = ["9999*"]
tags = ["env=prod", "hands-off"]
[quota]
per_day = 10
[[window]]
open = "mon-fri 09:00-17:00"
timezone = "Europe/Berlin"
accounts = ["1234*"]
holidays = [2026-12-25]
[[freeze]]
begins = 2026-12-20T00:00:00Z
until = 2027-01-04T00:00:00+01:00
reason = "year-end close"
policies = ["stop-*"]
"""


def test_restraints_are_read(tmp_path: Path) -> None:
    """Protection, windows, freezes and quotas, each with its reach."""
    file = tmp_path / "settings.toml"
    file.write_text(RESTRAINTS)
    restraints = load_settings(file).restraints
    assert restraints.protection.accounts == ("9999*",)
    assert [str(tag) for tag in restraints.protection.tags] == ["tag env=prod", "tag hands-off"]
    assert restraints.quota.per_day == 10
    ((reach, hours),) = restraints.windows
    assert (reach.covers("any", "123456789012"), reach.covers("any", "999999999999")) == (True, False)
    assert str(hours) == "mon,tue,wed,thu,fri 09:00-17:00 Europe/Berlin"
    ((reach, freeze),) = restraints.freezes
    assert (reach.covers("stop-idle", "1"), reach.covers("tag", "1")) == (True, False)
    assert str(freeze) == "frozen until 2027-01-03 23:00Z: year-end close"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[window]]\nopen = 'always'", "write days and hours, such as"),
        ("[[window]]\nopen = 'mon 09:00-17:00'\ntimezone = 'Mars'", "time zone 'Mars' is not known"),
        ("[[freeze]]\nbegins = 2026-12-20T00:00:00\nuntil = 2026-12-21T00:00:00Z\nreason = 'x'", "timezone info"),
        ("[[freeze]]\nbegins = 2026-12-20T00:00:00Z\nuntil = 2026-12-19T00:00:00Z\nreason = 'x'", "after begins"),
        ("[[freeze]]\nbegins = 2026-12-20T00:00:00Z\nuntil = 2026-12-21T00:00:00Z", "reason"),
        ("[protect]\ntags = ['=prod']", "'=prod' names no tag"),
        ("[protect]\naccounts = ['99991234567']", "'99991234567' is no account's id"),
        ("[[window]]\nopen = 'mon 09:00-17:00'\naccounts = ['shop']", "'shop' is no account's id"),
        ("[quota]\nper_day = 0", "greater than or equal to 1"),
    ],
)
def test_a_restraint_that_cannot_be_is_refused(text: str, problem: str) -> None:
    """A freeze that nobody understands must not be no freeze."""
    assert any(problem in told for told in problems(text)), problems(text)


def test_many_accounts_are_written_in_a_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables by id, a template, an organization; one account's secret from the environment."""
    monkeypatch.setenv("CLOUDWARDEN_AWS__ACCOUNTS__111122223333__EXTERNAL_ID", "hush")
    monkeypatch.setenv("CLOUDWARDEN_AWS__ORGANIZATION__INCLUDE", "ou-ab12-11111111,r-ab12")
    settings = load_settings(
        written(
            '[aws]\nregions = ["enabled"]\nmember_role = "arn:aws:iam::{account}:role/audit"\n'
            'session_duration = "2h"\n[aws.accounts]\n444455556666 = {}\n'
            '[aws.accounts.111122223333]\nname = "shop"\nregions = ["eu-west-1"]\n'
            "[aws.organization]\ndiscover = true\n"
        )
    )
    access = access_of(settings.aws, threads=8)
    assert [(one.id, one.name, one.external_id, one.regions) for one in access.accounts] == [
        ("111122223333", "shop", "hush", ("eu-west-1",)),
        ("444455556666", "", None, ()),
    ]
    assert access.organization == OrganizationAccess(include=("ou-ab12-11111111", "r-ab12"))
    assert (access.session_seconds, access.max_connections) == (7200, 8)
    assert row(settings, "aws.accounts.111122223333.external_id")[0] == MASK


def test_without_discovery_no_organization_is_asked() -> None:
    """Its other settings alone do not turn it on."""
    settings = load_settings(written('[aws.organization]\ninclude = ["r-ab12"]\n'))
    assert access_of(settings.aws, threads=1).organization is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[aws.accounts]\n1234 = {}\n", "accounts.1234: is no account id; write its 12 digits"),
        ('[aws]\nrole_arn = "cloudwarden"\n', "write the ARN of a role"),
        ('[aws]\nmember_role = "arn:aws:iam::111122223333:role/x"\n', "write {account} in place of the account"),
        ('[aws]\nmember_role = "a role"\n', "write the name of a role"),
        ('[aws.organization]\ninclude = ["Production"]\n', "'Production' is no root or organizational unit"),
        ('[aws.organization]\nexclude = ["shop"]\n', "'shop' is no root or organizational unit"),
        ('[aws]\nsession_policy = "read only"\n', "is not JSON"),
        ('[aws]\nsession_policy = "{}"\n', "an object with a Statement"),
        ('[aws]\nsession_name = "a b"\n', "write 2 to 64 letters"),
        ('[aws]\nsession_duration = "13h"\n', "less than or equal to"),
        (
            '[aws.accounts.111122223333]\nrole_arn = "arn:aws:iam::444455556666:role/x"\n',
            "is another account's role; write one of account 111122223333",
        ),
    ],
)
def test_a_mistake_in_accounts_is_told_with_what_to_write(text: str, said: str) -> None:
    """Before AWS is asked anything."""
    (problem,) = problems(text)
    assert said in problem


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("copy.jsonl", "or the absolute path of a file"),
        ("s3://Bad_Bucket/x", "write s3://bucket/prefix"),
        ("https://bucket.example", "write s3://bucket/prefix, or"),
    ],
)
def test_where_the_journal_is_shipped_to_is_checked(tmp_path: Path, written: str, advice: str) -> None:
    """A relative path would be elsewhere for a verb than for the daemon."""
    file = tmp_path / "cloudwarden.toml"
    file.write_text(f'[journal]\nship_to = "{written}"\n')
    with pytest.raises(SettingsError, match=re.escape(advice)):
        load_settings(file)


@pytest.mark.parametrize(
    ("written", "bucket"),
    [("s3://audit/a/b/", ("audit", "a/b")), ("s3://audit", ("audit", "")), ("/var/log/journal.jsonl", None)],
)
def test_where_the_journal_is_shipped_to(tmp_path: Path, written: str, bucket: tuple[str, str] | None) -> None:
    """A bucket with what its keys begin with, or a file."""
    file = tmp_path / "cloudwarden.toml"
    file.write_text(f'[journal]\nship_to = "{written}"\n')
    target = load_settings(file).journal.ship_to
    assert target is not None
    assert bucket_of(target) == bucket


CHANNELS = '[channels.ops]\nurl = "slack://hush/hush/hush"\n[channels.kept]\nurl = "ssm:/cloudwarden/ops"\n'


def test_channels_and_owners_make_the_directory() -> None:
    """By name, by pattern, and by the channel's own name; an account says its contact."""
    owners = '[owners]\nteam-x = "ops"\n"*@example.com" = "kept"\n'
    accounts = '[aws.accounts.111122223333]\ncontact = "team-x"\n'
    settings = load_settings(written(CHANNELS + owners + accounts))
    found = {name: settings.directory.find(name) for name in ("team-x", "ada@example.com", "kept", "team-y")}
    assert [one.channel if one else None for one in found.values()] == ["ops", "kept", "kept", None]
    assert settings.aws.accounts["111122223333"].contact == "team-x"


def test_a_channels_url_is_shown_nowhere() -> None:
    """Neither among the settings in force nor by their repr."""
    settings = load_settings(written(CHANNELS))
    assert row(settings, "channels.ops.url")[0] == MASK
    assert "hush" not in "".join(one.value for one in effective(settings)) + repr(settings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[channels.ops]\nurl = "hush"\n', "channels.ops.url: write a URL of apprise"),
        ('[channels]\nops = "slack://hush"\n', "channels.ops: "),
        ("[channels.ops]\n", "channels.ops.url: Field required"),
        ('[channels.ops]\nurl = "x://y"\naddress = "slack://hush"\n', "channels.ops.address: unknown"),
        (f'{CHANNELS}[owners]\nteam-x = "opps"\n', "there is no channel 'opps'; write one of channels: kept, ops"),
    ],
)
def test_channels_that_cannot_be_are_refused(text: str, said: str) -> None:
    """With what to write, and nothing secret."""
    (problem,) = problems(text)
    assert said in problem
    assert "hush" not in problem
