"""Survey: what gathering and judging found in one scope. Plain data in, plain data out, whoever did the work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from cloudwarden.core.errors import CloudError
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Cause, Outcome, Reason, Verdict

DOUBTS_TOLD = 100
"""Unknown verdicts of one policy in one scope that are told one by one; all of them are counted.

An outage makes every verdict unknown, and a list of a million resources tells a person nothing more."""

_RULE_FAULTS = frozenset(
    {Reason.RULE_RAISED, Reason.RULE_NONSENSE, Reason.RULE_CUT_OFF, Reason.RULE_ASKED_TOO_OFTEN, Reason.RULE_PERMANENT}
)

_UNREAD = frozenset(one.reason for one in CloudError.__subclasses__())
"""Why the cloud did not tell what a rule asks. What it told, and is not enough to judge by, is none of these."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """What to gather and judge: these policies, by name, on one scope.

    `remembered` names, for each policy, the resources that have a finding: settling must hear of each of them. `role`
    is the one by which the scope's account was found to be reached, for a process that discovers nothing itself.
    """

    run_id: str
    scope: Scope
    policies: tuple[str, ...]
    remembered: Mapping[str, frozenset[str]] = field(default_factory=dict)
    role: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """One verdict that could not be given."""

    resource_id: str
    name: str | None
    cause: Cause


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What one policy says of one scope.

    `problem` is why the listing is incomplete, or, where it is `lost`, why nobody can tell what was found. `verdicts`
    counts by outcome, `unknown` by reason, and `elsewhere` what was judged that is kept in another scope than where it
    is listed, by where; None is nobody knows where. `told` has every violation, and the verdict on each remembered
    resource that was listed; `doubts` some of the unknown ones.
    """

    policy: str
    fingerprint: str
    scope: Scope
    problem: Cause | None = None
    lost: bool = False
    verdicts: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)
    elsewhere: Mapping[Scope | None, int] = field(default_factory=dict)
    told: tuple[tuple[Resource, Verdict], ...] = ()
    doubts: tuple[Doubt, ...] = ()

    @property
    def population(self) -> int | None:
        """How many resources were judged; None when the listing was incomplete."""
        return None if self.problem is not None else sum(self.verdicts.values())

    def population_in(self, lets: Callable[[Scope | None], bool]) -> int | None:
        """How many of the judged resources are kept where `lets` says so; None when it says so of no place."""
        if (population := self.population) is None:
            return None
        if not self.elsewhere:
            return population if lets(self.scope) else None
        kept = {self.scope: population - sum(self.elsewhere.values()), **self.elsewhere}
        counts = [number for where, number in kept.items() if lets(where)]
        return sum(counts) if counts else None

    @property
    def unread(self) -> int:
        """Of how many resources the cloud did not tell what the rule asks."""
        return sum(number for reason, number in self.unknown.items() if reason in _UNREAD)

    @property
    def unread_cause(self) -> Cause | None:
        """Why it did not, of most of them; without the cloud's words where no such doubt is told."""
        reasons = [reason for reason in self.unknown if reason in _UNREAD]
        if not reasons:
            return None
        most = max(reasons, key=lambda reason: self.unknown[reason])
        told = (doubt.cause for doubt in self.doubts if doubt.cause.reason == most)
        return next(told, Cause(reason=most, detail=""))

    @property
    def fault(self) -> Doubt | None:
        """The first unknown verdict that is the rule's own fault."""
        return next((doubt for doubt in self.doubts if doubt.cause.reason in _RULE_FAULTS), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What was found in one scope. `judged_at` is the instant that the rules were asked about.

    `gather_seconds` and `judge_seconds` are this scope's part of the time that its batch took.
    """

    scope: Scope
    judged_at: datetime
    judgements: tuple[Judgement, ...]
    gather_seconds: float = 0.0
    judge_seconds: float = 0.0


class Surveyor(Protocol):
    """Gathers and judges, in this process or elsewhere."""

    def survey(self, assignments: Sequence[Assignment], policies: Mapping[str, AnyPolicy]) -> Iterable[Survey]:
        """A survey for each assignment, in any order, as each is ready; `policies` are all that wait for it."""
        ...


def judgement(
    policy: AnyPolicy,
    scope: Scope,
    problem: Cause | None,
    verdicts: Iterable[tuple[Resource, Verdict]],
    remembered: frozenset[str],
) -> Judgement:
    """Sum up the verdicts of one policy in one scope."""
    counts: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    elsewhere: Counter[Scope | None] = Counter()
    told: list[tuple[Resource, Verdict]] = []
    doubts: list[Doubt] = []
    faulty = False
    for resource, verdict in verdicts:
        counts[verdict.outcome] += 1
        if (where := resource.kept_in) != scope:
            elsewhere[where] += 1
        if verdict.outcome is Outcome.VIOLATION or resource.id in remembered:
            told.append((resource, verdict))
        if verdict.cause is not None:
            unknown[verdict.cause.reason] += 1
            first_fault = not faulty and verdict.cause.reason in _RULE_FAULTS
            faulty = faulty or first_fault
            if len(doubts) < DOUBTS_TOLD or first_fault:
                doubts.append(Doubt(resource_id=resource.id, name=resource.name, cause=verdict.cause))
    return Judgement(
        policy=policy.name,
        fingerprint=policy.fingerprint,
        scope=scope,
        problem=problem,
        verdicts=dict(counts),
        unknown=dict(unknown),
        elsewhere=dict(elsewhere),
        told=tuple(told),
        doubts=tuple(doubts),
    )


def blind(assignment: Assignment, policies: Mapping[str, AnyPolicy], cause: Cause, now: datetime) -> Survey:
    """The survey of a scope that nobody could look at: nothing is judged, and nothing is gone."""
    return Survey(
        scope=assignment.scope,
        judged_at=now,
        judgements=tuple(
            replace(judgement(policies[name], assignment.scope, cause, (), frozenset()), lost=True)
            for name in assignment.policies
        ),
    )
