"""What a person may decide at any moment, as data: carried out later, in a transaction of another process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from cloudwarden.core.exemption import ANY, Tagged
from cloudwarden.core.finding import ActionState, ProposalState
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.engine import decide as deciding
from cloudwarden.engine import exempt as exempting
from cloudwarden.engine import undo as undoing
from cloudwarden.engine.decide import Decider, DecisionError
from cloudwarden.engine.exempt import Wish
from cloudwarden.ports import Transaction

Decision = Callable[[Transaction, Decider], object]

EVERYBODY = OPERATOR, DEPUTY, AUTHOR = "operator", "deputy", "author"
"""Who decides. The author may not agree to what the policies propose."""

EXEMPT_FOR = timedelta(minutes=45)
REJECTED_FOR = timedelta(hours=6)


def approve(which: int, action: str | None = None, by: str = OPERATOR) -> Decision:
    """Approve a pending proposal, if there are so many; another action of it, perhaps."""

    def decide(tx: Transaction, decider: Decider) -> None:
        pending = [one for one in tx.proposals.undecided() if one.state is ProposalState.PENDING]
        for proposal in pending[which : which + 1]:
            deciding.approve(tx, proposal.id, replace(decider, by=by), action=action)

    return decide


def approve_for(resource: str, by: str = OPERATOR) -> Decision:
    """Approve what is proposed for a resource. Raises DecisionError without any."""

    def decide(tx: Transaction, decider: Decider) -> None:
        deciding.approve(tx, _proposed(tx, resource), replace(decider, by=by))

    return decide


def reject(which: int, *, snooze: bool = False) -> Decision:
    """Reject, or snooze, a proposal that is pending or approved, if there are so many."""

    def decide(tx: Transaction, decider: Decider) -> None:
        put = deciding.snooze if snooze else deciding.reject
        for proposal in tx.proposals.undecided()[which : which + 1]:
            put(tx, proposal.id, decider, until=decider.now + REJECTED_FOR)

    return decide


def put_off(resource: str, *, snooze: bool = False) -> Decision:
    """Reject, or snooze, what is proposed for a resource or approved already. Raises DecisionError without any."""

    def decide(tx: Transaction, decider: Decider) -> None:
        put = deciding.snooze if snooze else deciding.reject
        put(tx, _proposed(tx, resource), decider, until=decider.now + REJECTED_FOR)

    return decide


def exempt(resource: str, policy: str, account: str = ANY, tag: Tagged | None = None) -> Decision:
    """Exempt a resource from a policy, or several by a pattern, or by a tag."""

    def decide(tx: Transaction, decider: Decider) -> None:
        wish = Wish(
            policy=policy,
            resource=resource,
            account=account,
            tag=tag,
            owner=decider.by,
            reason=decider.reason,
            expires_at=decider.now + EXEMPT_FOR,
        )
        exempting.exempt(tx, decider, wish)

    return decide


def revoke(which: int) -> Decision:
    """End an exemption, if there are so many."""

    def decide(tx: Transaction, decider: Decider) -> None:
        for exemption in tx.decisions.exemptions()[which : which + 1]:
            exempting.revoke(tx, exemption.id, decider)

    return decide


def revoke_all(tx: Transaction, decider: Decider) -> None:
    """End every exemption."""
    for exemption in tx.decisions.exemptions():
        if exemption.active(decider.now):
            exempting.revoke(tx, exemption.id, decider)


def resume_all(tx: Transaction, decider: Decider) -> None:
    """End every pause."""
    for one in tx.decisions.pauses():
        deciding.resume(tx, decider, one.policy, one.account, others=True)


def trust(policy: AnyPolicy, tx: Transaction, decider: Decider) -> None:
    """Let a policy act alone where it swept."""
    deciding.trust(tx, policy, decider)


def distrust(policy: str) -> Decision:
    """Let no version of a policy act alone any more. Raises DecisionError where none is trusted."""
    return lambda tx, decider: deciding.distrust(tx, policy, decider)


def pause(policy: str, account: str = ANY) -> Decision:
    """Pause a policy, or all, in one account or everywhere."""
    return lambda tx, decider: deciding.pause(tx, decider, policy, account)


def resume(policy: str, account: str = ANY) -> Decision:
    """End a pause, whoever made it."""
    return lambda tx, decider: deciding.resume(tx, decider, policy, account, others=True)


def undo(which: int) -> Decision:
    """Have an action undone, if there are so many that succeeded."""

    def decide(tx: Transaction, decider: Decider) -> None:
        done = [one for one in tx.actions.latest(20) if one.state is ActionState.SUCCEEDED]
        for record in done[which : which + 1]:
            undoing.undo(tx, record.id, decider)

    return decide


def _proposed(tx: Transaction, resource: str) -> str:
    for proposal in tx.proposals.undecided():
        if proposal.resource_id == resource:
            return proposal.id
    raise DecisionError(f"nothing is proposed for {resource}")
