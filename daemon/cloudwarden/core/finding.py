"""Findings, the proposals made of them, and the actions taken: the values that the store keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cloudwarden.core.action import Call, Plan
from cloudwarden.core.blast import BlastRadius
from cloudwarden.core.prospect import Prospect
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.saving import Saving
from cloudwarden.core.verdict import Cause, Reading, Severity, Violation


class State(StrEnum):
    """Where a finding is in its life."""

    OPEN = "open"
    DUE = "due"
    PROPOSED = "proposed"
    APPROVED = "approved"
    ACTING = "acting"
    VERIFYING = "verifying"
    FAILED = "failed"
    EXEMPTED = "exempted"
    FIXED = "fixed"
    RESOLVED = "resolved"
    GONE = "gone"

    @property
    def closed(self) -> bool:
        """Whether the violation no longer stands."""
        return self in (State.FIXED, State.RESOLVED, State.GONE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grace:
    """A clock that counts only time during which the violation was watched.

    `ticked_at` is the latest sweep that saw it violate; None while the verdict is unknown, and the clock stands.
    `blind_since` is when the watching stopped. `since` is when the clock began to run, by which what was told of the
    finding is known to be over once it began anew.
    """

    observed: timedelta = timedelta(0)
    ticked_at: datetime | None = None
    blind_since: datetime | None = None
    since: datetime | None = None

    def __post_init__(self) -> None:
        if self.since is None:
            object.__setattr__(self, "since", self.ticked_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The durable record of one standing violation.

    `held` says in words which guard holds its action back, if one does; `protected` what makes its resource one
    that nobody may touch. `snoozed_until` is set by a rejection, and when somebody undid our action. `saving` is what
    carrying its action out would save, where that is about money. `attempts` counts actions that did not repair it,
    since one did; `flaps` how often it came back within a day. `identity` is the resource's, where it has one.
    """

    id: str
    policy: str
    kind: str
    scope: Scope
    resource_id: str
    arn: str
    name: str | None
    severity: Severity
    state: State
    violation: Violation
    readings: tuple[Reading, ...]
    first_seen: datetime
    last_seen: datetime
    state_since: datetime
    grace: Grace = Grace()
    unknown: Cause | None = None
    held: str | None = None
    protected: str | None = None
    snoozed_until: datetime | None = None
    saving: Saving | None = None
    attempts: int = 0
    flaps: int = 0
    identity: str | None = None

    @property
    def interrupted(self) -> bool:
        """Whether, since its action began, a sweep saw that it did not stand or was exempt, or nobody watched it.

        Nothing acts on what was not seen to violate, so that an action begins while the clock of its grace runs; one
        that was taken back under way begins anew once the action has ended.
        """
        return self.state is State.ACTING and self.grace.since is None

    def is_of(self, resource: Resource) -> bool:
        """Whether it was found of this resource of its id, and not of another: what is found was made before.

        One that was made before may be given the id since, and then only what never changes tells them apart.
        """
        if self.identity is not None and resource.identity is not None and self.identity != resource.identity:
            return False
        made = resource.created if resource.ids_come_again else None
        return made is None or made <= self.first_seen

    def snoozed_at(self, now: datetime) -> bool:
        """Whether it is put off now: by a person, or since somebody undid our action."""
        return self.snoozed_until is not None and now < self.snoozed_until

    @property
    def closed_at(self) -> datetime | None:
        """When it closed; None while it stands."""
        return self.state_since if self.state.closed else None


