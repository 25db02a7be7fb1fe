"""What the daemon's events say to somebody who watches the demo."""

from __future__ import annotations

from collections.abc import Iterator

from cloudwarden.core.finding import Finding, State
from cloudwarden.core.resource import Scope
from cloudwarden.engine.events import (
    ActionEnded,
    ActionHeld,
    ActionIntended,
    FindingChanged,
    JournalFailed,
    LimitTripped,
    Listed,
    NoticesDelivered,
    NoticesFailed,
    PauseBegan,
    PauseEnded,
    PoliciesLoaded,
    ProposalMade,
    RuleFailed,
    SweepFailed,
)

_CHANGES = {
    State.APPROVED: "approved",
    State.FIXED: "fixed, as a new reading shows",
    State.RESOLVED: "became compliant by itself",
    State.GONE: "is gone",
    State.EXEMPTED: "exempted",
}


class Teller:
    """Tells of each event once: trouble that every sweep meets again is told when it comes and when it goes."""

    def __init__(self) -> None:
        self._unread: set[tuple[str, Scope]] = set()
        self._refused: tuple[str, ...] = ()

    def tell(self, event: object) -> Iterator[str]:
        """The lines that an event is worth."""
        if isinstance(event, Listed):
            yield from self._listed(event)
        elif isinstance(event, PoliciesLoaded):
            yield from self._loaded(event)
        elif line := told(event):
            yield line

    def _listed(self, event: Listed) -> Iterator[str]:
        key = (event.kind, event.scope)
        if event.problem is not None and key not in self._unread:
            self._unread.add(key)
            yield f"unread    {event.kind}: {event.problem}"
        elif event.problem is None and key in self._unread:
            self._unread.discard(key)
            yield f"read      {event.kind}: complete again"

    def _loaded(self, event: PoliciesLoaded) -> Iterator[str]:
        yield from (f"refused   {problem}" for problem in event.problems if problem not in self._refused)
        if self._refused and not event.problems:
            yield "accepted  every policy file again"
        self._refused = event.problems


def told(event: object) -> str | None:
    """One line for an event that a watcher wants to know of."""
    match event:
        case FindingChanged(finding=finding, was=None) if finding.state is not State.EXEMPTED:
            return f"found     {_about(finding)}: {finding.violation.summary}"
        case FindingChanged(finding=finding):
            change = _CHANGES.get(finding.state)
            by = f" by {finding.held}" if finding.state is State.EXEMPTED else ""
            return f"finding   {_about(finding)}: {change}{by}" if change else None
        case ProposalMade(proposal=proposal):
            return f"proposed  {proposal.id}: {proposal.plan.summary}"
        case ActionIntended(record=record) if record.step == 0:
            return f"acting    {record.plan.summary}"
        case ActionEnded(record=record, outcome=outcome):
            return f"did       {record.plan.summary}: {outcome}{f', {record.error}' if record.error else ''}"
        case NoticesDelivered(owner=owner, channel=channel, notices=notices):
            return (
                f"told      {owner}, by the channel {channel}: what is ahead for {notices} finding{'s'[: notices - 1]}"
            )
        case PauseBegan() | PauseEnded():
            return _switched(event)
        case _:
            return _trouble(event)


def _switched(event: PauseBegan | PauseEnded) -> str:
    if isinstance(event, PauseEnded):
        return f"resumed   {event.pause.what}"
    return f"PAUSED    {event.pause}"


def _trouble(event: object) -> str | None:
    match event:
        case ActionHeld(resource=resource, guard=guard, detail=detail) if guard != "approval":
            return f"held      {resource}: {guard}, {detail}"
        case NoticesFailed(owner=owner, detail=detail):
            return f"untold    {owner or 'no owner'}, so nothing is done: {detail}"
        case LimitTripped(policy=policy, detail=detail):
            return f"LIMIT     {policy}: {detail}"
        case RuleFailed(policy=policy, resource=resource, detail=detail):
            return f"rule      {policy} on {resource}: {detail}"
        case JournalFailed(detail=detail):
            return f"journal   could not be written, so nothing was done: {detail}"
        case SweepFailed(detail=detail):
            return f"sweep     failed: {detail}"
        case _:
            return None


def _about(finding: Finding) -> str:
    return f"{finding.policy} on {finding.resource_id}{f' ({finding.name})' if finding.name else ''}"
