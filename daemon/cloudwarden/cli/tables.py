"""The tables that more than one verb prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from cloudwarden.cli.output import moment, table
from cloudwarden.core.finding import Finding, Proposal
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource
from cloudwarden.core.verdict import Outcome, Verdict

Judged = tuple[AnyPolicy, Resource, Verdict]


def findings(title: str, found: Sequence[Finding]) -> Table:
    """Findings, with what holds their actions back."""
    return table(
        f"{title} ({len(found)})",
        ("policy", "resource", "name", "severity", "state", "why", "held by"),
        (
            (
                one.policy,
                one.resource_id,
                one.name or "",
                one.severity,
                f"{one.state}, unknown now" if one.unknown else one.state,
                one.violation.summary,
                str(one.unknown) if one.unknown else one.held or "",
            )
            for one in found
        ),
    )


def proposals(title: str, found: Sequence[Proposal]) -> Table:
    """Proposals, with the id to approve them by."""
    return table(
        f"{title} ({len(found)})",
        ("id", "policy", "resource", "would", "state", "expires"),
        ((one.id, one.policy, one.resource_id, one.plan.summary, one.state, moment(one.expires_at)) for one in found),
    )


def unknown(judged: Iterable[Judged]) -> Table:
    """Verdicts that could not be given, and why."""
    rows = [
        (policy.name, resource.id, resource.name or "", str(verdict.cause or ""))
        for policy, resource, verdict in judged
        if verdict.outcome is Outcome.UNKNOWN
    ]
    return table(f"Unknown ({len(rows)})", ("policy", "resource", "name", "cause"), rows)


def verdicts(judged: Sequence[Judged]) -> Table:
    """How many verdicts of each outcome each policy gave."""
    names = dict.fromkeys(policy.name for policy, _, _ in judged)
    return table(
        "Verdicts",
        ("policy", *Outcome),
        (
            (
                name,
                *(
                    str(sum(policy.name == name and verdict.outcome is outcome for policy, _, verdict in judged))
                    for outcome in Outcome
                ),
            )
            for name in names
        ),
    )
