"""How the daemon itself fares, its store and its journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class DaemonStarted:
    """The daemon is ready."""

    version: str
    address: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DaemonStopped:
    """The daemon left in order."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PoliciesLoaded:
    """Policy files were read. `problems` are the ones refused; their last good version, if any, goes on.

    `kinds` are what the running policies list; of any other, what was heard is over.
    """

    policies: tuple[tuple[str, str], ...]
    """Name of each policy now running, and how far it may go: its mode, or the ceiling where that is lower."""
    problems: tuple[str, ...]
    kinds: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockJumped:
    """The system clock moved against the monotonic one; schedules were put right."""

    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreCounted:
    """What the store holds, counted after a sweep or a decision; gauges are set from it."""

    findings: Mapping[tuple[str, str, str], int]
    """(policy, severity, account) to standing findings."""
    proposals: Mapping[str, int]
    """policy to pending proposals."""
    oldest_proposal: Mapping[str, float]
    """policy to the Unix time at which its oldest pending proposal was made."""
    exemptions: Mapping[tuple[str, str], int]
    """(policy, state) to exemptions; the policy may be `*`."""
    paused: frozenset[tuple[str, str]]
    """(policy, account) of each pause; `*` is all of them."""
    savings: Mapping[str, float] = field(default_factory=dict)
    """policy to the US dollars a month that its standing findings' actions would save, as far as prices are known."""
    savings_unknown: Mapping[str, int] = field(default_factory=dict)
    """policy to the standing findings whose saving is unknown."""
    notices: Mapping[str, int] = field(default_factory=dict)
    """policy to notices that are due and not delivered"""
    oldest_notice: Mapping[str, float] = field(default_factory=dict)
    """policy to the Unix time since which its oldest undelivered notice is due"""
    metrics_spent: int = 0
    """CloudWatch metrics taken from the budget of this UTC day."""
    rolled_back: bool = False
    """Whether the store was found to be put back, and nobody has resumed since."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OldRemoved:
    """What had ended long ago left the store; `entries` of the journal were exported first.

    `trust` counts scopes in which a version that was replaced was trusted, `policies` those that were removed.
    """

    actions: int = 0
    proposals: int = 0
    findings: int = 0
    exemptions: int = 0
    scopes: int = 0
    notices: int = 0
    trust: int = 0
    policies: int = 0
    entries: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RetentionFailed:
    """What is old could not be removed, or not exported; it stays, and this is tried again."""

    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalShipped:
    """Entries of the journal are in its copy; `unshipped` more are committed and not there yet."""

    target: str
    entries: int
    unshipped: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ShippingFailed:
    """Entries of the journal could not be brought to its copy; this is tried again, and nothing is held for it."""

    target: str
    detail: str
    unshipped: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackFound:
    """The journal's copy knows entries that the store does not, so that everything is paused."""

    target: str
    detail: str
