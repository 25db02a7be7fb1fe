"""Precedent: what a policy's earlier sweeps read and found, and where this one is not like them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from cloudwarden.core.caution import unusual, unwatched
from cloudwarden.core.finding import Finding
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Outcome, Reason
from cloudwarden.engine.gather import Key
from cloudwarden.engine.survey import Judgement
from cloudwarden.ports import ScopeRun, Transaction

_SAID_BY_THE_RESOURCE = (Reason.NOT_ENOUGH_DATA, Reason.RULE_TEMPORARY)
"""Why a verdict is unknown though everything was read: the resource is new, say, or in the middle of a change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Precedent:
    """How a sweep leaves its scopes, and why it had better not act alone in them.

    `matches` are the violations to remember as usual; None when it read nothing, or found unusually many.
    """

    scopes: Sequence[ScopeRun]
    matches: int | None
    gaps: Mapping[Scope, str]
    growth: str | None

    def caution(self, scope: Scope) -> str | None:
        """Why the policy only proposes in the scope, or None."""
        return self.growth or self.gaps.get(scope)


NO_PRECEDENT = Precedent(scopes=(), matches=None, gaps={}, growth=None)


def precedent(
    tx: Transaction,
    policy: AnyPolicy,
    judgements: Sequence[Judgement],
    populations: Sequence[int | None],
    known: Mapping[Key, Finding],
    now: datetime,
) -> Precedent:
    """Hold a sweep's judgements against what is stored of the sweeps before it.

    A scope that cannot be read counts with what was found in it before, so that neither its silence nor its return
    looks like a change of what there is. `populations` says for each judgement of how many resources a share may be
    taken there; None where that is not known.
    """
    before = tx.runs.scopes(policy.name)
    scopes = [
        _after(before.get(one.scope), one, population, known, now)
        for one, population in zip(judgements, populations, strict=True)
    ]
    last_read = {scope: one.read_at for scope, one in before.items()}
    gap_since = cache(lambda read_at: unwatched(read_at, policy.schedule, now))
    gaps = {one.scope: gap_since(last_read.get(one.scope)) for one in judgements}
    matches = sum(one.matches or 0 for one in scopes)
    # What is found where no sweep looked before is news, and nobody trusts the policy there.
    seen_before = sum(one.matches or 0 for one in scopes if last_read.get(one.scope) is not None)
    growth = unusual(seen_before, tx.runs.matches(policy.name))
    usual = growth is None and any(one.read_at == now for one in scopes)
    return Precedent(
        scopes=scopes,
        matches=matches if usual else None,
        gaps={scope: why for scope, why in gaps.items() if why is not None},
        growth=growth,
    )


def _after(
    before: ScopeRun | None, judgement: Judgement, population: int | None, known: Mapping[Key, Finding], now: datetime
) -> ScopeRun:
    scope = judgement.scope
    if _read(judgement):
        return ScopeRun(scope=scope, read_at=now, matches=_matches(judgement, known), population=population)
    return replace(before or ScopeRun(scope=scope), population=population)


def _read(judgement: Judgement) -> bool:
    """Whether the scope was looked at: listed completely, and most verdicts given, or unknown by the resource's own."""
    if judgement.problem is not None:
        return False
    unread = sum(count for reason, count in judgement.unknown.items() if reason not in _SAID_BY_THE_RESOURCE)
    return 2 * unread <= sum(judgement.verdicts.values())


def _matches(judgement: Judgement, known: Mapping[Key, Finding]) -> int:
    """What violates, and what did when it was last judged, and is unknown now."""
    return sum(
        verdict.outcome is Outcome.VIOLATION
        or (verdict.outcome is Outcome.UNKNOWN and _stands(known.get((judgement.scope, resource.id))))
        for resource, verdict in judgement.told
    )


def _stands(finding: Finding | None) -> bool:
    return finding is not None and not finding.state.closed
