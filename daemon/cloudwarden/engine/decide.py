"""Decide: what operators may decide, checked, journalled, and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloudwarden.core import lifecycle
from cloudwarden.core.agreement import barred, earlier, spelled
from cloudwarden.core.errors import CloudwardenError
from cloudwarden.core.exemption import ANY, LONGEST
from cloudwarden.core.finding import Assent, Grace, Proposal, ProposalState, State
from cloudwarden.core.pause import Pause
from cloudwarden.core.plain import Json
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import GLOBAL, Scope
from cloudwarden.ports import Transaction


class DecisionError(CloudwardenError):
    """A decision that cannot be taken; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decider:
    """Who decides, from where, when, and why: part of every decision in the journal.

    `by` is what a person says; `user` the account of the operating system, where that is a person's own.
    """

    by: str
    origin: str
    reason: str
    now: datetime
    user: str = ""

    def details(self, **more: Json) -> Mapping[str, Json]:
        """The journal entry's details."""
        return {"by": self.by, "origin": self.origin, "reason": self.reason, **more}

    def demand_reason(self) -> None:
        """Nobody can judge later what nobody explained. Pausing alone does not wait for words."""
        if not self.reason.strip():
            raise DecisionError("a decision needs a reason: add --reason '...', which the journal keeps")


def approve(
    tx: Transaction,
    proposal_id: str,
    decider: Decider,
    *,
    action: str | None = None,
    plan_hash: str | None = None,
    radius_hash: str | None = None,
) -> Proposal:
    """Let a pending proposal's plan, and no other, be carried out; it stays pending until its quorum has agreed.

    `action` chooses one of its alternatives, for which as many must agree; until they have, the proposal asks for what
    it asked for, which is what whoever names no action agrees to. With `plan_hash` or `radius_hash`, nothing is decided
    unless that is the plan, or the blast radius. Returns the proposal as it was agreed to.
    """
    decider.demand_reason()
    asked = _decidable(tx, proposal_id, decider.now)
    proposal = _chosen(asked, action)
    finding = tx.findings.get(proposal.finding_id)
    if finding is None or finding.state is not State.PROPOSED:
        state = finding.state if finding else "missing"
        raise DecisionError(f"proposal {proposal_id}: its finding is {state}, so there is nothing to approve")
    if plan_hash is not None and plan_hash != proposal.plan.hash:
        raise DecisionError(f"proposal {proposal_id} has the plan {proposal.plan.hash}, not {plan_hash}: look again")
    if radius_hash is not None and radius_hash != proposal.radius.hash:
        now = f"{proposal.radius.hash} ({proposal.radius})"
        raise DecisionError(f"proposal {proposal_id} has the blast radius {now}, not {radius_hash}: look again")
    proposal = replace(proposal, assents=(*proposal.assents, _assent(proposal, decider)))
    if proposal.agreed < proposal.quorum:
        # Whoever was shown it, and approves it by its id alone, must not agree to what somebody chose since.
        tx.proposals.save([replace(asked, assents=proposal.assents)])
        _journal(tx, "proposal_seconded", proposal, decider)
        return proposal
    approved = _decided(proposal, ProposalState.APPROVED, decider)
    tx.proposals.save([approved])
    tx.findings.save([lifecycle.moved(finding, State.APPROVED, decider.now)])
    _journal(tx, "proposal_approved", approved, decider)
    return approved


def reject(tx: Transaction, proposal_id: str, decider: Decider, *, until: datetime) -> Proposal:
    """Refuse a pending or approved proposal; its finding is not proposed again before `until`."""
    return _put_off(tx, proposal_id, decider, until, "proposal_rejected")


def snooze(
    tx: Transaction, proposal_id: str, decider: Decider, *, until: datetime, allowed: timedelta = LONGEST
) -> Proposal:
    """Put a pending or approved proposal off; its finding stands, and is proposed again after `until`.

    At most `allowed` away: what is to be left alone for longer is exempted, with an owner whom its end is told.
    """
    if until <= decider.now:
        raise DecisionError(f"{until:%Y-%m-%d %H:%M}Z is over: write a later time, in UTC")
    if until > decider.now + allowed:
        raise DecisionError(
            f"proposal {proposal_id} may be put off until {decider.now + allowed:%Y-%m-%d} at most, as an exemption "
            f"may: write --for {allowed.days}d or less, or an earlier date"
        )
    return _put_off(tx, proposal_id, decider, until, "proposal_snoozed")


def pause(tx: Transaction, decider: Decider, policy: str = ANY, account: str = ANY) -> Pause:
    """Hold every action of a policy, in an account, or of all; in force before the next call, and after a restart.

    What somebody else paused before, or the product for safety, is kept with it, and ends with no word of this one.
    """
    made = Pause(
        policy=policy,
        account=account,
        by=decider.by,
        at=decider.now,
        reason=decider.reason,
        origin=decider.origin,
    ).over(tx.decisions.pauses())
    tx.decisions.save_pause(made)
    tx.journal.append(at=decider.now, event="paused", details=decider.details(policy=policy, account=account))
    return made


