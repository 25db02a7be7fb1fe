"""A listing that is asked for by a policy's name says what there is of it, or that nothing has that name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import Result

from cloudwarden.core.finding import Finding, State
from cloudwarden.core.resource import Scope
from cloudwarden.ports import PolicyRun, ScopeRun
from cloudwarden.store import SqlStore

Keep = Callable[..., Finding]
Cli = Callable[..., Result]
SCOPE = Scope(account="111122223333", region="eu-west-1")
LISTINGS = [("findings",), ("proposals",), ("actions",), ("notices",), ("exemptions", "list")]


def swept(store: SqlStore, policy: str = "stop-idle-instances", *, read: bool = True) -> None:
    """Leave a sweep of a policy in the store, which could read its scope or not."""
    now = datetime.now(UTC)
    run = PolicyRun(policy=policy, run_id="r", started_at=now, population=1 if read else None)
    with store.transaction() as tx:
        tx.runs.save(run, [ScopeRun(scope=SCOPE, read_at=now if read else None)])


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_misspelt_policy_is_refused(cli: Cli, keep: Keep, listing: tuple[str, ...]) -> None:
    """In CI it would be green for ever."""
    keep("i-1")
    result = cli(*listing, "--policy", "stop-idle-instance", "--json")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "no policy 'stop-idle-instance': did you mean 'stop-idle-instances'?" in result.stderr


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_policy_that_is_no_longer_loaded_is_known_by_its_sweeps(
    cli: Cli, store: SqlStore, listing: tuple[str, ...]
) -> None:
    """It has its past, though nothing of it stands."""
    swept(store, "removed")
    assert cli(*listing, "--policy", "removed").exit_code == 0


def test_a_name_is_not_called_wrong_while_policies_cannot_be_loaded(cli: Cli, home: Path) -> None:
    """It may be that of a broken file, which is named; but nothing is known of it."""
    (home / "policies" / "broken.py").write_text("(")
    result = cli("findings", "--policy", "broken")
    assert result.exit_code == 4
    assert "not every policy could be loaded" in result.stderr
    assert "broken.py" in result.stderr


@pytest.mark.parametrize(
    ("words", "says"), [((), "nothing was swept yet"), (("--policy", "stop-idle-instances"), "was not swept yet")]
)
def test_what_was_never_swept_is_not_clean(cli: Cli, words: tuple[str, ...], says: str) -> None:
    """Nobody looked, so nobody can tell."""
    result = cli("findings", "--json", *words)
    assert (result.exit_code, result.stdout) == (2, "[]\n")
    assert says in result.stderr


def test_what_no_sweep_could_read_is_not_clean(cli: Cli, store: SqlStore) -> None:
    """Nothing found in nothing that was read says nothing."""
    swept(store, read=False)
    result = cli("findings")
    assert (result.exit_code, "no sweep could read anything yet" in result.stderr) == (2, True)


def test_nothing_found_says_as_of_when(cli: Cli, store: SqlStore) -> None:
    """Sweeps may have failed since then."""
    swept(store)
    result = cli("findings")
    assert (result.exit_code, "as AWS was last read at" in result.stderr) == (0, True)


def test_a_finding_says_that_somebody_looked(cli: Cli, keep: Keep) -> None:
    """Whatever else is known of sweeps."""
    keep("i-1", state=State.OPEN)
    assert cli("findings").exit_code == 1
