"""A policy that may act alone proposes where its sweeps are not like the ones before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudwarden import ENFORCE, Limit, cron, hours, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.errors import AccessDenied, CloudError, CredentialsExpired
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.engine.decide import DecisionError
from cloudwarden.engine.events import PolicyCautious
from cloudwarden.testing import instance
from world import NOON, SCOPE, World, stop_idle

FAR = Scope(account=SCOPE.account, region="us-east-1")
QUARTER = minutes(15)
MANY = Limit(per_run=200, share=1.0, per_hour=500, per_day=500)


def enforcing(**changes: object) -> AnyPolicy:
    """The policy that acts by itself."""
    return stop_idle(mode=ENFORCE, **changes)


def far(world: World, name: str, *, cpu: float = 1.0) -> ec2.Instance:
    """An idle instance in the other region."""
    made = instance(id=name, account=FAR.account, region=FAR.region, launched=NOON - hours(48))
    world.cloud.put(made)
    world.measure(name, cpu=cpu)
    return made


def denied(world: World) -> None:
    """Nobody may list the other region's instances."""
    world.cloud.fails[f"ec2.instance {FAR}"] = AccessDenied("denied")


def sweeps(world: World, count: int, *, after: timedelta = QUARTER) -> None:
    """As many sweeps, one after another."""
    for _ in range(count):
        world.sweep(after=after)


@pytest.fixture
def busy(world: World) -> World:
    """A trusted policy over two regions, in which nothing is idle."""
    world.scopes = [SCOPE, FAR]
    world.use(enforcing(limit=MANY))
    world.add("i-busy", cpu=90.0)
    far(world, "i-far", cpu=90.0)
    world.sweep()
    world.trust_all()
    sweeps(world, 4)
    return world


def test_a_sudden_growth_only_proposes(busy: World) -> None:
    """Also while another scope cannot be read, however long that lasts."""
    denied(busy)
    sweeps(busy, 24)
    for number in range(40):
        busy.add(f"i-{number}")
    busy.sweep(after=minutes(15))
    assert (busy.called(), len(busy.proposals())) == ([], 40)


def test_growth_right_after_trust_only_proposes(busy: World) -> None:
    """Whoever trusts it has seen what it finds now, and not forty more."""
    busy.trust_all()
    for number in range(40):
        busy.add(f"i-{number}")
    busy.sweep(after=minutes(15))
    assert (busy.called(), len(busy.proposals())) == ([], 40)


def test_a_scope_that_is_left_out_when_trust_is_given_again_is_trusted_no_more(busy: World) -> None:
    """Whoever trusts it is told that it is not trusted there, whatever was said before; so it asks."""
    denied(busy)
    busy.sweep(after=QUARTER)
    busy.trust_all()
    busy.cloud.fails.clear()
    sweeps(busy, 2)
    far(busy, "i-further")
    busy.add("i-near")
    busy.sweep(after=QUARTER)
    assert (busy.called(), [one.resource_id for one in busy.proposals()]) == (["stop_instances"], ["i-further"])


def test_a_scope_that_comes_back_as_it_was_is_no_growth(busy: World) -> None:
    """What was found in it counts while nobody can read it."""
    busy.use(enforcing(limit=MANY, grace=hours(1000)))
    for number in range(30):
        far(busy, f"i-far{number}")
    busy.sweep(after=minutes(15))
    busy.trust_all()
    denied(busy)
    sweeps(busy, 24)
    busy.cloud.fails.clear()
    busy.add("i-late")
    busy.reports.events.clear()
    sweeps(busy, 2)
    told = [one.detail for one in busy.reports.of(PolicyCautious) if isinstance(one, PolicyCautious)]
    assert [("gap" in one, "violations" in one) for one in told] == [(True, False)]


def test_what_a_new_scope_holds_is_no_growth(busy: World) -> None:
    """Nobody trusts the policy there, and elsewhere it finds what it found before."""
    new = Scope(account=SCOPE.account, region="ap-south-1")
    busy.scopes.append(new)
    for number in range(20):
        busy.cloud.put(instance(id=f"i-n{number}", account=new.account, region=new.region, launched=NOON - hours(48)))
        busy.measure(f"i-n{number}", cpu=1.0)
    sweeps(busy, 2)
    busy.add("i-here")
    sweeps(busy, 1)
    assert busy.called() == ["stop_instances"]
    assert len(busy.proposals()) == 20