def resume(tx: Transaction, decider: Decider, policy: str = ANY, account: str = ANY, *, others: bool = False) -> Pause:
    """End a pause; others that hold the same stay.

    One that somebody else made, or the product for safety, only ends for whoever says so (`others`).
    """
    decider.demand_reason()
    for one in tx.decisions.pauses():
        if (one.policy, one.account) == (policy, account):
            if not others and not one.only_by(decider.by):
                raise DecisionError(
                    f"{one}. {decider.by} did not make that alone: ask whoever did, look at what is told, then add "
                    "--others to end it all"
                )
            tx.decisions.end_pause(policy, account)
            details = decider.details(
                policy=policy, account=account, paused_by=one.by, paused_at=one.at.isoformat(), ended=str(one)
            )
            tx.journal.append(at=decider.now, event="resumed", details=details)
            return one
    what = Pause(policy=policy, account=account, by="", at=decider.now).what
    raise DecisionError(
        f"there is no pause of {what}: `cloudwarden pauses` lists those to resume, each by its own words"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Trusted:
    """Where a version of a policy is trusted from now on.

    Not in what is `left_out`, which its latest sweep could not read, nor in what is `waiting` to be accepted.
    """

    scopes: Sequence[Scope]
    left_out: Sequence[Scope]
    waiting: Sequence[Scope]


def trust(tx: Transaction, policy: AnyPolicy, decider: Decider) -> Trusted:
    """Let this version of a policy act by itself in the accepted scopes that its latest sweep read, and in no other.

    What is left out now is trusted no more, were it trusted before: so it is said, and so it is journalled.
    Where it looked at all regions of an account at once, that is in those of them that are accepted.
    """
    decider.demand_reason()
    run, covered = tx.runs.get(policy.name), tx.runs.scopes(policy.name).values()
    if run is None or run.fingerprint != policy.fingerprint:
        version = f"version {policy.fingerprint} of policy {policy.name!r}"
        raise DecisionError(f"{version} has not swept yet: look at what it finds first")
    read = {one.scope for one in covered if one.read_at == run.started_at}
    left_out = sorted(one.scope for one in covered if one.read_at != run.started_at)
    if not read:
        raise DecisionError(f"the latest sweep of policy {policy.name!r} could not read any scope: look again later")
    there = [one for one in tx.scopes.known().values() if one.left_at is None]
    known = [one for one in there if not _looked_at(one.scope).isdisjoint(read)]
    waiting = sorted(one.scope for one in known if not one.accepted)
    scopes = sorted(read.union(one.scope for one in known).difference(waiting))
    if not scopes:
        names = ", ".join(map(str, waiting))
        raise DecisionError(f"policy {policy.name!r} only observes in {names}: `cloudwarden accept` comes first")
    tx.decisions.trust(policy.name, policy.fingerprint, scopes, decider.now, left_out=[*left_out, *waiting])
    # Whoever trusts it now has seen how much it finds now.
    tx.runs.forget_matches(policy.name)
    tx.runs.add_matches(policy.name, run.started_at, sum(one.matches or 0 for one in covered))
    details = decider.details(
        policy=policy.name,
        fingerprint=policy.fingerprint,
        scopes=[str(scope) for scope in scopes],
        left_out=[str(scope) for scope in left_out],
        waiting=[str(scope) for scope in waiting],
    )
    tx.journal.append(at=decider.now, event="trusted", details=details)
    return Trusted(scopes=scopes, left_out=left_out, waiting=waiting)


def distrust(tx: Transaction, policy: str, decider: Decider) -> None:
    """Let no version of a policy act by itself any more, from before the next call on."""
    decider.demand_reason()
    if not tx.decisions.distrust(policy):
        raise DecisionError(f"policy {policy!r} is not trusted anywhere: it does nothing that nobody approved")
    tx.journal.append(at=decider.now, event="distrusted", details=decider.details(policy=policy))


def accept(tx: Transaction, account: str, region: str | None, decider: Decider) -> list[Scope]:
    """Let policies do more than observe in the scopes of an account, or in one of them, that were found so far."""
    decider.demand_reason()
    known = [one for one in tx.scopes.known().values() if one.scope.account == account]
    wanted = [one for one in known if region in (None, one.scope.region)]
    if not wanted:
        where = f"{account}/{region}" if region else account
        raise DecisionError(f"no scope {where!r} was found so far: `cloudwarden scopes` lists those that were")
    waiting = [one for one in wanted if not one.accepted]
    if not waiting:
        raise DecisionError(f"{', '.join(str(one.scope) for one in wanted)}: accepted already")
    tx.scopes.save([replace(one, accepted_at=decider.now, accepted_by=decider.by) for one in waiting])
    scopes = [one.scope for one in waiting]
    details = decider.details(scopes=[str(scope) for scope in scopes])
    tx.journal.append(at=decider.now, event="scopes_accepted", details=details)
    return scopes


def _looked_at(scope: Scope) -> frozenset[Scope]:
    """Where a sweep finds what is kept in a scope: in it, or with all of the account's regions."""
    return frozenset({scope, replace(scope, region=GLOBAL)})


_PUT_OFF = {"proposal_rejected": "rejected", "proposal_snoozed": "put off"}


def _put_off(tx: Transaction, proposal_id: str, decider: Decider, until: datetime, event: str) -> Proposal:
    decider.demand_reason()
    proposal = _decidable(tx, proposal_id, decider.now, also=ProposalState.APPROVED)
    rejected = _decided(proposal, ProposalState.REJECTED, decider)
    tx.proposals.save([rejected])
    finding = tx.findings.get(proposal.finding_id)
    if finding is not None and finding.state in (State.PROPOSED, State.APPROVED):
        held = f"{_PUT_OFF[event]} by {decider.by} until {until:%Y-%m-%d %H:%M}Z: {decider.reason}"
        snoozed = lifecycle.moved(finding, State.OPEN, decider.now, held=held)
        snoozed = replace(snoozed, grace=Grace(), snoozed_until=until)
        tx.findings.save([snoozed])
    _journal(tx, event, rejected, decider, until=until.isoformat())
    return rejected


def _decidable(
    tx: Transaction, proposal_id: str, now: datetime, *, also: ProposalState = ProposalState.PENDING
) -> Proposal:
    proposal = tx.proposals.get(proposal_id)
    if proposal is None:
        raise DecisionError(f"no proposal {proposal_id!r}: `cloudwarden proposals` lists those that wait")
    if proposal.state not in (ProposalState.PENDING, also):
        raise DecisionError(f"proposal {proposal_id} is {proposal.state}{_because(proposal)}: it cannot be decided")
    if now >= proposal.expires_at:
        raise DecisionError(f"proposal {proposal_id} expired at {proposal.expires_at:%Y-%m-%d %H:%M}Z")
    return proposal


def _chosen(proposal: Proposal, action: str | None) -> Proposal:
    """The proposal with the plan of another action; the one before becomes an alternative."""
    chosen = proposal if action is None else proposal.choosing(action)
    if chosen is None:
        choices = ", ".join(plan.action for plan in (proposal.plan, *proposal.alternatives))
        raise DecisionError(f"proposal {proposal.id} does not allow {action!r}: choose one of {choices}")
    return chosen


def _assent(proposal: Proposal, decider: Decider) -> Assent:
    if barred(proposal.not_by, decider.by, decider.user):
        raise DecisionError(f"proposal {proposal.id}: {_known_as(decider)} may not approve what this policy does")
    if given := earlier(proposal.standing_assents, decider.by, decider.user):
        count = f"{proposal.agreed} of {proposal.quorum}"
        where = "" if given.by == decider.by else f" as {given.by} from {given.origin}"
        raise DecisionError(f"proposal {proposal.id}: {_known_as(decider)} has approved it already{where} ({count})")
    return Assent(
        by=decider.by,
        at=decider.now,
        plan_hash=proposal.plan.hash,
        radius_hash=proposal.radius.hash,
        reason=decider.reason,
        origin=decider.origin,
        user=decider.user,
    )


def _known_as(decider: Decider) -> str:
    """Who decides, with the account where that says something else."""
    if decider.user and spelled(decider.user) != spelled(decider.by):
        return f"{decider.by} (the account {decider.user})"
    return decider.by


def _because(proposal: Proposal) -> str:
    by = f" by {proposal.decided_by}" if proposal.decided_by else ""
    return f"{by} ({proposal.reason})" if proposal.reason else by


def _decided(proposal: Proposal, state: ProposalState, decider: Decider) -> Proposal:
    return replace(
        proposal,
        state=state,
        decided_by=decider.by,
        decided_at=decider.now,
        decided_from=decider.origin,
        reason=decider.reason or None,
    )


def _journal(tx: Transaction, event: str, proposal: Proposal, decider: Decider, **more: Json) -> None:
    details = decider.details(
        proposal=proposal.id,
        finding=proposal.finding_id,
        policy=proposal.policy,
        scope=str(proposal.scope),
        resource=proposal.resource_id,
        plan_hash=proposal.plan.hash,
        radius_hash=proposal.radius.hash,
        action=proposal.plan.action,
        agreed=proposal.agreed,
        quorum=proposal.quorum,
        **more,
    )
    tx.journal.append(at=decider.now, event=event, details=details)
