"""What was done is listed and undone on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from typer.testing import Result

from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.finding import ActionRecord, ActionState, Finding
from cloudwarden.store import SqlStore

Cli = Callable[..., Result]
Keep = Callable[..., Finding]


@pytest.fixture
def done(keep: Callable[..., Finding], store: SqlStore) -> ActionRecord:
    """An action that stopped i-1, and can be undone."""
    finding, now = keep("i-1"), datetime.now(UTC)
    with store.transaction() as tx:
        proposal = tx.proposals.get("p-i-1")
        assert proposal is not None
        record = ActionRecord(
            id="a-1",
            finding_id=finding.id,
            proposal_id=proposal.id,
            policy=finding.policy,
            scope=finding.scope,
            resource_id=finding.resource_id,
            plan=replace(proposal.plan, inverse=proposal.plan.steps),
            run_id="r-1",
            state=ActionState.SUCCEEDED,
            started_at=now,
            changed_at=now,
        )
        tx.actions.save(record)
    return record


def test_actions_are_listed(cli: Cli, done: ActionRecord, keep: Keep) -> None:
    """With what they did, and their ids."""
    keep("i-2", policy="another")
    shown = cli("actions")
    assert done.id in shown.stdout
    assert "stop instance i-1" in shown.stdout
    assert str(done.scope) in shown.stdout
    (listed,) = json.loads(cli("actions", "--policy", done.policy, "--json").stdout)
    assert (listed["id"], listed["can_be_undone"]) == (done.id, True)
    assert json.loads(cli("actions", "--policy", "another", "--json").stdout) == []


def test_what_was_undone_says_by_which(cli: Cli, done: ActionRecord) -> None:
    """It did succeed, and that is no longer how it is."""
    made = json.loads(cli("undo", done.id, "--reason", "needed", "--json").stdout)[0]["id"]
    assert f"its undo {made}: waiting" in cli("actions").stdout
    listed = {one["id"]: one["undone"] for one in json.loads(cli("actions", "--json").stdout)}
    assert listed == {done.id: f"its undo {made}: waiting", made: None}


def test_an_undo_is_asked_for(cli: Cli, done: ActionRecord, store: SqlStore) -> None:
    """It is in the store and in the journal, with who asked and why; the daemon does the rest."""
    asked = cli("undo", done.id, "--by", "ada", "--reason", "it was needed", "--json")
    (made,) = json.loads(asked.stdout)
    assert (made["undoes"], made["state"]) == (done.id, "waiting")
    assert "no daemon seems to be running" in asked.stderr
    with store.reading() as tx:
        (entry,) = tx.journal.entries(action_id=made["id"])
    assert (entry.details["by"], entry.details["reason"]) == ("ada", "it was needed")


def test_an_undo_that_waits_says_what_holds_it(cli: Cli, done: ActionRecord, store: SqlStore) -> None:
    """A pause made since, or that nothing may be done there; when it is asked for, and where it is listed."""
    held = cli("undo", done.id, "--reason", "it was needed")
    assert "is held for now: nothing is done in 111122223333/eu-west-1" in held.stderr
    scope = KnownScope(scope=done.scope, name="shop", found_at=done.started_at, accepted_at=done.started_at)
    with store.transaction() as tx:
        tx.scopes.save([scope])
    (listed, _) = json.loads(cli("actions", "--json").stdout)
    assert listed["held"] is None
    cli("pause", "--by", "grace")
    assert "held: everything was paused by grace" in " ".join(cli("actions").stdout.split())
    (listed, _) = json.loads(cli("actions", "--json").stdout)
    assert listed["held"].startswith("everything was paused by grace")


def test_of_several_all_are_undone_or_none(cli: Cli, done: ActionRecord, store: SqlStore) -> None:
    """A misspelt id leaves the other alone too."""
    refused = cli("undo", done.id, "a-2", "--reason", "needed")
    assert refused.exit_code == 4
    assert "no action 'a-2'" in refused.stderr
    with store.reading() as tx:
        assert tx.actions.undoing(done.id) is None


def test_an_undo_whose_look_is_denied_says_so(cli: Cli, done: ActionRecord, store: SqlStore) -> None:
    """What the daemon's latest look met holds it, and is no error of its own."""
    with store.transaction() as tx:
        tx.scopes.save(
            [KnownScope(scope=done.scope, name="shop", found_at=done.started_at, accepted_at=done.started_at)]
        )
    (made,) = json.loads(cli("undo", done.id, "--reason", "it was needed", "--json").stdout)
    with store.transaction() as tx:
        waiting = tx.actions.get(made["id"])
        assert waiting is not None
        tx.actions.save(replace(waiting, error="re-check: access-denied: DescribeInstances"))
    listed = {one["id"]: one for one in json.loads(cli("actions", "--json").stdout)}[made["id"]]
    assert (listed["held"], listed["error"]) == ("re-check: access-denied: DescribeInstances", None)
    said = " ".join(cli("actions").stdout.split())
    assert "held: re-check:" in said
