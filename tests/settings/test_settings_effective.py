"""The settings in force, as they are shown."""

from __future__ import annotations

import pytest

from cloudwarden.settings import effective, load_settings
from cloudwarden.settings.effective import MASK, masked_url
from written_settings import row, written


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
        written('database = "sqlite://user:hu@sh@host/db?password=hush"\n[aws]\nexternal_id = "hush"\n')
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
