"""A small estate that lives for an hour or two, surveyed with leases and without: what must be equal, and what spared.

Two instances and six policies, whose rules read a description, the clock, metrics that only rise and one that may fall.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import FunctionType

from cloudwarden import NoParams, Now, Policy, Rule, Violation, every, minutes, rule
from cloudwarden.aws import ec2
from cloudwarden.clock import FakeClock
from cloudwarden.core.errors import AccessDenied, CloudError, Throttled
from cloudwarden.core.evidence import Evidence
from cloudwarden.core.metric import Metric
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource, Tags
from cloudwarden.core.verdict import Outcome, Verdict
from cloudwarden.engine.budget import Wants
from cloudwarden.engine.cutoff import NoCutoff
from cloudwarden.engine.events import LeasesUsed
from cloudwarden.engine.gather import Gatherer
from cloudwarden.engine.leases import Leases
from cloudwarden.engine.local import LocalSurveyor
from cloudwarden.engine.survey import Assignment
from cloudwarden.library.compute import Idle, idle
from cloudwarden.memory import MemoryCloud
from cloudwarden.testing import instance
from leased_past import METRICS, NAMED, NAMES, WINDOW, History, Step, shown
from reports import Reports
from world import NOON, SCOPE

WANTED = {"tag": "Owner"}
"""What a rule uses of its module and its text does not show."""


class Load(Evidence):
    """A metric whose later samples may lower what was seen, read as `metric` reads it."""

    metric: type[Metric] = Metric

    @property
    def average(self) -> Metric:
        """The average of each period."""
        dimensions = (("InstanceId", self.resource.id),)
        return self.metric(
            inquiry=self.inquiry,
            name="load",
            unit="%",
            namespace="n",
            metrics=("Load",),
            dimensions=dimensions,
            statistic="Average",
        )


@rule
def unowned(instance: ec2.Instance, params: NoParams) -> Violation | None:
    """Reads nothing but the instance."""
    return None if WANTED["tag"] in instance.tags else Violation(summary=f"{instance.state} without an owner")


@rule
def old(instance: ec2.Instance, params: NoParams, now: Now) -> Violation | None:
    """Reads the clock, and is at rest once the moment has come."""
    return Violation(summary="old") if now.reached(instance.launched + minutes(90)) else None


@rule
def aged(instance: ec2.Instance, params: NoParams, now: Now) -> Violation | None:
    """A violation whose reading moves."""
    now.since(instance.launched)
    return Violation(summary="aged")


@rule
def lazy(instance: ec2.Instance, params: NoParams, load: Load) -> Violation | None:
    """A violation for as long as a metric's breach, and compliant while it is quiet."""
    return None if load.average.stayed_below(5, over=WINDOW) else Violation(summary="lazy")


@rule
def calm(instance: ec2.Instance, params: NoParams, load: Load) -> Violation | None:
    """Compliant while a metric was high that late samples may lower."""
    return Violation(summary="calm") if load.average.stayed_below(5, over=WINDOW) else None


def _policy(of: object, **changes: object) -> AnyPolicy:
    assert isinstance(of, Rule)
    fields = {"name": of.name, "rule": of, "params": NoParams(), "schedule": every(minutes=15)}
    return Policy(**fields | changes)  # type: ignore[arg-type]  # a test's changes


POLICIES: tuple[AnyPolicy, ...] = (
    _policy(idle, params=Idle(window=WINDOW)),
    _policy(unowned),
    _policy(old),
    _policy(aged),
    _policy(lazy),
    _policy(calm),
)


Said = Mapping[tuple[str, str], Verdict]
"""Verdicts by policy and resource."""


class Till:
    """A budget that may be spent."""

    def __init__(self) -> None:
        self.spent = False

    def grant(self, wants: Wants) -> int:
        """All, or nothing."""
        return 0 if self.spent else sum(number for _, number in wants)


