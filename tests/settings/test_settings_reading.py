"""Where settings come from, and which of them counts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from cloudwarden import ENFORCE, OBSERVE, PROPOSE
from cloudwarden.settings import LimitOverride, Settings, effective, load_settings
from written_settings import row, written


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
