"""Verbs that show proposals: all that wait for people, and one with everything that is to be known of it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.table import Table

from cloudwarden.cli import shapes, tables
from cloudwarden.cli.findings import told_of
from cloudwarden.cli.holding import say_pauses
from cloudwarden.cli.installation import app_of, program
from cloudwarden.cli.naming import PolicyOption, known_policy
from cloudwarden.cli.output import JsonOption, emit, moment, notice, say, show, table
from cloudwarden.core.action import Plan, Step, Wait
from cloudwarden.core.finding import Finding, Proposal, ProposalState
from cloudwarden.engine.decide import DecisionError
from cloudwarden.engine.waiting import waiting

proposals = typer.Typer(help="What waits for people to agree.", invoke_without_command=True)


@proposals.callback()
def listing(
    context: typer.Context,
    policy: PolicyOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List proposals that wait for a person, or `show` one.

    The most severe come first, then what saves most. Approved ones stay listed until they are carried out.
    """
    if context.invoked_subcommand is not None:
        return
    with app_of(context) as app:
        known_policy(app, policy)
        with app.store.reading() as tx:
            wait = waiting(tx, policy)
            found = [one.proposal for one in wait]
            told, pauses = told_of(tx, found), tx.decisions.pauses()
    say_pauses(pauses, ((one.policy, one.scope.account) for one in found))
    if as_json:
        emit([shapes.waiting(one) | {"notice": told.get(one.proposal.id)} for one in wait])
        return
    show([tables.proposals("Proposals", wait)])
    if told:
        show([table("What their owners were told", ("proposal", "notice"), told.items())])
    if pending := [one for one in found if one.state is ProposalState.PENDING]:
        notice(f"to see all of one: {program(context)} proposals show {pending[0].id}")


@proposals.command("show")
def showing(
    context: typer.Context,
    proposal_id: Annotated[str, typer.Argument(metavar="ID", help="A proposal, as `cloudwarden proposals` lists it.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show one proposal: what exactly it would do and to what, why, what depends on that, and who must agree."""
    with app_of(context) as app, app.store.reading() as tx:
        one = tx.proposals.get(proposal_id)
        finding = tx.findings.get(one.finding_id) if one else None
        told = told_of(tx, [one]).get(one.id) if one else None
        pauses = tx.decisions.pauses()
    if one is None or finding is None:
        raise DecisionError(f"no proposal {proposal_id!r}: `cloudwarden proposals` lists those that wait")
    if one.state in (ProposalState.PENDING, ProposalState.APPROVED):
        say_pauses(pauses, [(one.policy, one.scope.account)])
    commands = list(_commands(one, program(context)))
    if as_json:
        evidence = [shapes.reading(each) for each in finding.readings]
        found = {
            "arn": finding.arn,
            "name": finding.name,
            "severity": finding.severity.value,
            "why": finding.violation.summary,
            "evidence": evidence,
            "notice": told,
        }
        emit({**shapes.proposal(one), **found, "commands": dict(commands)})
        return
    show(_shown(one, finding, told))
    if one.state is ProposalState.PENDING:
        for what, command in commands:
            say(f"to {what}: {command}")


def _shown(one: Proposal, finding: Finding, told: str | None) -> Iterator[Table]:
    yield table(f"Proposal {one.id}", ("", ""), _facts(one, finding, told))
    yield _steps("It would", one.plan.steps)
    if one.plan.inverse:
        yield _steps("Undone by", one.plan.inverse)
    readings = ((each.question, each.answer) for each in finding.readings)
    yield table(f"Evidence: {finding.violation.summary}", ("question", "answer"), readings)
    yield tables.radius(one.radius)
    if one.alternatives:
        rows = (
            (plan.action, plan.summary, plan.hash, *_prospect(one, plan), _agreed(one.choosing(plan.action)))
            for plan in one.alternatives
        )
        columns = ("--action", "would", "plan", "depends on it", "saves", "agreed so far")
        yield table("Or, chosen by an approver", columns, rows)


def _facts(one: Proposal, finding: Finding, told: str | None) -> Iterator[tuple[str, str]]:
    yield "would", one.plan.summary
    yield "resource", f"{one.resource_id} {finding.name or ''}".rstrip()
    yield "ARN", finding.arn
    yield "policy", f"{one.policy}, severity {finding.severity}"
    yield "finding", f"{finding.id}, {finding.state} since {moment(finding.state_since)}"
    yield "state", one.state.value if one.reason is None else f"{one.state}: {one.reason}"
    yield "saves", tables.saving(one.prospect.saving, basis=True)
    yield "depends on it", str(one.radius)
    yield "must agree", _quorum(one)
    yield "made", moment(one.created_at)
    yield "expires", moment(one.expires_at)
    yield "plan hash", one.plan.hash
    yield "blast radius hash", one.radius.hash
    if one.plan.irreversible or not one.plan.inverse:
        yield "cannot be undone", one.plan.irreversible or "it has no inverse"
    if told:
        yield "notice", told
    if one.decided_at is not None:
        yield "decided", f"{moment(one.decided_at)} by {one.decided_by} from {one.decided_from}"
    if finding.held:
        yield "held by", finding.held


def _quorum(one: Proposal) -> str:
    wanted = "1 person" if one.quorum == 1 else f"{one.quorum} people"
    barred = f", none of {', '.join(one.not_by)}" if one.not_by else ""
    return f"{wanted}{barred}; agreed so far: {_agreed(one)}"


def _agreed(one: Proposal | None) -> str:
    return (", ".join(one.agreeing) if one else "") or "nobody"


def _steps(title: str, steps: tuple[Step, ...]) -> Table:
    rows = []
    for number, step in enumerate(steps, start=1):
        request = step.read if isinstance(step, Wait) else step
        what = f"{request.service} {request.operation}"
        until = f"wait until it shows {', '.join(step.until)}: " if isinstance(step, Wait) else ""
        rows.append((str(number), f"{until}{what}", json.dumps(request.arguments, sort_keys=True)))
    return table(title, ("", "call", "arguments"), rows)


def _prospect(one: Proposal, plan: Plan) -> tuple[str, str]:
    found = one.prospects.get(plan.action)
    return (str(found.radius), tables.saving(found.saving)) if found else ("unknown", "unknown")


def _commands(one: Proposal, program: str) -> Iterator[tuple[str, str]]:
    """What decides it. Approving names both hashes, so that it counts for what was shown and nothing else."""
    hashes = f"--plan {one.plan.hash} --radius {one.radius.hash}"
    yield "approve", f"{program} approve {one.id} {hashes} --reason '...'"
    yield "reject", f"{program} reject {one.id} --reason '...'"
    yield "put off", f"{program} snooze {one.id} --for 3d --reason '...'"
    resource = shlex.quote(one.resource_id)
    yield "exempt", f"{program} exempt {shlex.quote(one.policy)} {resource} --for 30d --reason '...'"
