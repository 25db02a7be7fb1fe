"""The journal is exported on the command line, whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from typer.testing import Result

from cloudwarden.cli.journal import PAGE
from cloudwarden.store import SqlStore

Cli = Callable[..., Result]
MANY = PAGE + 3


def written(store: SqlStore) -> None:
    """More entries than are read at a time."""
    with store.transaction() as tx:
        for number in range(MANY):
            tx.journal.append(at=datetime.now(UTC), event="paused", details={"number": number})


def test_an_export_is_a_line_of_json_for_each_entry(cli: Cli, store: SqlStore) -> None:
    """Oldest first, each chained to the one before it."""
    written(store)
    entries = [json.loads(line) for line in cli("journal", "export").stdout.splitlines()]
    assert [entry["details"]["number"] for entry in entries] == list(range(MANY))
    assert [entry["previous"] for entry in entries[1:]] == [entry["hash"] for entry in entries[:-1]]


def test_an_export_goes_on_where_the_last_one_ended(cli: Cli, store: SqlStore) -> None:
    """By the number of the entry that was the last."""
    written(store)
    (last,) = cli("journal", "export", "--after", str(MANY - 1)).stdout.splitlines()
    assert json.loads(last)["seq"] == MANY
    assert cli("journal", "export", "--after", str(MANY)).stdout == ""
