"""Accounts and regions are listed and accepted on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from typer.testing import Result

from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.resource import Scope
from cloudwarden.store import SqlStore

Cli = Callable[..., Result]
WAITING = Scope(account="111122223333", region="eu-west-1")
ACCEPTED = Scope(account="444455556666", region="eu-west-1")


@pytest.fixture
def known(store: SqlStore) -> None:
    """A scope that waits, and one that does not."""
    now = datetime.now(UTC)
    with store.transaction() as tx:
        tx.scopes.save(
            [
                KnownScope(scope=WAITING, name="shop", found_at=now),
                KnownScope(scope=ACCEPTED, name="data", found_at=now, accepted_at=now, accepted_by="settings"),
            ]
        )


@pytest.mark.usefixtures("known")
def test_scopes_are_listed(cli: Cli) -> None:
    """With who accepted them; on request, only those that wait."""
    assert "waits: only observed" in cli("scopes").stdout
    listed = json.loads(cli("scopes", "--json").stdout)
    assert [(one["account"], one["name"], one["accepted_by"]) for one in listed] == [
        (WAITING.account, "shop", None),
        (ACCEPTED.account, "data", "settings"),
    ]
    assert [one["account"] for one in json.loads(cli("scopes", "--waiting", "--json").stdout)] == [WAITING.account]


@pytest.mark.usefixtures("known")
def test_an_account_is_accepted(cli: Cli, store: SqlStore) -> None:
    """In all its regions that were found; doing it again ends with 4."""
    words = ("accept", WAITING.account, "--reason", "reviewed", "--by", "ada")
    assert json.loads(cli(*words, "--json").stdout) == {"accepted": [str(WAITING)]}
    with store.reading() as tx:
        assert tx.scopes.known()[WAITING].accepted_by == "ada"
    again = cli(*words)
    assert (again.exit_code, "already" in again.stderr) == (4, True)


@pytest.mark.usefixtures("known")
def test_an_unknown_region_is_not_accepted(cli: Cli, store: SqlStore) -> None:
    """What was never found is named, and nothing else changes."""
    result = cli("accept", f"{WAITING.account}/eu-west-9", "--reason", "looked")
    assert (result.exit_code, f"{WAITING.account}/eu-west-9" in result.stderr) == (4, True)
    with store.reading() as tx:
        assert tx.scopes.known()[WAITING].waits
