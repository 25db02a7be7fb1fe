"""Notices on the command line: the list, a test message, and a policy that names nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import Result

from cloudwarden.core.finding import Finding, State
from cloudwarden.core.notice import Notice, NoticeKind, NoticeState
from cloudwarden.store import SqlStore
from notify_servers import TOKEN, Hook, free_port, hook

__all__ = ["hook"]

Cli = Callable[..., Result]
Keep = Callable[..., Finding]
NOW = datetime.now(UTC)


def notice(of: Finding, **changes: object) -> Notice:
    """A notice that a channel accepted."""
    made = Notice(
        id="n-1",
        kind=NoticeKind.FIRST,
        finding_id=of.id,
        policy=of.policy,
        scope=of.scope,
        resource_id=of.resource_id,
        name=None,
        summary="idle",
        leads=(),
        created_at=NOW,
        due_at=NOW,
        next_attempt_at=NOW,
        would="stop it",
        state=NoticeState.DELIVERED,
        owner="team-x",
        channel="ops",
        ended_at=NOW,
        not_before=NOW + timedelta(days=1),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a test's changes


def settle(home: Path, **urls: str) -> None:
    """Give the installation channels."""
    tables = "".join(f'[channels.{name}]\nurl = "{url}"\n' for name, url in urls.items())
    file = home / "cloudwarden.toml"
    file.write_text(file.read_text() + tables)


def test_notices_are_listed(cli: Cli, store: SqlStore, keep: Keep) -> None:
    """The latest first; by policy and by state; as JSON."""
    found, _ = keep("i-1"), keep("i-2", policy="another")
    late = notice(found, id="n-2", state=NoticeState.PENDING, ended_at=None, error="channel ops: answered 503")
    with store.transaction() as tx:
        tx.notices.save([notice(found), replace(late, created_at=NOW + timedelta(hours=1))])
    shown = cli("notices").stdout
    assert shown.index("n-2") < shown.index("n-1")
    assert "channel ops: answered 503" in shown
    (listed,) = json.loads(cli("notices", "--json", "--state", "delivered").stdout)
    assert (listed["id"], listed["owner"], listed["channel"]) == ("n-1", "team-x", "ops")
    assert json.loads(cli("notices", "--json", "--policy", "another").stdout) == []


def test_what_is_stuck_for_long_is_listed_however_much_was_told_since(cli: Cli, store: SqlStore, keep: Keep) -> None:
    """The alert of undelivered notices is about it, and says to look for it here."""
    found, other = keep("i-1"), keep("i-2", policy="another")
    stuck = notice(found, id="n-stuck", state=NoticeState.PENDING, ended_at=None)
    with store.transaction() as tx:
        tx.notices.save([stuck, notice(other, id="n-other", created_at=NOW + timedelta(hours=1))])
    assert [one["id"] for one in json.loads(cli("notices", "--most", "1", "--json").stdout)] == ["n-other"]
    for narrowed in (("--state", "pending"), ("--policy", "stop-idle-instances")):
        (listed,) = json.loads(cli("notices", "--most", "1", "--json", *narrowed).stdout)
        assert listed["id"] == "n-stuck"


def test_proposals_say_what_their_owners_were_told(cli: Cli, store: SqlStore, keep: Keep) -> None:
    """Of the very plan that is proposed."""
    found = keep("i-1")
    with store.transaction() as tx:
        (proposal,) = tx.proposals.undecided()
        tx.notices.save([notice(found, plan_hash=proposal.plan.hash)])
    assert "team-x: delivered" in cli("proposals").stdout
    assert "team-x: delivered" in json.loads(cli("proposals", "--json").stdout)[0]["notice"]
    assert "team-x: delivered" in cli("proposals", "show", proposal.id).stdout
    assert "team-x: delivered" in json.loads(cli("proposals", "show", proposal.id, "--json").stdout)["notice"]


TOLD_FIRST = """
[policy.stop-idle-instances.notice]
owners = ["ops"]
before = "2d"
waived_by_approval = {waived}
"""


@pytest.mark.parametrize(("waived", "held"), [("false", True), ("true", False)])
def test_approving_says_that_the_owner_comes_first(
    cli: Cli, home: Path, keep: Keep, *, waived: str, held: bool
) -> None:
    """Whoever approves is not told that it is done within seconds, unless the policy lets an approval spare it."""
    settle(home, ops="json://127.0.0.1:1")
    with (home / "cloudwarden.toml").open("a") as settings:
        settings.write(TOLD_FIRST.format(waived=waived))
    keep("i-1")
    approved = cli("approve", "p-i-1", "--reason", "looked")
    assert ("p-i-1 is held for now: its owner was not told of it yet" in approved.stderr) is held


def test_a_channel_is_tried(cli: Cli, home: Path, hook: Hook) -> None:
    """A message that says that there is nothing to do."""
    settle(home, ops=hook.url)
    assert "accepted a test message" in cli("notices", "test", "ops").stdout
    assert "There is nothing to do" in hook.posted[0]["message"]


def test_a_channel_that_fails_says_so_and_nothing_secret(cli: Cli, home: Path) -> None:
    """In one sentence; a wrong name with the nearest one."""
    settle(home, ops=f"json://u:{TOKEN}@127.0.0.1:{free_port()}/{TOKEN}")
    failed = cli("notices", "test", "ops")
    assert failed.exit_code != 0
    assert "channel ops: its service could not be reached" in failed.stderr
    assert TOKEN not in failed.output
    assert "did you mean 'ops'" in cli("notices", "test", "opps").stderr


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('owners=[owner_tag("owner"), owner("opps")]', "its notice is for 'opps', whom the settings do not know"),
        ('owners=[owner("ops")], escalate=Escalation(after=days(1), to="boss")', "its notice is for 'boss'"),
        ('owners=[owner("slack://hush")]', "its notice is for '…' (a URL, not shown), whom the settings do not know"),
        ('owners=["ops"]', "write a list such as"),
    ],
)
def test_check_refuses_whom_nobody_knows(cli: Cli, home: Path, written: str, words: str) -> None:
    """With the file, the line, and what to write instead."""
    settle(home, ops="json://127.0.0.1/x")
    file = home / "policies" / "idle.py"
    text = file.read_text().replace("import PROPOSE", "import Escalation, Notify, days, owner, owner_tag, PROPOSE")
    file.write_text(text.replace("action=ec2.Stop()", f"action=ec2.Stop(), notice=Notify({written})"))
    checked = cli("check", "--json")
    assert checked.exit_code == 3
    (problem,) = json.loads(checked.stdout)["problems"]
    assert words in problem
    assert "hush" not in problem
    assert f"{file}:" in problem


def test_check_takes_whom_somebody_knows(cli: Cli, home: Path) -> None:
    """An owner, a channel, and a pattern."""
    settle(home, ops="json://127.0.0.1/x")
    (home / "cloudwarden.toml").write_text(
        (home / "cloudwarden.toml").read_text() + '[owners]\nteam-x = "ops"\n"*@example.com" = "ops"\n'
    )
    file = home / "policies" / "idle.py"
    names = 'owner("team-x"), owner("ops"), owner("ada@example.com")'
    text = file.read_text().replace("import PROPOSE", "import Notify, owner, PROPOSE")
    file.write_text(text.replace("action=ec2.Stop()", f"action=ec2.Stop(), notice=Notify(owners=[{names}])"))
    assert cli("check").exit_code == 0


def test_a_held_finding_says_why(cli: Cli, store: SqlStore, keep: Keep) -> None:
    """The guard's words are in the list of findings."""
    found = keep("i-1", state=State.DUE)
    with store.transaction() as tx:
        tx.findings.save([replace(found, held="notice: no owner is known")])
    assert "notice: no owner is known" in cli("findings").stdout
