"""Leases: what holds is not asked again, and is what asking again would give."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import FunctionType

import pytest

from cloudwarden import NoParams, Now, Policy, Violation, every, hours, minutes, rule
from cloudwarden.aws import ec2
from cloudwarden.core.errors import AccessDenied, CloudError, Throttled
from cloudwarden.core.metric import Series
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Tags
from cloudwarden.core.verdict import Outcome, Verdict
from cloudwarden.engine.cutoff import NoCutoff
from cloudwarden.engine.events import LeasesUsed
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.engine.leases import BYTES_PER_LEASE, Leases
from cloudwarden.library.compute import Idle, idle
from cloudwarden.memory import MemoryCloud
from cloudwarden.testing import instance
from leased_life import Till, calm, lazy
from reports import Reports
from world import NOON, SCOPE, World, stop_idle

FIVE = minutes(5)


judged: list[str] = []


@rule
def unowned(instance: ec2.Instance, params: NoParams) -> Violation | None:
    """Reads nothing but the instance."""
    judged.append(instance.id)
    return None if "Owner" in instance.tags else Violation(summary=f"{instance.state} without an owner")


@rule
def old(instance: ec2.Instance, params: NoParams, now: Now) -> Violation | None:
    """Reads the clock."""
    return Violation(summary="old") if now.reached(instance.launched + hours(3)) else None


def policy(name: str, of: object, **changes: object) -> AnyPolicy:
    """A policy that only observes."""
    return Policy(**{"name": name, "rule": of, "params": NoParams(), "schedule": every(minutes=15)} | changes)  # type: ignore[arg-type]  # a test's changes


IDLE = policy("idle", idle, params=Idle(window=minutes(60)))
UNOWNED, OLD, LAZY, CALM = policy("unowned", unowned), policy("old", old), policy("lazy", lazy), policy("calm", calm)


@dataclass(kw_only=True)
class Judge:
    """A gatherer over a cloud in memory, with leases."""

    cloud: MemoryCloud = field(default_factory=MemoryCloud)
    leases: Leases = field(default_factory=Leases)
    reports: Reports = field(default_factory=Reports)
    till: Till = field(default_factory=Till)

    def __post_init__(self) -> None:
        self.gatherer = Gatherer(
            inventory=self.cloud,
            evidence=self.cloud,
            cutoff=NoCutoff(),
            reporter=self.reports,
            threads=1,
            budget=self.till,
        )

    def judge(self, now: datetime, *policies: AnyPolicy, leased: bool = True) -> list[Verdict]:
        """Every policy on every resource."""
        cases = [Case(policy=one, resource=box) for one in policies for box in self.cloud.resources.values()]
        return self.gatherer.verdicts(cases, now, self.leases if leased else None)


def box(name: str = "i-1", **changes: object) -> ec2.Instance:
    """An instance of the scope that tests use, launched an hour before noon."""
    fields = {"id": name, "account": SCOPE.account, "region": SCOPE.region, "launched": NOON - hours(1)}
    return instance(**fields | changes)  # type: ignore[arg-type]  # a test's changes


def busy(cloud: MemoryCloud, name: str, *moments: datetime) -> None:
    """CPU at these moments, and none at any other."""
    cloud.series["CPUUtilization", name] = Series(moments=moments, values=(90.0,) * len(moments))


def test_a_busy_instance_is_asked_again_when_its_busy_hour_leaves_the_window() -> None:
    """Busy in the five minutes from noon: nothing to ask before five past one, and then at once."""
    judge = Judge()
    judge.cloud.put(box())
    busy(judge.cloud, "i-1", NOON)
    for after in (0, 15, 64):
        (verdict,) = judge.judge(NOON + minutes(after), IDLE)
        assert verdict.outcome is Outcome.COMPLIANT
        assert len(judge.cloud.asked) == 1
    (verdict,) = judge.judge(NOON + minutes(65), IDLE)
    assert verdict.outcome is Outcome.UNKNOWN
    assert len(judge.cloud.asked) > 1


def test_a_lease_is_told_with_the_series_it_saved() -> None:
    """What leases save is counted in what CloudWatch bills."""
    judge = Judge()
    judge.cloud.put(box(), box("i-2"))
    busy(judge.cloud, "i-1", NOON)
    busy(judge.cloud, "i-2", NOON)
    judge.judge(NOON, IDLE)
    judge.judge(NOON + minutes(15), IDLE)
    assert judge.reports.of(LeasesUsed) == [LeasesUsed(run_id="", verdicts=2, series=2)]


def test_an_unchanged_resource_costs_no_evaluation() -> None:
    """A rule that reads nothing that moves is run once for a description, whatever it says."""
    judge = Judge()
    judge.cloud.put(box(), box("i-2", tags={"Owner": "ada"}))
    judged.clear()
    first = judge.judge(NOON, UNOWNED)
    assert judge.judge(NOON + hours(9), UNOWNED) == first
    assert judged == ["i-1", "i-2"]
    judge.cloud.change("i-1", tags=Tags({"Owner": "bob"}))
    judge.judge(NOON + hours(10), UNOWNED)
    assert judged == ["i-1", "i-2", "i-1"]


def test_not_yet_holds_until_the_moment_and_no_longer() -> None:
    """A lease on the clock ends at the very instant that the rule waits for."""
    judge = Judge()
    judge.cloud.put(box())
    at = (0, 119, 120, 121)
    outcomes = [judge.judge(NOON + minutes(after), OLD)[0].outcome for after in at]
    assert outcomes == ["compliant", "compliant", "violation", "violation"]


def test_a_violation_that_moves_with_time_is_always_judged_again() -> None:
    """Only one whose rule reads the description alone may be given again."""
    judge = Judge()
    judge.cloud.put(box())
    judge.cloud.series["Load", "i-1"] = Series(moments=(NOON,), values=(50.0,))
    for after in (20, 25):
        assert judge.judge(NOON + minutes(after), LAZY)[0].violation
    assert len(judge.cloud.asked) == 2


@pytest.mark.parametrize(("value", "series"), [(50.0, 1), (float("nan"), 2)], ids=["high", "not a number"])
def test_what_late_samples_may_lower_holds_once_it_has_settled(value: float, series: int) -> None:
    """An average of minutes ago may still fall; one that cannot be compared proves its own instant only."""
    judge = Judge()
    judge.cloud.put(box())
    judge.cloud.series["Load", "i-1"] = Series(moments=(NOON,), values=(value,))
    judge.judge(NOON + minutes(19), CALM)
    assert len(judge.leases) == 0
    for after in (20, 25):
        judge.judge(NOON + minutes(after), CALM)
    assert len(judge.cloud.asked) == 1 + series


@pytest.mark.parametrize(
    "refused", [Throttled("Rate exceeded"), AccessDenied("not authorized"), None], ids=["throttled", "denied", "budget"]
)
def test_what_was_proven_is_not_unknown_because_aws_does_not_repeat_it(refused: CloudError | None) -> None:
    """Asking would say unknown, where the lease knows. Once it has ended, it is asked, and unknown too."""
    judge = Judge()
    judge.cloud.put(box())
    busy(judge.cloud, "i-1", NOON)
    judge.judge(NOON, IDLE)
    judge.till.spent = refused is None
    judge.cloud.fails = {"CPUUtilization": refused} if refused else {}
    for after, leased, asked in ((64, "compliant", "unknown"), (65, "unknown", "unknown")):
        now = NOON + minutes(after)
        assert judge.judge(now, IDLE)[0].outcome == leased
        assert judge.judge(now, IDLE, leased=False)[0].outcome == asked


def test_unknown_never_holds() -> None:
    """What could not be told is asked again."""
    judge = Judge()
    judge.cloud.put(box())
    judge.cloud.fails["CPUUtilization"] = Throttled("Rate exceeded")
    for after in (0, 1):
        assert judge.judge(NOON + minutes(after), IDLE)[0].outcome is Outcome.UNKNOWN
    assert len(judge.leases) == 0


@pytest.mark.parametrize("back", [timedelta(seconds=1), hours(5)])
def test_a_clock_set_back_ends_every_lease(back: timedelta) -> None:
    """A verdict is not known to hold before it was given."""
    judge = Judge()
    judge.cloud.put(box())
    judge.judge(NOON, UNOWNED)
    judged.clear()
    judge.judge(NOON - back, UNOWNED)
    assert judged == ["i-1"]


def test_a_rule_loaded_anew_is_run_again_though_its_text_is_the_same() -> None:
    """What it imports may have changed."""
    judge = Judge()
    judge.cloud.put(box())
    judge.judge(NOON, UNOWNED)
    judged.clear()
    anew = replace(unowned, function=FunctionType(unowned.function.__code__, globals()))
    judge.judge(NOON + FIVE, policy("unowned", anew))
    assert judged == ["i-1"]


def test_what_left_is_forgotten() -> None:
    """Resources that a complete listing no longer has, policies that were unloaded, scopes nobody covers."""
    judge = Judge()
    judge.cloud.put(box(), box("i-2"))
    judge.judge(NOON, UNOWNED, OLD)
    judge.leases.retain_resources("unowned", SCOPE, {"i-2"})
    assert len(judge.leases) == 3
    judge.leases.begin([], NOON + timedelta(days=7))
    assert len(judge.leases) == 1, "what held until three o'clock has ended"
    judge.leases.begin([], NOON + timedelta(days=9))
    assert len(judge.leases) == 0


@pytest.mark.parametrize(("of", "held"), [(UNOWNED, 90), (IDLE, 10)], ids=["until it changes", "for a while"])
def test_what_is_never_listed_completely_does_not_add_up(of: AnyPolicy, held: int) -> None:
    """Instances come and go each day in a scope where no listing says which of them are gone, as one elsewhere does."""
    judge, most = Judge(), 0
    for day in range(60):
        judge.cloud.resources.clear()
        new = [box(f"i-{day}-{number}", tags={"Owner": "ada"}) for number in range(10)]
        judge.cloud.put(*new)
        now = NOON + timedelta(days=day)
        for one in new:
            busy(judge.cloud, one.id, now)
        judge.judge(now, of)
        judge.leases.retain_resources(of.name, replace(SCOPE, region="us-east-1"), ())
        most = max(most, len(judge.leases))
    assert most == held


def test_what_is_not_listed_completely_is_held_for_a_week() -> None:
    """A listing that fails now and then costs nothing: a complete one in eight days is enough."""
    judge = Judge()
    judge.cloud.put(box())
    judged.clear()
    for day in range(0, 40, 2):
        judge.judge(NOON + timedelta(days=day), UNOWNED)
        if day % 6 == 0:
            judge.leases.retain_resources("unowned", SCOPE, {"i-1"})
        assert len(judge.leases) == 1
    assert judged.count("i-1") == 1


def test_a_sweep_forgets_the_gone_and_keeps_the_unseen(world: World) -> None:
    """Half a listing proves nobody's absence: what it does not show is held on."""
    owners = policy("unowned", unowned)
    world.use(owners)
    for number in range(4):
        world.add(f"i-{number}")
    world.sweep()
    judged.clear()
    world.cloud.fails["ec2.instance"] = Throttled("Rate exceeded")
    world.sweep(after=minutes(15))
    del world.cloud.fails["ec2.instance"]
    world.sweep(after=minutes(15))
    assert judged == []
    gone = world.cloud.resources.pop("i-0")
    world.sweep(after=minutes(15))
    world.cloud.put(gone)
    world.sweep(after=minutes(15))
    assert judged == ["i-0"]


def test_the_look_before_an_action_asks_anew(world: World) -> None:
    """A re-check never takes a verdict that was given before."""
    eager = stop_idle(rule=unowned, params=NoParams())
    world.use(eager)
    world.add("i-0")
    world.sweep()
    world.approve_all()
    judged.clear()
    world.act()
    assert judged == ["i-0"]
    assert world.called() == ["stop_instances"]


def test_a_lease_takes_few_bytes() -> None:
    """A hundred thousand of them are some thirty megabytes."""
    number = 20_000
    boxes = [box(f"i-{name:017x}") for name in range(number)]
    one, leases = UNOWNED, Leases()
    leases.begin([one], NOON)
    holds = Verdict(outcome=Outcome.COMPLIANT, holds_until=NOON + hours(6))
    tracemalloc.start()
    for each in boxes:
        # The id comes anew with every listing, so a lease keeps the one that it was given.
        leases.keep(one, replace(each, id="".join(each.id)), holds, 1)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / number < BYTES_PER_LEASE
    assert taken / number > BYTES_PER_LEASE * 0.6
