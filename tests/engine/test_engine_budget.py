"""The day's budget of CloudWatch metrics: who is asked, and who waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from cloudwarden import every, hours
from cloudwarden.clock import FakeClock
from cloudwarden.core.metric import Series
from cloudwarden.core.verdict import Outcome, Severity
from cloudwarden.engine.budget import MetricBudget, affordable
from cloudwarden.engine.cutoff import NoCutoff
from cloudwarden.engine.events import MetricsBudgeted, MetricsRequested
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.library.compute import Idle
from cloudwarden.memory import MemoryCloud
from cloudwarden.store import SqlStore
from cloudwarden.testing import instance
from reports import Reports
from world import NOON, SCOPE, stop_idle

LOW = stop_idle(name="low", severity=Severity.LOW, params=Idle(window=hours(2)))
CRITICAL = stop_idle(name="critical", severity=Severity.CRITICAL)
BOX = instance(account=SCOPE.account, region=SCOPE.region, launched=NOON - hours(48))


def gatherer(
    store: SqlStore, per_day: int, reports: Reports | None = None, now: datetime = NOON
) -> tuple[Gatherer, MemoryCloud]:
    """One with a budget, over a cloud without datapoints."""
    cloud, heard = MemoryCloud(), reports or Reports()
    budget = MetricBudget(store=store, per_day=per_day, clock=FakeClock(now), reporter=heard)
    made = Gatherer(inventory=cloud, evidence=cloud, cutoff=NoCutoff(), reporter=heard, threads=1, budget=budget)
    return made, cloud


def test_the_least_severe_wait_while_the_rest_is_kept_for_the_severe(store: SqlStore) -> None:
    """At seven tenths low stops; critical goes on to the end."""
    assert affordable([(Severity.CRITICAL, 2), (Severity.LOW, 9)], 0, 10) == 7
    assert affordable([(Severity.CRITICAL, 9)], 7, 10) == 3
    assert affordable([(Severity.HIGH, 1), (Severity.MEDIUM, 1), (Severity.LOW, 1)], 8, 10) == 1


def test_what_is_over_the_budget_is_unknown_and_not_asked(store: SqlStore) -> None:
    """Never compliant, never a match."""
    made, cloud = gatherer(store, 1)
    boxes = [BOX, replace(BOX, id="i-2")]
    first, second = made.verdicts([Case(policy=CRITICAL, resource=box) for box in boxes], NOON)
    assert first.cause is not None
    assert first.cause.reason == "not-enough-data"
    assert second.outcome is Outcome.UNKNOWN
    assert second.cause is not None
    assert second.cause.reason == "budget"
    assert len(cloud.asked) == 1


def test_of_one_severity_the_policy_with_the_shorter_interval_is_asked_first(store: SqlStore) -> None:
    """Whichever comes first in the sweep, by name or otherwise."""
    made, cloud = gatherer(store, 2)
    seldom, often = (stop_idle(name=name, schedule=every(hours=n)) for name, n in (("a", 6), ("b", 1)))
    cases = [Case(policy=seldom, resource=BOX), Case(policy=often, resource=replace(BOX, id="i-2"))]
    reasons = [one.cause.reason for one in made.verdicts(cases, NOON) if one.cause]
    assert (reasons, len(cloud.asked)) == (["budget", "not-enough-data"], 1)


def test_a_restart_does_not_begin_the_day_anew_and_midnight_does(store: SqlStore) -> None:
    """What was spent is in the store before anything is asked."""
    for now, asked in ((NOON, 1), (NOON + hours(1), 0), (NOON + timedelta(days=1), 1)):
        made, cloud = gatherer(store, 1, now=now)
        made.verdicts([Case(policy=CRITICAL, resource=BOX)], now)
        assert len(cloud.asked) == asked


def test_a_shared_series_is_paid_for_by_the_more_severe(store: SqlStore) -> None:
    """One series in two windows is one metric; low gets it for nothing."""
    reports = Reports()
    made, cloud = gatherer(store, 100, reports)
    cloud.series["CPUUtilization", BOX.id] = Series(moments=(NOON,), values=(90.0,))
    made.verdicts([Case(policy=LOW, resource=BOX), Case(policy=CRITICAL, resource=BOX)], NOON)
    assert MetricsRequested(run_id="", scope=SCOPE, requested={"critical": 1}, shared=1) in reports.events
    assert reports.of(MetricsBudgeted) == [MetricsBudgeted(run_id="", granted=1, spent=1, budget=100, refused=0)]


def test_a_store_that_cannot_be_written_grants_nothing(store: SqlStore) -> None:
    """What cannot be counted is not spent, and nobody is told that the day's budget was."""
    made, cloud = gatherer(store, 100)
    store.close()
    with store.transaction() as tx:
        tx.connection.exec_driver_sql("PRAGMA query_only = 1")
    (verdict,) = made.verdicts([Case(policy=CRITICAL, resource=BOX)], NOON)
    assert cloud.asked == []
    assert verdict.cause is not None
    assert "or the store could not count" in verdict.cause.detail
