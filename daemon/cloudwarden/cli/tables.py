"""The tables that more than one verb prints."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import islice

from rich.table import Table

from cloudwarden.cli.output import moment, table
from cloudwarden.core.blast import BlastRadius
from cloudwarden.core.finding import Finding, Proposal
from cloudwarden.core.saving import Saving
from cloudwarden.core.verdict import Outcome
from cloudwarden.engine.survey import Judgement
from cloudwarden.engine.sweep import SweepResult
from cloudwarden.engine.waiting import Waiting

WHERE = "account/region"
"""Names repeat in a thousand accounts, and ids that people choose do, too."""

MOST_ROWS = 100
"""An outage makes thousands of scopes blind, and a list of them tells a person nothing more."""


def findings(title: str, found: Sequence[Finding]) -> Table:
    """Findings, with what holds their actions back."""
    return table(
        f"{title} ({len(found)})",
        ("policy", WHERE, "resource", "name", "severity", "state", "why", "saves", "held by"),
        (
            (
                one.policy,
                str(one.scope),
                one.resource_id,
                one.name or "",
                one.severity,
                f"{one.state}, unknown now" if one.unknown else one.state,
                one.violation.summary,
                saving(one.saving),
                str(one.unknown) if one.unknown else one.held or "",
            )
            for one in found
        ),
    )


def proposals(title: str, found: Sequence[Waiting]) -> Table:
    """Proposals, with the id to approve them by."""
    return table(
        f"{title} ({len(found)})",
        ("id", "policy", "severity", WHERE, "resource", "would", "depends on it", "saves", "state", "expires"),
        (
            (
                one.id,
                one.policy,
                each.severity,
                str(one.scope),
                one.resource_id,
                one.plan.summary,
                str(one.radius),
                saving(one.prospect.saving),
                _standing(one),
                moment(one.expires_at),
            )
            for each in found
            for one in (each.proposal,)
        ),
    )


def radius(found: BlastRadius) -> Table:
    """What depends on a resource, and what is not known of it."""
    known = [(one.kind, one.id, one.name or "", one.why) for one in found.dependants]
    unknown = [("unknown", gap.what, "", str(gap.cause)) for gap in found.gaps]
    read = f", read {moment(found.read_at)}" if found.read_at else ""
    return table(f"Depends on it: {found}{read}", ("kind", "id", "name", "why"), [*known, *unknown])


def saving(found: Saving | None, *, basis: bool = False) -> str:
    """What is saved in a month, for a cell; with its `basis`, for a page. Empty where it is not about money."""
    if found is None:
        return ""
    if not basis:
        return "unknown" if found.dollars is None else f"${found.dollars:,.2f}"
    return str(found) if found.dollars is None else f"{found}: {found.basis}"


def _standing(one: Proposal) -> str:
    return one.state.value if one.quorum == 1 else f"{one.state} ({one.agreed} of {one.quorum} agreed)"


def unknown(judgements: Sequence[Judgement]) -> Table:
    """Verdicts that could not be given, and why; the first ones where there are very many."""
    told = (
        (one.policy, str(one.scope), doubt.resource_id, doubt.name or "", str(doubt.cause))
        for one in judgements
        for doubt in one.doubts
    )
    rows = list(islice(told, MOST_ROWS))
    every = sum(one.verdicts.get(Outcome.UNKNOWN, 0) for one in judgements)
    title = f"Unknown ({every})" if every == len(rows) else f"Unknown ({len(rows)} of {every})"
    return table(title, ("policy", WHERE, "resource", "name", "cause"), rows)


def blind(result: SweepResult) -> Table:
    """Where not everything was listed, and why; the first ones where there are very many."""
    every = [(str(scope), ", ".join(policies), str(why)) for (scope, why), policies in result.blind.items()]
    rows = every[:MOST_ROWS]
    count = str(len(every)) if rows == every else f"{len(rows)} of {len(every)}"
    return table(f"Not listed completely ({count})", (WHERE, "policies", "cause"), rows)


def verdicts(judgements: Sequence[Judgement]) -> Table:
    """How many verdicts of each outcome each policy gave."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in judgements:
        counts[one.policy].update(one.verdicts)
    return table(
        "Verdicts",
        ("policy", *Outcome),
        ((name, *(str(found[outcome]) for outcome in Outcome)) for name, found in counts.items()),
    )
