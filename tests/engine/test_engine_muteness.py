"""Where metrics cannot be read at all: what is paid for then, and what is said of the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudwarden import hours
from cloudwarden.clock import FakeClock
from cloudwarden.core.detail import Detail
from cloudwarden.core.errors import AccessDenied, CloudError, InvalidRequest, Unavailable
from cloudwarden.core.evidence import Query
from cloudwarden.core.metric import MetricQuery, Series
from cloudwarden.engine.budget import MetricBudget
from cloudwarden.engine.cutoff import NoCutoff
from cloudwarden.engine.demand import Demand, Want
from cloudwarden.engine.events import MetricsBudgeted
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.engine.muteness import FEW_SERIES
from cloudwarden.memory import MemoryCloud
from cloudwarden.store import SqlStore
from cloudwarden.testing import instance
from reports import Reports
from world import NOON, SCOPE, stop_idle

POLICY = stop_idle()
BOXES = [
    instance(id=f"i-{number:02}", account=SCOPE.account, region=SCOPE.region, launched=NOON - hours(48))
    for number in range(3 * FEW_SERIES)
]
ELSEWHERE = replace(BOXES[0], id="i-elsewhere", account="222222222222")
METRICS = ("CPUUtilization", "NetworkIn", "NetworkOut")


class Estate:
    """Instances whose metrics cannot be read, under a budget for a day."""

    def __init__(self, store: SqlStore, error: CloudError, *, per_day: int = 100_000) -> None:
        self.cloud, self.heard = MemoryCloud(), Reports()
        self.cloud.fails = dict.fromkeys(METRICS, error)
        budget = MetricBudget(store=store, per_day=per_day, clock=FakeClock(NOON), reporter=self.heard)
        cloud = self.cloud
        self.gatherer = Gatherer(
            inventory=cloud, evidence=cloud, cutoff=NoCutoff(), reporter=self.heard, threads=1, budget=budget
        )

    def reasons(self) -> set[str]:
        """Why nobody can tell, of all instances in one sweep; `compliant` where somebody can."""
        verdicts = self.gatherer.verdicts([Case(policy=POLICY, resource=box) for box in BOXES], NOON)
        return {verdict.cause.reason if verdict.cause else str(verdict.outcome) for verdict in verdicts}

    def spent(self) -> int:
        """How many metrics were taken from the day's budget so far."""
        return sum(event.granted for event in self.heard.events if isinstance(event, MetricsBudgeted))


@pytest.mark.parametrize("error", [AccessDenied("no"), Unavailable("down")])
def test_a_scope_that_tells_nothing_is_tried_by_a_few(store: SqlStore, error: CloudError) -> None:
    """What the few are told is said of all; a day of it spends no other account's budget."""
    estate = Estate(store, error)
    assert estate.reasons() == {error.reason}
    before = estate.spent()
    assert estate.reasons() == {error.reason}
    assert estate.spent() - before == 2 * FEW_SERIES


def test_once_the_few_are_told_something_all_are_asked(store: SqlStore) -> None:
    """In the same sweep: nobody waits longer than it takes AWS to answer again."""
    estate = Estate(store, AccessDenied("no"))
    estate.reasons()
    estate.cloud.fails.clear()
    busy = Series(moments=(NOON,), values=(90.0,))
    estate.cloud.series = {("CPUUtilization", box.id): busy for box in BOXES}
    assert estate.reasons() == {"compliant"}


def test_what_is_wrong_with_a_question_is_no_muteness(store: SqlStore) -> None:
    """Each question may be at fault itself, so each is asked."""
    estate = Estate(store, InvalidRequest("no such statistic"))
    estate.reasons()
    estate.cloud.asked.clear()
    estate.reasons()
    assert len(estate.cloud.asked) == len(METRICS) * len(BOXES)


def test_one_scope_says_nothing_of_another(store: SqlStore) -> None:
    """A denied account is one account's."""
    estate = Estate(store, AccessDenied("no"))
    estate.reasons()
    estate.cloud.fails = {f"{metric} {box.id}": AccessDenied("no") for metric in METRICS for box in BOXES}
    estate.cloud.series["CPUUtilization", ELSEWHERE.id] = Series(moments=(NOON,), values=(90.0,))
    cases = [Case(policy=POLICY, resource=box) for box in (*BOXES, ELSEWHERE)]
    assert str(estate.gatherer.verdicts(cases, NOON)[-1].outcome) == "compliant"


def test_where_the_budget_is_spent_the_budget_is_why(store: SqlStore) -> None:
    """What was not asked tells nothing new of the scope."""
    estate = Estate(store, AccessDenied("no"), per_day=len(BOXES) + 2 * FEW_SERIES)
    estate.reasons()
    estate.reasons()
    assert estate.reasons() == {"budget"}


def test_a_demand_is_parted_by_its_series() -> None:
    """Two windows of one series stay together, and what is no metric is among the others."""
    cpu = MetricQuery(
        namespace="AWS/EC2",
        metric="CPUUtilization",
        dimensions=(),
        statistic="Maximum",
        period=hours(1),
        window=hours(6),
    )
    asked: list[Query[object]] = [
        cpu,
        Detail(service="s3", operation="get_bucket_acl", arguments=(), path="Grants"),
        replace(cpu, metric="NetworkIn"),
        replace(cpu, window=hours(12)),
    ]
    first, others = Demand(SCOPE, [Want(policy=POLICY, query=query) for query in asked]).parted(1)
    assert list(first.queries) == [asked[0], asked[3]]
    assert list(others.queries) == [asked[1], asked[2]]
