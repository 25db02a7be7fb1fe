"""Known: what the store holds of one policy when a sweep of it is settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cloudwarden.core import lifecycle
from cloudwarden.core.finding import Finding
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.engine.gather import Key
from cloudwarden.ports import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A policy's findings by resource; `strangers` stand of a kind that it judged before it was edited.

    No sweep of it comes by a stranger's scope, if one of the kinds is global and the other is not; and a resource of
    one kind may have the id of one of the other.
    """

    findings: Mapping[Key, Finding]
    strangers: tuple[Finding, ...]


def known_of(tx: Transaction, policy: AnyPolicy, now: datetime) -> Known:
    """What is known of a policy; a standing finding wins over one that closed within the day."""
    kind = policy.kind.kind
    closed = tx.findings.recently_closed(policy.name, now - lifecycle.REOPENS_WITHIN)
    standing = tx.findings.standing(policy.name)
    return Known(
        findings={(one.scope, one.resource_id): one for one in (*closed, *standing) if one.kind == kind},
        strangers=tuple(one for one in standing if one.kind != kind),
    )
