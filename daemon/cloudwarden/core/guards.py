"""Guards: whatever holds an action back. Each is a pure function; the chain's order is the design's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from cloudwarden.core.agreement import lacking
from cloudwarden.core.blast import BlastRadius
from cloudwarden.core.finding import Finding, Proposal, ProposalState, State
from cloudwarden.core.lifecycle import grace_left, watched
from cloudwarden.core.notice import Lead, Notice
from cloudwarden.core.policy import AnyPolicy, Approval, Mode
from cloudwarden.core.telling import Ahead, untold


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """An action held back: by which guard (a bounded word), and why, for a person.

    `lasting` says that it ends an action which had begun: what holds it is no mere waiting. `exceeds` says that a limit
    was exceeded, where the guard is one: whether it is may also be unknown.
    """

    guard: str
    detail: str
    lasting: bool = False
    exceeds: bool = False

    def __str__(self) -> str:
        return f"{self.guard}: {self.detail}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An action that might be taken now, and all that the guards look at.

    `exempted` is by what it is exempt, `was_exempt` by what it was since a sweep saw it last, and `doubt` why nobody
    can tell whether it is. `notices` are those of the finding that still matter. `asked` says that people were asked
    about the finding, whatever they said. `undone` says what a person undid of the same since a sweep saw it.
    `plan_hash` and `leads`, the ways to its owner, are None until the last look has made them.
    """

    policy: AnyPolicy
    finding: Finding
    mode: Mode
    trusted: bool
    proposal: Proposal | None
    exempted: str | None
    paused: str | None
    closed: str | None
    now: datetime
    notices: tuple[Notice, ...] = ()
    doubt: str | None = None
    plan_hash: str | None = None
    leads: tuple[Lead, ...] | None = None
    asked: bool = False
    was_exempt: str | None = None
    undone: str | None = None

    @property
    def alone(self) -> bool:
        """Whether the policy may act on it without being told to: never once people were asked, whatever they said."""
        return self.mode is Mode.ENFORCE and self.trusted and not self.asked


Guard = Callable[[Candidate], Hold | None]


def pause(candidate: Candidate) -> Hold | None:
    """The pause switch holds everything, before anything else is asked."""
    return Hold(guard="pause", detail=candidate.paused) if candidate.paused is not None else None


def mode(candidate: Candidate) -> Hold | None:
    """An observing policy acts never; a proposing one, or one not trusted here, only on an approval."""
    if candidate.mode is not Mode.OBSERVE:
        return None
    if candidate.policy.mode is Mode.OBSERVE:
        return Hold(guard="mode", detail="it only observes: that is its mode")
    why = "the ceiling is observe, or the scope that it is kept in is not accepted, left, or cannot be told"
    return Hold(guard="mode", detail=f"it only observes here: {why}")


def protection(candidate: Candidate) -> Hold | None:
    """What is somebody else's to change is not touched."""
    why = candidate.finding.protected
    return Hold(guard="protection", detail=why) if why is not None else None


def window(candidate: Candidate) -> Hold | None:
    """Outside the change windows, and in a freeze, nothing is done, approved or not."""
    return Hold(guard="window", detail=candidate.closed) if candidate.closed is not None else None


def exemption(candidate: Candidate) -> Hold | None:
    """An exempt resource is not touched, nor one that was and that no sweep has seen since, nor if nobody can tell."""
    if (why := candidate.exempted or candidate.was_exempt) is not None:
        return Hold(guard="exemption", detail=why, lasting=True)
    return Hold(guard="exemption", detail=candidate.doubt) if candidate.doubt is not None else None


def grace(candidate: Candidate) -> Hold | None:
    """A violation must have been watched for the whole grace, and until now: an outage's backlog is not due."""
    ticked = candidate.finding.grace.ticked_at
    if ticked is None or not watched(candidate.policy.schedule, ticked, candidate.now):
        seen = candidate.finding.last_seen
        return Hold(
            guard="grace", detail=f"not seen to violate since {seen:%Y-%m-%d %H:%M}Z: a sweep must see it first"
        )
    if candidate.undone is not None and candidate.finding.state is not State.ACTING:
        return Hold(guard="grace", detail=f"{candidate.undone}: a sweep must see it first")
    left = grace_left(candidate.finding, candidate.policy.grace)
    return Hold(guard="grace", detail=f"{left} of {candidate.policy.grace} left") if left else None


def notice(candidate: Candidate) -> Hold | None:
    """Where a policy declares notices, nothing begins before the owner was told, and given the time to object."""
    notify = candidate.policy.notice
    if notify is None or candidate.finding.state is State.ACTING:
        return None
    approved = candidate.proposal is not None and candidate.proposal.state is ProposalState.APPROVED
    if approved and notify.waived_by_approval:
        return None
    ahead = Ahead(
        notify=notify,
        finding=candidate.finding,
        now=candidate.now,
        plan_hash=candidate.plan_hash or (candidate.proposal.plan.hash if candidate.proposal else None),
        leads=candidate.leads,
    )
    why = untold(ahead, candidate.notices)
    return Hold(guard="notice", detail=why) if why is not None else None


