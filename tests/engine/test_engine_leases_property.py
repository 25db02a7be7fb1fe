"""Leases say what asking says, over any history and in any order; and whoever breaks them is found out by that."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from cloudwarden import Now
from cloudwarden.core.evidence import Evidence
from cloudwarden.core.metric import LATE, Metric, MetricQuery
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Outcome, Verdict
from cloudwarden.engine.leases import Lease, Leases
from leased_life import POLICIES, Life, Load
from leased_past import FIVE, History, Step, histories, lives

EXAMPLES = 100
SECOND = timedelta(seconds=1)


@given(histories, lives)
@settings(max_examples=EXAMPLES, deadline=None)
def test_leases_say_what_asking_says(history: History, steps: list[Step]) -> None:
    """And hold all that may be held: nothing else is asked again."""
    Life(history=history).live(steps)


class OnePeriodTooLong(Leases):
    """Holds for five minutes more."""

    def keep(self, policy: AnyPolicy, resource: Resource, verdict: Verdict, series: int) -> None:
        until = verdict.holds_until
        super().keep(policy, resource, replace(verdict, holds_until=until and until + FIVE), series)


class OneInstantTooLong(Leases):
    """Holds at the instant at which the lease ends."""

    def find(self, policy: AnyPolicy, resource: Resource, now: datetime) -> Lease | None:
        return super().find(policy, resource, now - timedelta(microseconds=1))


class OneInstantTooShort(Leases):
    """Asks a second before it need."""

    def find(self, policy: AnyPolicy, resource: Resource, now: datetime) -> Lease | None:
        return super().find(policy, resource, now + SECOND)


class DescriptionIgnored(Leases):
    """Takes a resource for what it was when it was first judged."""

    def __init__(self) -> None:
        super().__init__()
        self.first: dict[str, Resource] = {}

    def find(self, policy: AnyPolicy, resource: Resource, now: datetime) -> Lease | None:
        return super().find(policy, self._as_first(resource), now)

    def keep(self, policy: AnyPolicy, resource: Resource, verdict: Verdict, series: int) -> None:
        super().keep(policy, self._as_first(resource), verdict, series)

    def _as_first(self, resource: Resource) -> Resource:
        return self.first.setdefault(resource.id, resource)


class TagsIgnored(DescriptionIgnored):
    """Compares all of a description but its tags."""

    def _as_first(self, resource: Resource) -> Resource:
        return replace(resource, tags=super()._as_first(resource).tags)


class VersionIgnored(Leases):
    """Takes a policy for the version of it that came first."""

    def __init__(self) -> None:
        super().__init__()
        self.first: dict[str, AnyPolicy] = {}

    def begin(self, policies: Iterable[AnyPolicy], now: datetime) -> None:
        super().begin([self._as_first(policy, self.first.setdefault(policy.name, policy)) for policy in policies], now)

    def _as_first(self, policy: AnyPolicy, first: AnyPolicy) -> AnyPolicy:
        raise NotImplementedError


class ParamsIgnored(VersionIgnored):
    """Holds what other params gave."""

    def _as_first(self, policy: AnyPolicy, first: AnyPolicy) -> AnyPolicy:
        return replace(policy, params=first.params)


class ReloadIgnored(VersionIgnored):
    """Holds what a function gave that was loaded anew since."""

    def _as_first(self, policy: AnyPolicy, first: AnyPolicy) -> AnyPolicy:
        return replace(policy, rule=replace(policy.rule, function=first.rule.function))


class MovingViolationHeld(Leases):
    """Holds a violation whose readings move with time."""

    def keep(self, policy: AnyPolicy, resource: Resource, verdict: Verdict, series: int) -> None:
        until = None if verdict.violation else verdict.holds_until
        super().keep(policy, resource, replace(verdict, holds_until=until), series)


class UnknownTakenForCompliant(Leases):
    """Holds unknown as if it were compliant."""

    def keep(self, policy: AnyPolicy, resource: Resource, verdict: Verdict, series: int) -> None:
        if verdict.outcome is Outcome.UNKNOWN:
            until = self._latest and self._latest + FIVE
            verdict = replace(verdict, outcome=Outcome.COMPLIANT, cause=None, holds_until=until)
        super().keep(policy, resource, verdict, series)


class UnknownHeld(UnknownTakenForCompliant):
    """Holds unknown as what it was."""

    def __init__(self) -> None:
        super().__init__()
        self.unknown: dict[tuple[str, str], Verdict] = {}

    def keep(self, policy: AnyPolicy, resource: Resource, verdict: Verdict, series: int) -> None:
        super().keep(policy, resource, verdict, series)
        self.unknown[policy.name, resource.id] = verdict

    def find(self, policy: AnyPolicy, resource: Resource, now: datetime) -> Lease | None:
        lease = super().find(policy, resource, now)
        return lease and replace(lease, verdict=self.unknown[policy.name, resource.id])


class UnseenForgotten(Leases):
    """Loses what half a listing does not show."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[tuple[str, Scope], set[str]] = {}

    def begin(self, policies: Iterable[AnyPolicy], now: datetime) -> None:
        for (name, scope), ids in self.seen.items():
            self.retain_resources(name, scope, ids)
        self.seen = {}
        super().begin(policies, now)

    def find(self, policy: AnyPolicy, resource: Resource, now: datetime) -> Lease | None:
        self.seen.setdefault((policy.name, resource.scope), set()).add(resource.id)
        return super().find(policy, resource, now)


