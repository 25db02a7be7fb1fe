"""How sweeps went, and what policies judged in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepStarted:
    """A sweep began."""

    run_id: str
    policies: tuple[str, ...]
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseFinished:
    """One phase of a sweep ended: gather, judge, settle or act."""

    run_id: str
    phase: str
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepFinished:
    """A sweep ended. `complete` says that every listing was."""

    run_id: str
    policies: tuple[str, ...]
    seconds: float
    complete: bool
    findings: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepFailed:
    """A sweep could not be settled; nothing of it was kept."""

    run_id: str
    policies: tuple[str, ...]
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunMissed:
    """A policy was due again while its earlier run still waited or ran, or its time passed unseen."""

    policy: str
    missed: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyJudged:
    """One policy was judged on all resources of one scope.

    `kind` is what it judges. `verdicts` counts by outcome; `unknown` by reason. `population` is None when the listing
    was incomplete. Of so many as `unread` the cloud did not tell what the rule asks, for a `cause` such as this one.
    """

    run_id: str
    policy: str
    kind: str
    scope: Scope
    verdicts: Mapping[str, int]
    unknown: Mapping[str, int] = field(default_factory=dict)
    population: int | None
    unread: int = 0
    cause: Cause | None = None
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyCautious:
    """A sweep was unlike the ones before it, so a policy that may act by itself only proposes."""

    run_id: str
    policy: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleFailed:
    """A rule raised, returned nonsense, or was cut off, on one resource."""

    run_id: str
    policy: str
    resource: str
    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgementLost:
    """Nobody can tell what one policy says of one scope, for a reason that no listing told: a worker ended, say.

    Reported instead of PolicyJudged; `kind` is what the policy judges.
    """

    run_id: str
    policy: str
    kind: str
    scope: Scope
    problem: Cause


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerLost:
    """A process that gathered and judged ended, or hung; its `scopes` were not looked at in this sweep."""

    pid: int
    scopes: int
    detail: str
