"""The journal is exported on the command line, whole."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import Result

from cloudwarden.cli.exits import Exit
from cloudwarden.cli.journal import PAGE
from cloudwarden.store import Retention, SqlStore

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


@pytest.fixture
def exported(home: Path, store: SqlStore) -> Path:
    """The one file to which the oldest entries went."""
    written(store)
    months = timedelta(days=60)
    kept = Retention(store=store, findings=months / 2, journal=months / 2, directory=home / "journal")
    list(kept.batches(datetime.now(UTC) + months))
    (file,) = (home / "journal").iterdir()
    return file


@pytest.mark.usefixtures("exported")
def test_what_retention_exported_is_in_an_export(cli: Cli) -> None:
    """The files' entries come first, and the chain goes on from them; entries that were asked for begin in a file."""
    entries = [json.loads(line) for line in cli("journal", "export").stdout.splitlines()]
    assert [entry["seq"] for entry in entries] == list(range(1, MANY + 2))
    assert [entry["previous"] for entry in entries[1:]] == [entry["hash"] for entry in entries[:-1]]
    rest = [json.loads(line) for line in cli("journal", "export", "--after", "998").stdout.splitlines()]
    assert rest == entries[998:]


@pytest.mark.parametrize(
    "content", [None, b"", gzip.compress(b'{"seq": 1}\n', mtime=0)], ids=["missing", "empty", "another"]
)
def test_a_file_that_is_missing_or_was_altered_is_named(cli: Cli, exported: Path, content: bytes | None) -> None:
    """Nobody takes what is left for the whole: the exit code says it, too. What was not asked for is not missed."""
    exported.unlink()
    if content is not None:
        exported.write_bytes(content)
    result = cli("journal", "export")
    assert [json.loads(line)["seq"] for line in result.stdout.splitlines()] == list(range(1001, MANY + 2))
    assert f"entries 1 to 1000 are missing here: they are in {exported.name}" in result.stderr
    assert result.exit_code == Exit.NOT_DONE
    assert cli("journal", "export", "--after", "1000").exit_code == Exit.NOTHING_FOUND


@pytest.mark.usefixtures("exported")
def test_a_list_says_that_it_leaves_out_what_was_exported(cli: Cli) -> None:
    """On stderr, so that what reads the list is not disturbed."""
    assert "entries up to 1000 were exported" in cli("journal", "list").stderr
    assert "exported" not in cli("journal", "list", "--after", "1000").stderr
