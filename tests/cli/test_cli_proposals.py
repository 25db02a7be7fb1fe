"""One verb shows all of a proposal, and the lines that decide it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace

import pytest
from typer.testing import Result

from cloudwarden.core.blast import BlastRadius, Dependant, Gap
from cloudwarden.core.finding import Finding, Proposal, ProposalState
from cloudwarden.core.prospect import Prospect
from cloudwarden.core.saving import Saving
from cloudwarden.core.verdict import Cause
from cloudwarden.store import SqlStore
from cloudwarden.testing import NOON

Keep = Callable[..., Finding]
Cli = Callable[..., Result]

SAVING = Saving(dollars=61.25, basis="730 hours")
WEB = Dependant(kind="elbv2.target-group", id="arn:web", name="web", why="has it as a target")
DENIED = Gap(what="addresses", cause=Cause(reason="access-denied", detail="no"))


@pytest.fixture
def proposed(keep: Keep, store: SqlStore) -> Proposal:
    """A proposal of which something is known, and something not."""
    keep("i-1", name="shop")
    radius = BlastRadius.of([WEB], [DENIED], NOON)
    with store.transaction() as tx:
        made = tx.proposals.get("p-i-1")
        finding = tx.findings.get("f-i-1")
        assert made is not None
        assert finding is not None
        full = replace(
            made, quorum=2, not_by=("bob",), prospects={"stop-instance": Prospect(radius=radius, saving=SAVING)}
        )
        tx.proposals.save([full])
        tx.findings.save([replace(finding, saving=SAVING)])
    return full


def words(result: Result) -> str:
    """What was printed, whatever its lines."""
    return " ".join(result.stdout.replace("│", " ").split())


def test_the_list_says_how_much_depends_and_what_is_saved(cli: Cli, proposed: Proposal) -> None:
    """Unknown stays unknown in the shortest of tables."""
    assert "stop instance i-1 1 and unknown $61.25" in words(cli("proposals"))
    (listed,) = json.loads(cli("proposals", "--json").stdout)
    assert listed["blast_radius"]["known"] is False
    assert listed["blast_radius"]["hash"] == proposed.radius.hash
    assert listed["saving"] == {"dollars_a_month": 61.25, "basis": "730 hours"}


def test_findings_say_what_is_saved(cli: Cli, proposed: Proposal) -> None:
    """In the table and in JSON."""
    del proposed
    assert "idle for six hours $61.25" in words(cli("findings"))
    (found,) = json.loads(cli("findings", "--json").stdout)
    assert found["saving"]["dollars_a_month"] == 61.25


def test_one_proposal_is_shown_whole(cli: Cli, proposed: Proposal) -> None:
    """What exactly, by which calls, why, what depends on it, what it saves, who must agree, until when."""
    shown = words(cli("proposals", "show", "p-i-1"))
    for part in (
        "arn:aws:ec2:eu-west-1:111122223333:instance/i-1",
        'ec2 stop_instances {"InstanceIds": ["i-1"]}',
        "CPU below 5 % yes: at most 1 %",
        "elbv2.target-group arn:web web has it as a target",
        "unknown addresses access-denied: no",
        "about $61 a month (list price): 730 hours",
        "2 people, none of bob; agreed so far: nobody",
        f"plan hash {proposed.plan.hash}",
        f"blast radius hash {proposed.radius.hash}",
        "expires",
    ):
        assert part in shown, part


def test_a_decided_proposal_says_who_when_why_and_from_where(cli: Cli, proposed: Proposal) -> None:
    """Whoever asks later need not search the journal."""
    cli("reject", proposed.id, "--reason", "month end", "--by", "ada")
    shown = words(cli("proposals", "show", proposed.id))
    assert "rejected: month end" in shown
    assert " by ada from cli " in shown


def test_the_line_that_approves_can_be_copied(cli: Cli, proposed: Proposal, store: SqlStore) -> None:
    """It approves what was shown, and refuses anything else."""
    shown = json.loads(cli("proposals", "show", "p-i-1", "--json").stdout)
    program, *line = shlex.split(shown["commands"]["approve"])
    assert (program, line[0], line[2]) == ("cloudwarden", "--config", "approve")
    assert cli(*line, "--by", "ada").exit_code == 0
    more = BlastRadius.of([WEB, replace(WEB, id="arn:other")], [DENIED], NOON)
    with store.transaction() as tx:
        tx.proposals.save([replace(proposed, prospects={"stop-instance": Prospect(radius=more)})])
    refused = cli(*line, "--by", "eve")
    assert refused.exit_code == 4
    assert "look again" in refused.stderr


def test_json_has_everything_of_one(cli: Cli, proposed: Proposal) -> None:
    """The dependants one by one, the plan, the evidence, and each command."""
    del proposed
    shown = json.loads(cli("proposals", "show", "p-i-1", "--json").stdout)
    (dependant,) = shown["blast_radius"]["dependants"]
    assert dependant == {"kind": WEB.kind, "id": WEB.id, "name": "web", "why": WEB.why}
    assert shown["blast_radius"]["unknown"] == [
        {"what": "addresses", "cause": {"reason": "access-denied", "detail": "no"}}
    ]
    assert shown["plan"]["steps"][0]["operation"] == "stop_instances"
    assert set(shown["commands"]) == {"approve", "reject", "put off", "exempt"}
    assert shown["evidence"] == [{"question": "CPU below 5 %", "answer": "yes: at most 1 %"}]


def test_what_an_older_version_proposed_is_unknown(cli: Cli, keep: Keep) -> None:
    """Nobody looked, so nothing is known: it is not shown as nothing."""
    keep("i-1")
    assert "depends on it unknown" in words(cli("proposals", "show", "p-i-1"))


def test_a_decided_proposal_is_shown_without_lines_to_decide(cli: Cli, proposed: Proposal, store: SqlStore) -> None:
    """For whoever looks at it afterwards."""
    with store.transaction() as tx:
        tx.proposals.save([replace(proposed, state=ProposalState.WITHDRAWN, reason="more depends on it")])
    shown = words(cli("proposals", "show", "p-i-1"))
    assert "withdrawn: more depends on it" in shown
    assert "cloudwarden approve" not in shown


def test_an_unknown_proposal_ends_with_4(cli: Cli, store: SqlStore) -> None:
    """And says how to list them."""
    del store
    result = cli("proposals", "show", "p-none")
    assert (result.exit_code, "no proposal 'p-none'" in result.stderr) == (4, True)