class GoneKept(Leases):
    """Remembers what a complete listing does not have."""

    def retain_resources(self, policy: str, scope: Scope, resources: Collection[str]) -> None:
        pass


class ClockSetBackIgnored(Leases):
    """Takes the latest time that it heard for the time that it is."""

    def begin(self, policies: Iterable[AnyPolicy], now: datetime) -> None:
        super().begin(policies, max(now, self._latest or now))


class NothingHeld(Leases):
    """Asks everything each time."""

    def keep(self, policy: AnyPolicy, resource: Resource, verdict: Verdict, series: int) -> None:
        pass


class FallingHeld(Metric):
    """Holds a breach that later samples may lower."""

    def _breach_holds_until(self, query: MetricQuery, moment: datetime, value: float, limit: float) -> datetime:
        raised = replace(query, statistic="Maximum")
        return super()._breach_holds_until(raised, moment, value, limit)


class SettledTooEarly(Metric):
    """Holds a breach a period before its last sample may come in."""

    def _breach_holds_until(self, query: MetricQuery, moment: datetime, value: float, limit: float) -> datetime:
        if moment + LATE <= self.inquiry.now and value >= limit:
            return moment + query.period + query.window
        return super()._breach_holds_until(query, moment, value, limit)


class NotANumberHeld(Metric):
    """Holds a value that cannot be compared."""

    def _breach_holds_until(self, query: MetricQuery, moment: datetime, value: float, limit: float) -> datetime:
        return super()._breach_holds_until(query, moment, limit if math.isnan(value) else value, limit)


class WindowTooLong(Metric):
    """Holds a breach for a period after it left the window."""

    def _breach_holds_until(self, query: MetricQuery, moment: datetime, value: float, limit: float) -> datetime:
        until = super()._breach_holds_until(query, moment, value, limit)
        return until if until == self.inquiry.now else until + query.period


class QuietHeld(Metric):
    """Holds that nothing happened, as if nothing could until the next period."""

    def _prove_below(self, limit: float, *, over: timedelta) -> None:
        self.inquiry.now += FIVE
        super()._prove_below(limit, over=over)
        self.inquiry.now -= FIVE


class NotYetTooLong(Now):
    """Holds "not yet" past its moment."""

    def reached(self, moment: datetime) -> bool:
        if self.inquiry.now < moment:
            self.inquiry.note("has it come", "not yet", holds_until=moment + SECOND)
            return False
        return super().reached(moment)


def reading(metric: type[Metric]) -> dict[str, AnyPolicy]:
    """The policies on load, with evidence that is read so."""
    return asking({Load: type("MutatedLoad", (Load,), {"metric": metric})})


def asking(instead: dict[type[Evidence], type[Evidence]]) -> dict[str, AnyPolicy]:
    """The policies that ask one evidence, asking another instead."""
    return {
        one.name: replace(one, rule=replace(one.rule, evidence=tuple(instead.get(e, e) for e in one.rule.evidence)))
        for one in POLICIES
        if set(one.rule.evidence) & set(instead)
    }


LEASES = (
    OnePeriodTooLong,
    OneInstantTooLong,
    OneInstantTooShort,
    DescriptionIgnored,
    TagsIgnored,
    ParamsIgnored,
    ReloadIgnored,
    MovingViolationHeld,
    UnknownTakenForCompliant,
    UnknownHeld,
    UnseenForgotten,
    GoneKept,
    ClockSetBackIgnored,
    NothingHeld,
)
METRICS = (FallingHeld, SettledTooEarly, NotANumberHeld, WindowTooLong, QuietHeld)
EVIDENCE = {metric.__name__: reading(metric) for metric in METRICS} | {
    "NotYetTooLong": asking({Now: NotYetTooLong}),
}


def found_out(life: type[Leases], policies: dict[str, AnyPolicy]) -> int:
    """Which example of the property fails; it is given no more than above. The examples are the same each time."""
    examples = 0

    @given(histories, lives)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        report_multiple_bugs=False,
    )
    def property_(history: History, steps: list[Step]) -> None:
        nonlocal examples
        examples += 1
        Life(history=history, leases=life(), mutated=policies).live(steps)

    with pytest.raises(AssertionError):
        property_()
    return examples


@pytest.mark.parametrize("mutant", LEASES, ids=lambda mutant: mutant.__name__)
def test_broken_leases_are_found_out(mutant: type[Leases]) -> None:
    """Each within the examples of the property."""
    assert found_out(mutant, {}) <= EXAMPLES


@pytest.mark.parametrize("mutant", EVIDENCE)
def test_evidence_that_claims_too_much_is_found_out(mutant: str) -> None:
    """Each within the examples of the property."""
    assert found_out(Leases, EVIDENCE[mutant]) <= EXAMPLES
