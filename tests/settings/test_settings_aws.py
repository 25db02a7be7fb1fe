"""How AWS is reached, as settings."""

from __future__ import annotations

import pytest

from cloudwarden.access import access_of
from cloudwarden.aws.access.account import OrganizationAccess, RolesAccess
from cloudwarden.aws.details import THREADS
from cloudwarden.settings import load_settings
from cloudwarden.settings.effective import MASK
from written_settings import problems, row, written


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
    assert (access.session_seconds, access.threads) == (7200, 8)
    assert row(settings, "aws.accounts.111122223333.external_id")[0] == MASK


def test_every_thread_s_details_keep_their_connections() -> None:
    """One that finds no place in its client's pool is closed, and the next request opens another."""
    access = access_of(load_settings(written("")).aws, threads=8)
    assert access.max_connections == 8 * THREADS


def test_without_discovery_no_organization_and_no_role_is_asked() -> None:
    """Their other settings alone do not turn them on."""
    text = '[aws.organization]\ninclude = ["r-ab12"]\n[aws.roles]\nexclude = ["111122223333"]\n'
    access = access_of(load_settings(written(text)).aws, threads=1)
    assert (access.organization, access.roles, access.excluded) == (None, None, frozenset())


def test_what_either_source_excludes_is_excluded() -> None:
    """A unit is of the organization alone, and is no account's id."""
    text = (
        '[aws.organization]\ndiscover = true\nexclude = ["ou-ab12-11111111", "111122223333"]\n'
        '[aws.roles]\ndiscover = true\nexclude = ["444455556666"]\n'
    )
    access = access_of(load_settings(written(text)).aws, threads=1)
    assert access.roles == RolesAccess(exclude=("444455556666",))
    assert access.excluded >= {"111122223333", "444455556666"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[aws.accounts]\n1234 = {}\n", "accounts.1234: is no account id; write its 12 digits"),
        ('[aws]\nrole_arn = "cloudwarden"\n', "write the ARN of a role"),
        ('[aws]\nmember_role = "arn:aws:iam::111122223333:role/x"\n', "write {account} in place of the account"),
        ('[aws]\nmember_role = "a role"\n', "write the name of a role"),
        ('[aws.organization]\ninclude = ["Production"]\n', "'Production' is no root or organizational unit"),
        ('[aws.organization]\nexclude = ["shop"]\n', "'shop' is no root or organizational unit"),
        ('[aws.roles]\nexclude = ["ou-ab12-11111111"]\n', "'ou-ab12-11111111' is no account id"),
        ('[aws]\nsession_policy = "read only"\n', "is not JSON"),
        ('[aws]\nsession_policy = "{}"\n', "an object with a Statement"),
        (f'[aws]\nsession_policy = \'{{"Statement": "{"x" * 2048}"}}\'\n', "AWS takes 2048"),
        ('[aws]\nsession_name = "a b"\n', "write 2 to 64 letters"),
        ('[aws]\nsession_duration = "13h"\n', "less than or equal to"),
        (
            '[aws]\nregions = ["eu-west-1", "global"]\n',
            "'global' is no region: what is global is looked after",
        ),
        ('[aws.accounts.111122223333]\nregions = ["aws-global"]\n', "'aws-global' is no region"),
        ("[aws]\nread_timeout_seconds = inf\n", "finite number"),
        ("[aws]\nconnect_timeout_seconds = nan\n", "finite number"),
        ("rule_timeout_seconds = inf\n", "finite number"),
        ("stop_timeout_seconds = inf\n", "finite number"),
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
