"""Consents: an action is begun with the word of those who must agree, and once those are told who must be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from chaos.history import History
from chaos.told import all_intents, beginnings, versions_in_force
from cloudwarden.core.finding import ActionRecord
from cloudwarden.core.policy import Mode
from cloudwarden.ports import JournalEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """What people said of a proposal so far: who agreed to which plan, and the plan that was approved in the end."""

    agreed: Mapping[str, str] = field(default_factory=dict)
    approved: str | None = None


def nothing_unapproved(history: History) -> Iterator[str]:
    """As many as must agreed to the very plan, and nobody took it back; or the version that acts is trusted to.

    An approval is for an action as a whole, trust for each of its calls.
    """
    words: dict[str, Word] = {}
    trusted: set[tuple[str, str]] = set()
    asked = {entry.seq: action for entry, action in beginnings(history)}
    alone = {action.id: action for action in asked.values() if action.proposal_id is None}
    asked |= {entry.seq: alone[entry.action_id] for entry in all_intents(history) if entry.action_id in alone}
    for entry in history.journal:
        details = entry.details
        if entry.event in ("proposal_seconded", "proposal_approved"):
            _agree(words, entry)
        elif entry.event in ("proposal_rejected", "proposal_snoozed"):
            words.pop(str(details["proposal"]), None)
        elif entry.event == "trusted":
            trusted.add((str(details["policy"]), str(details["fingerprint"])))
        elif entry.event == "distrusted":
            trusted = {one for one in trusted if one[0] != details["policy"]}
        elif (action := asked.get(entry.seq)) and not _alone(history, entry, trusted):
            yield from _unapproved(history, entry, action, words)


def _agree(words: dict[str, Word], entry: JournalEntry) -> None:
    """Somebody agrees to a plan; the last of those who must makes it an approval."""
    name, plan = str(entry.details["proposal"]), str(entry.details["plan_hash"])
    before = words.get(name, Word())
    words[name] = Word(
        agreed={**before.agreed, str(entry.details["by"]): plan},
        approved=plan if entry.event == "proposal_approved" else before.approved,
    )


def _unapproved(
    history: History, entry: JournalEntry, action: ActionRecord, words: Mapping[str, Word]
) -> Iterator[str]:
    if action.proposal_id is None:
        yield f"{action.id} has no proposal, and the version of {action.policy} that called is not trusted to act alone"
        return
    word = words.get(action.proposal_id, Word())
    if word.approved is None:
        yield f"{action.id} was begun on {action.proposal_id}, which is not approved"
    agreed = {who for who, plan in word.agreed.items() if plan == action.plan.hash}
    versions = versions_in_force(history, action.policy, entry.seq)
    if versions and not any(len(agreed - set(one.not_by)) >= one.quorum for one in versions):
        yield f"{action.id} was begun on {action.proposal_id}, to which only {sorted(agreed)} agreed"
    (proposal,) = (one for one in history.proposals if one.id == action.proposal_id)
    # Of a proposal's plans people approved one.
    if {proposal.plan.hash, word.approved or proposal.plan.hash} != {action.plan.hash}:
        yield f"{action.id} carries out another plan than {action.proposal_id}"
    if entry.at >= proposal.expires_at:
        yield f"{action.id} was begun at {entry.at} on {action.proposal_id}, which ended at {proposal.expires_at}"


def _alone(history: History, entry: JournalEntry, trusted: set[tuple[str, str]]) -> bool:
    """Whether the version that the intent names is trusted, and may have been running: no other one's trust counts."""
    policy, acted = str(entry.details["policy"]), entry.details["policy_version"]
    return (policy, acted) in trusted and any(
        version.mode is Mode.ENFORCE and version.fingerprint == acted
        for version in versions_in_force(history, policy, entry.seq)
    )


def nothing_alone_that_people_were_asked(history: History) -> Iterator[str]:
    """What was once put to people is begun on their approval alone, whatever they said and whoever is trusted since."""
    begun = {entry.seq: action for entry, action in beginnings(history)}
    asked: set[str] = set()
    for entry in history.journal:
        if entry.event == "proposal_made":
            asked.add(str(entry.details.get("finding")))
        action = begun.get(entry.seq)
        if action is not None and action.proposal_id is None and action.finding_id in asked:
            yield f"{action.id} was begun without a proposal, and people had been asked about {action.finding_id}"


def nothing_untold(history: History) -> Iterator[str]:
    """Where somebody must be told before an action, a message that was delivered names it before it is begun."""
    for entry, action in beginnings(history):
        versions = versions_in_force(history, action.policy, entry.seq)
        about, begun = f"{action.policy}: {action.resource_id} in ", history.committed[entry.seq]
        told = any(one.at < begun and about in one.text for one in history.messages)
        if versions and all(one.tells for one in versions) and not told:
            yield f"{action.id} on {action.resource_id} was begun, and nobody had been told"