class ProposalState(StrEnum):
    """Where a proposal is in its life."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """Overtaken: the violation ended, or the plan it names is no longer the one that would be carried out."""
    CARRIED_OUT = "carried-out"


@dataclass(frozen=True, kw_only=True, slots=True)
class Assent:
    """One person's approval of one plan, by its hash: when, why, and from where.

    `radius_hash` is that of the blast radius which was shown with it. `user` is the account of the operating system
    that it came from, where that is a person's own.
    """

    by: str
    at: datetime
    plan_hash: str
    radius_hash: str = ""
    reason: str = ""
    origin: str = ""
    user: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A due action that waits for people; an approval counts for the plan with this hash alone.

    `quorum` people must assent to it, none of `not_by`. `alternatives` are the plans that may be chosen instead.
    `prospects` say of each plan, by its action, what it would touch and save.
    """

    id: str
    finding_id: str
    policy: str
    scope: Scope
    resource_id: str
    plan: Plan
    state: ProposalState
    created_at: datetime
    expires_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    decided_from: str | None = None
    reason: str | None = None
    quorum: int = 1
    not_by: tuple[str, ...] = ()
    assents: tuple[Assent, ...] = ()
    alternatives: tuple[Plan, ...] = ()
    prospects: Mapping[str, Prospect] = field(default_factory=dict)

    @property
    def prospect(self) -> Prospect:
        """What the plan would touch and save."""
        return self.prospects.get(self.plan.action, Prospect())

    @property
    def radius(self) -> BlastRadius:
        """What depends on the resource, as it was when people were asked."""
        return self.prospect.radius

    def choosing(self, action: str) -> Proposal | None:
        """As if the plan of this action were the one that is asked for; None where it is none of those allowed."""
        if action == self.plan.action:
            return self
        for plan in self.alternatives:
            if plan.action == action:
                others = (one for one in self.alternatives if one is not plan)
                return replace(self, plan=plan, alternatives=(self.plan, *others))
        return None

    @property
    def standing_assents(self) -> tuple[Assent, ...]:
        """Those that are to the plan as it is, with the blast radius as it is."""
        now = (self.plan.hash, self.radius.hash)
        return tuple(assent for assent in self.assents if (assent.plan_hash, assent.radius_hash) == now)

    @property
    def agreeing(self) -> tuple[str, ...]:
        """Who has assented to the plan as it is, having seen the blast radius as it is."""
        return tuple(assent.by for assent in self.standing_assents)

    @property
    def agreed(self) -> int:
        """How many people have assented to it as it is."""
        return len(self.agreeing)


class ActionState(StrEnum):
    """Where an action is."""

    INTENDED = "intended"
    """The intent of the current step is committed; its outcome is not. Nobody may repeat the call."""
    WAITING = "waiting"
    """Every call so far has its outcome; a later step comes when its condition is met."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABANDONED = "abandoned"
    """Ended without its remaining steps: the resource no longer violates, or changed; or they were held for too long;
    or its first call was not made after all."""
    UNKNOWN = "unknown"
    """Ended, and nobody could read what became of its last call: a person must look."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will be called for it."""
        return self in (ActionState.SUCCEEDED, ActionState.FAILED, ActionState.ABANDONED, ActionState.UNKNOWN)


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionRecord:
    """One action on one resource: how far its plan has come, and what its calls gave.

    `step` is the index of the step that is intended or comes next. `kept` holds what calls kept by name. `error` is
    how it ended badly, why nobody heard the answer to what is intended, or what holds what waits. `undoes` is the
    action that this one undoes, on a person's word. `owner` is the daemon that it belongs to until `lease_until`;
    nobody else goes on with it before.
    """

    id: str
    finding_id: str
    proposal_id: str | None
    policy: str
    scope: Scope
    resource_id: str
    plan: Plan
    run_id: str
    state: ActionState
    started_at: datetime
    changed_at: datetime
    step: int = 0
    kept: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    undoes: str | None = None
    owner: str = ""
    lease_until: datetime | None = None

    @property
    def held(self) -> str | None:
        """What holds an action that waits, in words, as the latest look at it found; None when nothing did."""
        return self.error if self.state is ActionState.WAITING else None

    @property
    def called(self) -> bool:
        """Whether a step before the next one is a call."""
        return any(isinstance(step, Call) for step in self.plan.steps[: self.step])
