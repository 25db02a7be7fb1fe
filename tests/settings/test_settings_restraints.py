"""What holds every policy back, as settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudwarden.settings import load_settings
from written_settings import problems

RESTRAINTS = """
[protect]
accounts = ["9999*"]
tags = ["env=prod", "hands-off"]
[quota]
per_day = 10
account_share = 0.5
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
    assert (restraints.quota.everywhere.per_day, restraints.quota.account.share) == (10, 0.5)
    ((reach, hours),) = restraints.windows
    assert (reach.covers("any", "123456789012"), reach.covers("any", "999999999999")) == (True, False)
    assert str(hours) == "mon,tue,wed,thu,fri 09:00-17:00 Europe/Berlin"
    ((reach, freeze),) = restraints.freezes
    assert (reach.covers("stop-idle", "1"), reach.covers("tag", "1")) == (True, False)
    assert str(freeze) == "frozen until 2027-01-03 23:00Z: year-end close"


def test_a_freeze_may_last_for_as_long_as_there_is_time(tmp_path: Path) -> None:
    """The last second of UTC is one, and so is the first."""
    file = tmp_path / "settings.toml"
    file.write_text("[[freeze]]\nbegins = 0001-01-01T00:00:00Z\nuntil = 9999-12-31T18:59:59-05:00\nreason = 'for ever'")
    ((_, freeze),) = load_settings(file).restraints.freezes
    assert str(freeze) == "frozen until 9999-12-31 23:59Z: for ever"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[window]]\nopen = 'always'", "write days and hours, such as"),
        ("[[window]]\nopen = 'mon 09:00-17:00'\ntimezone = 'Mars'", "time zone 'Mars' is not known"),
        ("[[freeze]]\nbegins = 2026-12-20T00:00:00\nuntil = 2026-12-21T00:00:00Z\nreason = 'x'", "timezone info"),
        ("[[freeze]]\nbegins = 2026-12-20T00:00:00Z\nuntil = 2026-12-19T00:00:00Z\nreason = 'x'", "after begins"),
        ("[[freeze]]\nbegins = 2026-12-20T00:00:00Z\nuntil = 2026-12-21T00:00:00Z", "reason"),
        (
            "[[freeze]]\nbegins = 2026-12-20T00:00:00Z\nuntil = 9999-12-31T23:59:59-05:00\nreason = 'x'",
            "until = '9999-12-31T23:59:59-05:00': 9999-12-31T23:59:59-05:00 is outside the years 1 to 9999 of UTC",
        ),
        (
            "[[freeze]]\nbegins = 0001-01-01T00:00:00+05:00\nuntil = 2026-12-21T00:00:00Z\nreason = 'x'",
            "write a time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z",
        ),
        ("[protect]\ntags = ['=prod']", "'=prod' names no tag"),
        ("[protect]\naccounts = ['99991234567']", "'99991234567' is no account's id"),
        ("[[window]]\nopen = 'mon 09:00-17:00'\naccounts = ['shop']", "'shop' is no account's id"),
        ("[quota]\nper_day = 0", "greater than or equal to 1"),
        ("[quota]\naccount_share = 0", "greater than 0"),
        ("[quota]\nshare = 50", "less than or equal to 1"),
    ],
)
def test_a_restraint_that_cannot_be_is_refused(text: str, problem: str) -> None:
    """A freeze that nobody understands must not be no freeze."""
    assert any(problem in told for told in problems(text)), problems(text)
