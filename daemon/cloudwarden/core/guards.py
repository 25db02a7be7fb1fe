"""Guards: whatever holds an action back. Each is a pure function; the chain's order is the design's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cloudwarden.core.finding import Finding, Proposal, ProposalState
from cloudwarden.core.lifecycle import grace_left, patience_of
from cloudwarden.core.policy import AnyPolicy, Mode


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """An action held back: by which guard (a bounded word), and why, for a person."""

    guard: str
    detail: str

    def __str__(self) -> str:
        return f"{self.guard}: {self.detail}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An action that might be taken now, and all that the guards look at."""

    policy: AnyPolicy
    finding: Finding
    mode: Mode
    trusted: bool
    proposal: Proposal | None
    exempted: str | None
    paused: str | None
    now: datetime


Guard = Callable[[Candidate], Hold | None]


def pause(candidate: Candidate) -> Hold | None:
    """The pause switch holds everything, before anything else is asked."""
    return Hold(guard="pause", detail=candidate.paused) if candidate.paused is not None else None


def mode(candidate: Candidate) -> Hold | None:
    """An observing policy acts never; a proposing one, or one not trusted here, only on an approval."""
    if candidate.mode is Mode.OBSERVE:
        return Hold(guard="mode", detail="the policy, or the environment's ceiling, only observes")
    return None


def exemption(candidate: Candidate) -> Hold | None:
    """An exempt resource is not touched."""
    return Hold(guard="exemption", detail=candidate.exempted) if candidate.exempted is not None else None


def grace(candidate: Candidate) -> Hold | None:
    """A violation must have been watched for the whole grace, and until now: an outage's backlog is not due."""
    ticked = candidate.finding.grace.ticked_at
    patience = patience_of(candidate.policy.schedule.interval_at(candidate.now))
    if ticked is None or not ticked <= candidate.now <= ticked + patience:
        seen = candidate.finding.last_seen
        return Hold(
            guard="grace", detail=f"not seen to violate since {seen:%Y-%m-%d %H:%M}Z: a sweep must see it first"
        )
    left = grace_left(candidate.finding, candidate.policy.grace)
    return Hold(guard="grace", detail=f"{left} of {candidate.policy.grace} left") if left else None


def approval(candidate: Candidate) -> Hold | None:
    """Without enforce mode and trust, a person must have approved, and not too long ago."""
    if candidate.mode is Mode.ENFORCE and candidate.trusted:
        return None
    proposal = candidate.proposal
    if proposal is None or proposal.state is not ProposalState.APPROVED:
        return Hold(guard="approval", detail="waits for a person's approval")
    if candidate.now >= proposal.expires_at:
        return Hold(guard="approval", detail=f"proposal {proposal.id} expired at {proposal.expires_at:%Y-%m-%d %H:%M}Z")
    return None


CHAIN: tuple[Guard, ...] = (pause, mode, exemption, grace, approval)
"""The guards that look at one candidate. The limit looks at a whole batch, after these and before the re-check."""


def held_by(candidate: Candidate, chain: tuple[Guard, ...] = CHAIN) -> Hold | None:
    """The first guard that holds the candidate back; None when it may go on."""
    for guard in chain:
        if hold := guard(candidate):
            return hold
    return None


def limit(policy: AnyPolicy, *, batch: int, taken: int, population: int | None) -> Hold | None:
    """Holds a whole batch: `taken` actions of this run and `batch` more, among `population` judged resources.

    `population` is None when a listing was incomplete: a share of an unknown number is unknown, so nothing goes.
    """
    if population is None:
        return Hold(guard="limit", detail="the share cannot be known: a listing of this policy's sweep was incomplete")
    allowed = policy.limit.allowed(population)
    if batch + taken <= allowed:
        return None
    return Hold(
        guard="limit",
        detail=f"{batch} actions due and {taken} taken since the last sweep, {allowed} allowed "
        f"(per_run={policy.limit.per_run}, share={policy.limit.share:g} of {population}): none was taken",
    )