def failures(candidate: Candidate) -> Hold | None:
    """What failed is due again when a sweep saw it; after failures in a row, in a while."""
    if candidate.finding.state is not State.FAILED:
        return None
    return Hold(guard="failures", detail=candidate.finding.held or "its action failed: a sweep must see it first")


def approval(candidate: Candidate) -> Hold | None:
    """Without enforce mode and trust, people must have approved, not too long ago, and as the policy wants it now.

    What was approved is carried out on that approval, also by a policy that may act alone by now.
    """
    proposal = candidate.proposal
    if proposal is not None and proposal.state is ProposalState.APPROVED:
        why = outlived(proposal, candidate.policy.approval, candidate.now)
        return _no_more(why, candidate.finding.held) if why is not None else None
    if candidate.alone:
        return None
    finding = candidate.finding
    if proposal is None and finding.held is not None and finding.held.startswith(str(unplanned(""))):
        return unplanned(finding.held.removeprefix(str(unplanned(""))))
    if finding.state is State.FAILED:
        return Hold(guard="approval", detail="nobody is asked before it is tried again")
    waits = ASKED_ANEW if proposal is None and candidate.asked else "waits for a person's approval"
    return Hold(guard="approval", detail=(finding.snoozed_at(candidate.now) and finding.held) or waits)


ASKED = "people were asked about it, so people decide"
"""Why a policy that may act by itself does not act on what was ever put to people."""

ASKED_ANEW = f"{ASKED}: the next sweep asks them anew"


def unplanned(why: str) -> Hold:
    """What holds a due finding of which no sweep could ask people, as its finding says until one can."""
    return Hold(guard="approval", detail=f"there is nothing to approve: {why}")


def outlived(approved: Proposal, terms: Approval, now: datetime) -> str | None:
    """Why what was approved may not be carried out any more, in words; None when it may. A sweep asks people anew."""
    if now >= approved.expires_at:
        return f"proposal {approved.id} expired at {approved.expires_at:%Y-%m-%d %H:%M}Z"
    if why := lacking(terms, approved):
        return f"the terms of approval changed since proposal {approved.id} was approved: {why}"
    return None


_UNTIL_THEN = "; until then "


def _no_more(why: str, held: str | None) -> Hold:
    """The hold of an approval that is over, with what held it until then; the same however often this is asked."""
    hold = Hold(guard="approval", detail=why)
    if held is None or held == str(hold):
        return hold
    return replace(hold, detail=f"{why}{_UNTIL_THEN}{held.removeprefix(f'{hold}{_UNTIL_THEN}')}")


def lapsed(proposal: Proposal, held: str | None) -> str:
    """Why a proposal ended with its time, in words: nobody decided, or what was approved was not carried out.

    `held` is what its finding says holds its action.
    """
    agreed = ", ".join(proposal.agreeing)
    if proposal.state is not ProposalState.APPROVED:
        chosen = [proposal.choosing(plan.action) for plan in proposal.alternatives]
        instead = [f"{', '.join(one.agreeing)} to {one.plan.action}" for one in chosen if one and one.agreed]
        few = ", ".join([*([agreed] if agreed else []), *instead])
        return f"only {few} agreed in time, and {proposal.quorum} must" if few else "nobody decided in time"
    if held is not None and held.startswith(f"approval: proposal {proposal.id} expired"):
        held = held.partition(_UNTIL_THEN)[2]
    words = f"approved by {agreed or proposal.decided_by}, and not carried out before it ended"
    return f"{words}; last held by {held}" if held else words


CHAIN: tuple[Guard, ...] = (pause, mode, protection, exemption, grace, notice, window, failures, approval)
"""The guards that look at one candidate. The limit looks at a whole batch, after these and before the re-check."""


LAST: tuple[Guard, ...] = (pause, mode, protection, exemption, grace, notice, window)
"""Those that look once more, at what was just read, right before each call of an action: the further ones, too."""


def blast_radius(candidate: Candidate, radius: BlastRadius) -> Hold | None:
    """Looked at with the re-check. Alone, a policy touches only what little depends on, and what is known to be little.

    Of what people approved, everything that was known then must be known still; more of it is not for a guard to hold:
    then the approval is no longer one.
    """
    if candidate.proposal is not None:
        lost = radius.unread_since(candidate.proposal.radius)
        words = f"cannot tell whether more depends on it by now: {'; '.join(map(str, lost))}"
        return Hold(guard="blast-radius", detail=words) if lost else None
    if not radius.known:
        return Hold(guard="blast-radius", detail=f"not known what depends on it, so people decide: {radius.unknown}")
    allowed = candidate.policy.max_dependants
    if len(radius.dependants) > allowed:
        words = f"{len(radius.dependants)} things depend on it and max_dependants={allowed}, so people decide"
        return Hold(guard="blast-radius", detail=words)
    return None


def held_by(candidate: Candidate, chain: tuple[Guard, ...] = CHAIN) -> Hold | None:
    """The first guard that holds the candidate back; None when it may go on."""
    for guard in chain:
        if hold := guard(candidate):
            return hold
    return None
