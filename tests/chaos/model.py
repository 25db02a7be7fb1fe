"""The model: what must be so in every history. One pure function for each invariant says, in words, where it is not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from chaos.history import History
from chaos.told import all_intents, asked, beginnings, between, undos, versions_in_force
from cloudwarden.core.action import Json
from cloudwarden.core.exemption import ANY
from cloudwarden.core.finding import ActionRecord, ProposalState, State
from cloudwarden.core.policy import Mode

LOOKS_WITHIN = timedelta(seconds=60)
"""How old a look may be that an action is taken on: one slow reading with its repetitions, and no more."""

SEES_WITHIN = timedelta(seconds=90)
"""How long after a sweep read a resource its finding may close on that."""


def no_call_without_a_committed_intent(history: History) -> Iterator[str]:
    """When a mutating request arrives, the store holds the intent for it."""
    for sent in history.sent:
        if not sent.intents:
            yield f"{sent.operation} of {sent.resource} arrived at {sent.at} and no committed intent names it"


def no_action_twice(history: History) -> Iterator[str]:
    """Each intent allows one request, and each approval one action."""
    requests = Counter((sent.operation, sent.resource) for sent in history.sent)
    intents = Counter(asked(entry) for entry in all_intents(history))
    for key, count in requests.items():
        if count > intents[key]:
            yield f"{key[0]} of {key[1]} arrived {count} times, and was intended {intents[key]} times"
    steps = Counter((entry.action_id, entry.details["step"]) for entry in all_intents(history))
    yield from (
        f"step {step} of {action} was intended {count} times" for (action, step), count in steps.items() if count > 1
    )
    used = Counter(action.proposal_id for action in history.actions if action.proposal_id)
    yield from (f"proposal {proposal} was carried out {count} times" for proposal, count in used.items() if count > 1)


def no_limit_exceeded(history: History) -> Iterator[str]:
    """An hour, a day and a run hold no more actions of a policy than it allows."""
    begun: defaultdict[str, list[tuple[int, ActionRecord]]] = defaultdict(list)
    for entry, action in beginnings(history):
        begun[action.policy].append((entry.seq, action))
    for policy, actions in begun.items():
        for number, (seq, action) in enumerate(actions):
            allowed = [version.limit for version in versions_in_force(history, policy, seq)]
            earlier = [one for _, one in actions[: number + 1]]
            for hours, most in (
                (1, max((limit.per_hour for limit in allowed), default=0)),
                (24, max((limit.per_day for limit in allowed), default=0)),
            ):
                since = action.started_at - timedelta(hours=hours)
                taken = sum(one.started_at >= since for one in earlier)
                if taken > most:
                    yield f"{policy}: action {action.id} is number {taken} within {hours} h, and {most} are allowed"
            yield from _run_exceeded(history, policy, [one for one, _ in actions[: number + 1]], action)


def _run_exceeded(history: History, policy: str, begun: Sequence[int], action: ActionRecord) -> Iterator[str]:
    seq = begun[-1]
    runs = [run for run in history.runs if run.policy == policy and run.after < seq]
    if not runs or runs[-1].population is None:
        yield f"{policy}: action {action.id} began with an unknown population"
        return
    limits = [version.limit for version in versions_in_force(history, policy, seq)]
    most = max((limit.allowed(runs[-1].population) for limit in limits), default=0)
    taken = sum(one > runs[-1].after for one in begun)
    if taken > most:
        yield f"{policy}: action {action.id} is number {taken} since the last sweep, and {most} are allowed"


def no_quota_exceeded(history: History) -> Iterator[str]:
    """An hour and a day hold no more actions of all policies than the installation allows, nor of one account."""
    if (quota := history.quota) is None:
        return
    begun = [action for _, action in beginnings(history)]
    for number, action in enumerate(begun, start=1):
        here = [one for one in begun[:number] if one.scope.account == action.scope.account]
        for hours, everywhere, account in (
            (1, quota.per_hour, quota.account_per_hour),
            (24, quota.per_day, quota.account_per_day),
        ):
            since = action.started_at - timedelta(hours=hours)
            for taken, most in ((begun[:number], everywhere), (here, account)):
                count = sum(one.started_at >= since for one in taken)
                if count > most:
                    yield f"action {action.id} is number {count} of all policies within {hours} h, and {most} may be"


def nothing_while_paused(history: History) -> Iterator[str]:
    """After a pause was committed no call that it covers is intended, until it is ended.

    An undo is a person's word, and may.
    """
    paused: set[tuple[str, str]] = set()
    undoing = undos(history)
    for entry in history.journal:
        details = entry.details
        which = str(details.get("policy")), str(details.get("account", ANY))
        if entry.event in ("paused", "policy_stopped"):
            paused.add(which)
        elif entry.event == "resumed":
            paused.discard(which)
        elif entry.event == "action_intended" and entry.action_id not in undoing:
            account = str(details["scope"]).partition("/")[0]
            for policy, where in paused:
                if policy in (ANY, details["policy"]) and where in (ANY, account):
                    yield f"{entry.action_id} intended a call (entry {entry.seq}) while {policy} in {where} was paused"


def nothing_on_the_exempt(history: History) -> Iterator[str]:
    """After an exemption was committed no call is intended on what it covers, until it ends."""
    standing: dict[str, Mapping[str, Json]] = {}
    undoing = undos(history)
    for entry in history.journal:
        details = entry.details
        if entry.event == "exemption_made":
            standing[str(details["exemption"])] = details
        elif entry.event == "exemption_revoked":
            standing.pop(str(details["exemption"]), None)
        elif entry.event == "action_intended" and entry.action_id not in undoing:
            for name, exemption in standing.items():
                if _exempts(exemption, details) and entry.at < datetime.fromisoformat(str(exemption["expires_at"])):
                    yield f"{entry.action_id} intended a call on {details['resource']}, which {name} exempts"


def _exempts(exemption: Mapping[str, Json], intent: Mapping[str, Json]) -> bool:
    account, _, region = str(intent["scope"]).partition("/")
    return exemption["policy"] in (ANY, intent["policy"]) and all(
        fnmatchcase(value, str(exemption[part]))
        for part, value in (("resource", str(intent["resource"])), ("account", account), ("region", region))
    )


def nothing_in_a_freeze(history: History) -> Iterator[str]:
    """No call is intended in a freeze."""
    undoing = undos(history)
    for entry in all_intents(history):
        frozen = any(
            one.begins <= entry.at < one.until and one.after < entry.seq and (one.last is None or entry.seq <= one.last)
            for one in history.freezes
        )
        if frozen and entry.action_id not in undoing:
            yield f"{entry.action_id} intended a call at {entry.at}, in a freeze"


def nothing_unapproved(history: History) -> Iterator[str]:
    """A person approved the very proposal, and did not take it back; or trusts this version of the policy to act."""
    approved: set[str] = set()
    trusted: set[tuple[str, str]] = set()
    begun = {entry.seq: action for entry, action in beginnings(history)}
    for entry in history.journal:
        details = entry.details
        if entry.event == "proposal_approved":
            approved.add(str(details["proposal"]))
        elif entry.event == "proposal_rejected":
            approved.discard(str(details["proposal"]))
        elif entry.event == "trusted":
            trusted.add((str(details["policy"]), str(details["fingerprint"])))
        elif (action := begun.get(entry.seq)) and not _alone(history, action, entry.seq, trusted):
            yield from _unapproved(history, action, approved)


def _unapproved(history: History, action: ActionRecord, approved: set[str]) -> Iterator[str]:
    if action.proposal_id is None:
        yield f"{action.id} was begun without a proposal, and {action.policy} is not trusted to act alone"
        return
    if action.proposal_id not in approved:
        yield f"{action.id} was begun on {action.proposal_id}, which nobody approves"
    (plan,) = (proposal.plan for proposal in history.proposals if proposal.id == action.proposal_id)
    if plan.hash != action.plan.hash:
        yield f"{action.id} carries out another plan than {action.proposal_id}"


def _alone(history: History, action: ActionRecord, seq: int, trusted: set[tuple[str, str]]) -> bool:
    return any(
        version.mode is Mode.ENFORCE and (action.policy, version.fingerprint) in trusted
        for version in versions_in_force(history, action.policy, seq)
    )


def nothing_on_the_unknown(history: History) -> Iterator[str]:
    """Every call follows a fresh, whole look at its resource, which showed a violation that may be acted on."""
    actions = {action.id: action for action in history.actions}
    for sent in history.sent:
        action = actions.get(sent.intents[-1][0]) if sent.intents else None
        if action is None or action.undoes is not None:
            continue
        what = f"{sent.operation} of {sent.resource} at {sent.at}"
        if sent.looked_at is None or sent.at - sent.looked_at > LOOKS_WITHIN:
            yield f"{what}: it was not looked at again (last: {sent.looked_at})"
            continue
        seen = between(history.conditions.get(sent.resource, ()), sent.looked_at, sent.at)
        if not any(one.exists and action.policy in one.violates for one in seen):
            yield f"{what}: it did not violate {action.policy}"
        elif all(one.untouchable for one in seen):
            yield f"{what}: it was protected"


def nothing_denied(history: History) -> Iterator[str]:
    """What a dry run did not permit is not called."""
    yield from (
        f"{sent.operation} of {sent.resource} arrived at {sent.at}, and its dry run had not passed"
        for sent in history.sent
        if not sent.permitted
    )


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
        if entry.event in ("action_succeeded", "action_failed", "action_abandoned")
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


INVARIANTS: tuple[Callable[[History], Iterator[str]], ...] = (
    no_call_without_a_committed_intent,
    no_action_twice,
    no_limit_exceeded,
    no_quota_exceeded,
    nothing_while_paused,
    nothing_on_the_exempt,
    nothing_in_a_freeze,
    nothing_unapproved,
    nothing_on_the_unknown,
    nothing_denied,
    nothing_closed_on_an_incomplete_listing,
    nothing_closed_blindly,
    the_chain_is_whole,
    records_agree,
    every_finding_is_accounted_for,
)


def violations(history: History) -> list[str]:
    """Everything that is not as it must be, each with the invariant that it breaks."""
    return [f"{check.__name__}: {what}" for check in INVARIANTS for what in check(history)]