def test_a_version_that_never_swept_is_not_trusted(busy: World) -> None:
    """Nobody has seen what it finds."""
    busy.use(enforcing(limit=MANY, params=stop_idle().params.model_copy(update={"max_cpu_percent": 99.0})))
    with pytest.raises(DecisionError, match="has not swept yet"):
        busy.trust_all()


def test_a_scope_that_could_not_be_read_is_not_trusted(world: World) -> None:
    """What is in it was never seen: once it is repaired, it is proposed."""
    world.scopes = [SCOPE, FAR]
    world.use(enforcing())
    world.add("i-busy", cpu=90.0)
    for number in range(4):
        far(world, f"i-far{number}")
    denied(world)
    sweeps(world, 2)
    world.trust_all()
    sweeps(world, 2)
    world.cloud.fails.clear()
    sweeps(world, 3)
    assert (world.called(), len(world.proposals())) == ([], 4)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("ec2.instance", CredentialsExpired("over")), (f"ec2.instance {FAR}", AccessDenied("denied"))],
    ids=["everywhere", "one scope"],
)
def test_the_first_sweep_after_an_outage_of_reading_only_proposes(busy: World, fault: str, error: CloudError) -> None:
    """Sweeps that could read nothing are no watching; the next one after it is as usual."""
    busy.cloud.fails[fault] = error
    for number in range(5):
        far(busy, f"i-far{number}")
    sweeps(busy, 3 * 24, after=hours(1))
    busy.cloud.fails.clear()
    busy.sweep(after=minutes(15))
    assert (busy.called(), len(busy.proposals())) == ([], 5)
    far(busy, "i-new")
    busy.sweep(after=minutes(15))
    assert busy.called() == ["stop_instances"]


def test_the_first_sweep_after_an_outage_of_metrics_only_proposes(busy: World) -> None:
    """Everything was listed, and nothing judged."""
    for metric in ("CPUUtilization", "NetworkIn", "NetworkOut"):
        busy.cloud.fails[metric] = AccessDenied("denied")
    sweeps(busy, 24)
    busy.cloud.fails.clear()
    busy.measure("i-busy", cpu=1.0)
    busy.sweep(after=minutes(15))
    assert (busy.called(), len(busy.proposals())) == ([], 1)


def test_what_is_too_young_to_be_judged_is_no_outage(busy: World) -> None:
    """An instance without its datapoints yet is unknown, and nobody looked away."""
    busy.cloud.resources.clear()
    young = busy.add("i-young", share=0.1)
    sweeps(busy, 8)
    busy.measure(young.id, cpu=1.0)
    busy.sweep(after=minutes(15))
    assert busy.called() == ["stop_instances"]


def test_a_scope_elsewhere_is_not_held_by_a_gap(busy: World) -> None:
    """One region comes back after days; the other goes on acting."""
    denied(busy)
    sweeps(busy, 24)
    busy.cloud.fails.clear()
    busy.add("i-here")
    far(busy, "i-there")
    busy.sweep(after=minutes(15))
    assert [call.arguments["InstanceIds"] for call in busy.cloud.calls] == [["i-here"]]
    assert [one.resource_id for one in busy.proposals()] == ["i-there"]


def test_days_that_nobody_watched_are_no_grace(world: World) -> None:
    """A schedule of working hours has long nights, and a daemon that was dead for three days saw none of its runs."""
    world.use(enforcing(schedule=cron("*/5 8-18 * * mon-fri"), grace=hours(48), limit=MANY))
    world.add("i-idle")
    world.sweep()
    world.trust_all()
    world.sweep(after=hours(72))
    assert world.called() == []
    assert world.finding("i-idle").grace.observed == timedelta(0)


def test_what_was_due_before_days_of_silence_is_looked_at_anew(world: World) -> None:
    """Nothing is done before a sweep has seen it again, whatever was due on the daily schedule."""
    world.use(enforcing(schedule=cron("0 12 * * *")))
    world.sweep()
    world.trust_all()
    world.add("i-idle")
    world.edited = "settings were edited"
    world.sweep(after=hours(24))
    world.edited = None
    world.clock.advance(hours(110))
    world.act()
    assert world.called() == []
    assert "a sweep must see it first" in (world.finding("i-idle").held or "")
