"""Changes: what a person may decide on an action's way to its call, after which no call may be intended any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from chaos import decisions
from chaos.decisions import Decision
from chaos.tags import TAG
from cloudwarden.core.exemption import ANY
from cloudwarden.engine.decide import Decider
from cloudwarden.ports import Transaction
from installation import ACCOUNT


class Kind(StrEnum):
    """What a change is an instance of; a refusal speaks of a proposal, and distrust of what nobody approved."""

    PAUSE = "pause"
    EXEMPTION = "exemption"
    REFUSAL = "refusal"
    DISTRUST = "distrust"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A decision against what a policy is about to do to a resource: `make` is given their names."""

    kind: Kind
    name: str
    make: Callable[[str, str], Decision]


def _change(kind: Kind, name: str, make: Callable[[str, str], Decision]) -> Change:
    return Change(kind=kind, name=name, make=make)


CHANGES = (
    _change(Kind.PAUSE, "everything is paused", lambda policy, resource: decisions.pause(ANY)),
    _change(Kind.PAUSE, "the policy is paused", lambda policy, resource: decisions.pause(policy)),
    _change(Kind.PAUSE, "the account is paused", lambda policy, resource: decisions.pause(ANY, ACCOUNT)),
    _change(Kind.PAUSE, "the policy is paused there", lambda policy, resource: decisions.pause(policy, ACCOUNT)),
    _change(Kind.EXEMPTION, "it is exempted", lambda policy, resource: decisions.exempt(resource, policy)),
    _change(Kind.EXEMPTION, "all of its kind are", lambda policy, resource: decisions.exempt(f"{resource[:2]}*", ANY)),
    _change(Kind.EXEMPTION, "its tag is", lambda policy, resource: decisions.exempt(ANY, policy, tag=TAG)),
    _change(Kind.REFUSAL, "it is rejected", lambda policy, resource: decisions.put_off(resource)),
    _change(Kind.REFUSAL, "it is snoozed", lambda policy, resource: decisions.put_off(resource, snooze=True)),
    _change(Kind.DISTRUST, "its policy is distrusted", lambda policy, resource: decisions.distrust(policy)),
)


def take_back(tx: Transaction, decider: Decider) -> None:
    """Hold nothing any more; what was refused, or distrusted, stays so."""
    decisions.resume_all(tx, decider)
    decisions.revoke_all(tx, decider)