@dataclass(kw_only=True)
class Life:
    """An estate, who surveys it with leases and who without, and what a model expects to be held.

    The world's time never goes back; the machine's clock, which is a little off it, may.
    """

    history: History
    leases: Leases = field(default_factory=Leases)
    mutated: Mapping[str, AnyPolicy] = field(default_factory=dict)
    """Policies that the surveyor with leases has instead of its own."""

    def __post_init__(self) -> None:
        self.cloud, self.clock, self.till, self.world = MemoryCloud(), FakeClock(NOON), Till(), NOON
        self.policies = {policy.name: policy for policy in POLICIES}
        self.reports, self.model = Reports(), Model()
        self.away: Resource | None = None
        self.leased = self._surveyor(self.leases, self.reports)
        self.cloud.put(*(_box(name) for name in NAMES))

    def live(self, steps: Sequence[Step]) -> None:
        """Sweep after sweep. Raises AssertionError where leases say or spare something else than they must."""
        for step in steps:
            self._pass(step)
            self.cloud.series = {key: shown(points, self.world, key[0]) for key, points in self.history.items()}
            self.cloud.series |= {("NetworkOut", name): shown({}, self.world, "NetworkOut") for name in NAMES}
            self._break(step.fault)
            asked = self._surveyed(self._surveyor(Leases(), Reports()), step.due)
            healthy = self._healthy(step) if step.fault not in ("", "listing") else asked
            self.reports.events.clear()
            leased = self._surveyed(self.leased, step.due, self.mutated)
            self._compare(healthy, asked, leased)
            held = sum(event.verdicts for event in self.reports.events if isinstance(event, LeasesUsed))
            due = [policy for policy in self.policies.values() if policy.name in step.due]
            complete = step.fault != "listing"
            expected = self.model.swept(due, self.cloud.resources, asked, self.clock.now(), complete=complete)
            assert held == expected, f"{held} verdicts were held, {expected} might have been"

    def _healthy(self, step: Step) -> Said:
        """What asking would say if nothing went wrong but the listing."""
        self._break("")
        said = self._surveyed(self._surveyor(Leases(), Reports()), step.due)
        self._break(step.fault)
        return said

    def _compare(self, healthy: Said, asked: Said, leased: Said) -> None:
        assert leased.keys() == asked.keys()
        for key, verdict in leased.items():
            if (asked[key].outcome, verdict.outcome) == (Outcome.UNKNOWN, Outcome.COMPLIANT):
                # The one departure: what was proven before is not unknown because AWS does not repeat it.
                assert _told(verdict) == _told(healthy[key]), key
            else:
                assert _told(verdict) == _told(asked[key]), key

    def _pass(self, step: Step) -> None:
        if self.away is not None:
            self.cloud.put(self.away)
            self.away = None
        self.world += max(step.passes, timedelta(0))
        self.clock.advance(step.passes)
        match step.change:
            case "params":
                idle_now = self.policies["idle"]
                limit = 99.0 if idle_now.params == Idle(window=WINDOW) else 5.0
                self.policies["idle"] = replace(idle_now, params=Idle(window=WINDOW, max_cpu_percent=limit))
            case "reload":
                module = {**globals(), "WANTED": {"tag": "Team"}}
                anew = replace(unowned, function=FunctionType(unowned.function.__code__, module))
                self.policies["unowned"] = replace(self.policies["unowned"], rule=anew)
            case "gone":
                self.away = self.cloud.resources.pop("i-1")
            case change if change:
                self.cloud.change("i-1", **_changed(change, self.world))

    def _break(self, fault: str) -> None:
        denied, throttled = AccessDenied("not authorized"), Throttled("Rate exceeded")
        errors: dict[str, CloudError] = {"throttled": throttled, "denied": denied}
        self.till.spent = fault == "budget"
        self.cloud.fails = {"ec2.instance": throttled} if fault == "listing" else {}
        if fault in errors:
            self.cloud.fails |= dict.fromkeys(METRICS, errors[fault])

    def _surveyor(self, leases: Leases, reports: Reports) -> LocalSurveyor:
        gatherer = Gatherer(
            inventory=self.cloud,
            evidence=self.cloud,
            cutoff=NoCutoff(),
            reporter=reports,
            threads=1,
            budget=self.till,
        )
        return LocalSurveyor(gatherer=gatherer, clock=self.clock, leases=leases)

    def _surveyed(
        self, surveyor: LocalSurveyor, due: frozenset[str], instead: Mapping[str, AnyPolicy] | None = None
    ) -> Said:
        """The verdict on every listed resource, by policy and id."""
        policies = {**self.policies, **(instead or {})}
        remembered = {name: frozenset(NAMES) for name in due}
        names = tuple(name for name in NAMED if name in due)
        assignment = Assignment(run_id="", scope=SCOPE, policies=names, remembered=remembered)
        (survey,) = surveyor.survey([assignment], policies)
        return {
            (judged.policy, resource.id): verdict for judged in survey.judgements for resource, verdict in judged.told
        }


class Model:
    """What may be held: what asking said, until when it holds, while nothing that it rests on is another."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], tuple[str, datetime | None]] = {}
        self._versions: dict[str, tuple[object, str]] = {}
        self._latest = NOON

    def swept(
        self, due: Sequence[AnyPolicy], estate: Mapping[str, Resource], said: Said, now: datetime, *, complete: bool
    ) -> int:
        """How many verdicts this sweep may have been given without asking."""
        if now < self._latest:
            self._held, self._versions = {}, {}
        self._latest = now
        self._forget({policy.name: (policy.rule.function, policy.fingerprint) for policy in due if said})
        held = 0
        for key, verdict in said.items():
            description, until = self._held.get(key, ("", None))
            if description == repr(estate[key[1]]) and (until is None or now < until):
                held += 1
            else:
                self._judged(key, verdict, repr(estate[key[1]]))
        if complete:
            gone = {key for key in self._held if key not in said and key[0] in {policy.name for policy in due}}
            self._held = {key: kept for key, kept in self._held.items() if key not in gone}
        return held

    def _forget(self, versions: Mapping[str, tuple[object, str]]) -> None:
        changed = {name for name, version in versions.items() if self._versions.get(name) != version}
        self._versions |= versions
        self._held = {key: kept for key, kept in self._held.items() if key[0] not in changed}

    def _judged(self, key: tuple[str, str], verdict: Verdict, description: str) -> None:
        self._held.pop(key, None)
        lasts = verdict.holds_until is None or verdict.holds_until > self._latest
        if verdict.outcome is not Outcome.UNKNOWN and lasts and not (verdict.violation and verdict.holds_until):
            self._held[key] = (description, verdict.holds_until)


def _told(verdict: Verdict) -> tuple[object, ...]:
    """What findings are made of."""
    return verdict.outcome, verdict.violation, verdict.readings if verdict.violation else ()


def _box(name: str) -> ec2.Instance:
    return instance(id=name, account=SCOPE.account, region=SCOPE.region, launched=NOON - minutes(60))


def _changed(change: str, now: datetime) -> dict[str, object]:
    fields: dict[str, dict[str, object]] = {
        "tag": {"tags": Tags({"Owner": "ada"})},
        "retag": {"tags": Tags({"Team": "web"})},
        "stop": {"state": "stopped"},
        "start": {"state": "running"},
        "launch": {"state": "running", "launched": now},
    }
    return fields[change]
