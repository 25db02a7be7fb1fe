"""Records: what the store says must be one story, and a true one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta

from chaos.history import History
from chaos.told import all_intents, between
from cloudwarden.core.finding import ProposalState, State

SEES_WITHIN = timedelta(seconds=90)
"""How long after a sweep read a resource its finding may close on that."""


def nothing_closed_on_an_incomplete_listing(history: History) -> Iterator[str]:
    """What closes because its resource is not there: the latest look, at all or at this one, was answered whole.

    A resource that a page showed may be judged by that page, whatever became of the others.
    """
    if not history.looks:
        return
    for closing in history.closings:
        seen = between(history.conditions.get(closing.resource, ()), closing.at - SEES_WITHIN, closing.at)
        if closing.state is not State.GONE and all(one.exists for one in seen):
            continue
        about = [
            look
            for look in history.looks
            if look.at <= closing.at
            and look.prefix
            and closing.resource.startswith(look.prefix)
            and (not look.resources or closing.resource in look.resources)
        ]
        if not about or not about[-1].whole:
            yield f"{closing.finding} of {closing.resource} closed as {closing.state}: the look before was not whole"


def nothing_closed_blindly(history: History) -> Iterator[str]:
    """A finding is gone when its resource is; it is fixed or resolved when its resource complied."""
    for closing in history.closings:
        conditions = history.conditions.get(closing.resource, ())
        seen = between(conditions, closing.at - SEES_WITHIN, closing.at)
        exists = all(one.exists for one in seen)
        violates = all(closing.policy in one.violates for one in seen)
        if exists and (violates or closing.state is State.GONE):
            yield f"{closing.finding} of {closing.resource} closed as {closing.state} at {closing.at}: it was not so"


def the_chain_is_whole(history: History) -> Iterator[str]:
    """The journal's hashes prove it unaltered."""
    if history.chain:
        yield f"the journal: {history.chain}"


def records_agree(history: History) -> Iterator[str]:
    """Findings, proposals, actions and the journal tell one story at every commit."""
    undecided = defaultdict(list)
    for proposal in history.proposals:
        if proposal.state in (ProposalState.PENDING, ProposalState.APPROVED):
            undecided[proposal.finding_id].append(proposal)
    acting = {action.finding_id for action in history.actions if not action.state.ended and action.undoes is None}
    standing = Counter((one.policy, one.resource_id) for one in history.findings if not one.state.closed)
    yield from (f"{count} findings of {key} stand at once" for key, count in standing.items() if count > 1)
    for finding in history.findings:
        states = [proposal.state for proposal in undecided[finding.id]]
        wanted = {State.PROPOSED: [ProposalState.PENDING], State.APPROVED: [ProposalState.APPROVED]}
        if states != wanted.get(finding.state, []):
            yield f"{finding.id} is {finding.state}, and its undecided proposals are {states}"
        if (finding.state is State.ACTING) != (finding.id in acting):
            yield f"{finding.id} is {finding.state}, and its unfinished actions are {finding.id in acting}"
    yield from _endings_disagree(history)


def _endings_disagree(history: History) -> Iterator[str]:
    endings = Counter(
        entry.action_id
        for entry in history.journal
        if entry.event in ("action_succeeded", "action_failed", "action_abandoned", "action_unknown")
    )
    intended = {entry.action_id for entry in all_intents(history)}
    known = {action.id for action in history.actions}
    yield from (f"{action} was intended, and is no action" for action in sorted(intended - known))
    for action in history.actions:
        if endings[action.id] != int(action.state.ended):
            yield f"{action.id} is {action.state}, and the journal has {endings[action.id]} endings of it"


def every_finding_is_accounted_for(history: History) -> Iterator[str]:
    """When all is quiet, what violates has one standing finding; what stands violates, is being seen to, or unknown."""
    if not history.quiet:
        return
    loaded = {name for name, version in {one.policy: one for one in history.versions}.items() if not version.removed}
    truth = {
        (policy, resource)
        for resource, conditions in history.conditions.items()
        for policy in conditions[-1].violates & loaded
        if conditions[-1].exists
    }
    standing = {
        (one.policy, one.resource_id): one for one in history.findings if not one.state.closed and one.policy in loaded
    }
    yield from (
        f"{resource} violates {policy}, and has no finding" for policy, resource in sorted(truth - set(standing))
    )
    for key in sorted(set(standing) - truth):
        if standing[key].state not in (State.ACTING, State.VERIFYING) and standing[key].unknown is None:
            yield f"{standing[key].id} stands as {standing[key].state}, and {key[1]} does not violate {key[0]}"
