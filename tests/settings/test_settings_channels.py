"""The ways to people, as settings."""

from __future__ import annotations

import pytest

from cloudwarden.settings import effective, load_settings
from cloudwarden.settings.effective import MASK
from written_settings import problems, row, written

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
        (f'{CHANNELS}[owners]\nteam-x = "slack://hush"\n', "there is no channel '…' (a URL, not shown); write one of"),
        ('[journal]\nship_to = "s3://key:hush@bucket"\n', "journal.ship_to: write s3://bucket/prefix"),
    ],
)
def test_channels_that_cannot_be_are_refused(text: str, said: str) -> None:
    """With what to write, and nothing secret."""
    (problem,) = problems(text)
    assert said in problem
    assert "hush" not in problem
