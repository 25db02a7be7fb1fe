"""Restraints: what holds an action back that everything else would allow, and that it is let go again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from cloudwarden import ENFORCE, Keeper, Limit, hours, minutes, window
from cloudwarden.core.errors import Conflict
from cloudwarden.core.exemption import tagged
from cloudwarden.core.finding import Finding, State
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.protection import Protection
from cloudwarden.core.resource import Tags
from cloudwarden.core.restraint import Reach, Restraints
from cloudwarden.core.window import Freeze
from cloudwarden.engine.decide import resume
from cloudwarden.engine.events import LimitTripped, PolicyCautious, PolicyStopped
from cloudwarden.store import SqlStore
from world import NOON, World, stop_idle

STACK = Tags({"env": "prod", "aws:cloudformation:stack-name": "web"})


def enforcing(**changes: object) -> AnyPolicy:
    """A policy that acts by itself."""
    return stop_idle(mode=ENFORCE, **changes)


def trusted(world: World, *policies: AnyPolicy) -> World:
    """A world in which these policies have swept an empty scope and are trusted."""
    world.use(*policies)
    world.sweep()
    world.trust_all()
    return world


def restrained(store: SqlStore, restraints: Restraints, *policies: AnyPolicy) -> World:
    """The same, in an installation with restraints."""
    return trusted(World(store=store, restraints=restraints), *(policies or (enforcing(),)))


def standing(world: World) -> Sequence[Finding]:
    """Every standing finding."""
    with world.store.reading() as tx:
        return tx.findings.standing()


def test_nothing_is_done_by_settings_that_were_edited(world: World) -> None:
    """Whoever wrote down a freeze relies on it, though the daemon does not know it before a restart."""
    world.use(stop_idle())
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.edited = "freeze was edited"
    world.act()
    assert (world.called(), world.finding("i-idle").held) == ([], "pause: freeze was edited")
    world.edited = None
    world.act()
    assert world.called() == ["stop_instances"]


def test_outside_its_window_a_policy_waits(world: World) -> None:
    """At noon a policy for the night does nothing; at night it acts."""
    trusted(world, enforcing(windows=[window("* 22:00-04:00")]))
    world.add("i-idle")
    world.sweep(after=minutes(15))
    assert world.called() == []
    assert "outside the change window" in (world.finding("i-idle").held or "")
    for _ in range(40):
        world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"]


def test_a_window_holds_approved_actions_too(world: World) -> None:
    """A person says what may be done; the window says when."""
    world.use(stop_idle(windows=[window("sat 00:00-24:00")]))
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.act()
    assert world.called() == []


def test_a_freeze_of_the_installation_holds_what_it_reaches(store: SqlStore) -> None:
    """Only the policies that it names."""
    freeze = Freeze(begins=NOON - hours(1), until=NOON + hours(1), reason="year-end close")
    restraints = Restraints(freezes=((Reach(policies=("stop-*",)), freeze),))
    world = restrained(store, restraints, enforcing(), enforcing(name="halt-idle"))
    world.add("i-idle")
    world.sweep(after=minutes(15))
    held = {one.policy: one.held or "" for one in standing(world)}
    assert "year-end close" in held["stop-idle"]
    assert world.called() == ["stop_instances"]


@pytest.mark.parametrize(
    "protection", [Protection(accounts=("1234*",)), Protection(tags=(tagged("env", "prod"),)), Protection()]
)
def test_protected_resources_are_found_and_not_touched(store: SqlStore, protection: Protection) -> None:
    """By account, by tag, or by what keeps it: neither acted on nor proposed."""
    world = restrained(store, Restraints(protection=protection))
    world.cloud.put(replace(world.add("i-kept"), tags=STACK))
    world.sweep(after=minutes(15))
    assert (world.called(), world.proposals()) == ([], [])
    assert world.finding("i-kept").state is State.DUE
    assert world.finding("i-kept").protected


def test_a_policy_may_touch_what_it_names(world: World) -> None:
    """The keeper by name."""
    trusted(world, enforcing(touches=[Keeper.CLOUDFORMATION]))
    world.cloud.put(replace(world.add("i-kept"), tags=STACK))
    world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"]


def test_protection_is_looked_at_again_before_the_call(world: World) -> None:
    """A resource that joined a stack since it was approved is not touched."""
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.cloud.change("i-idle", tags=STACK)
    world.act()
    assert world.called() == []
    assert "CloudFormation stack web" in (world.finding("i-idle").held or "")


def test_a_policy_that_may_act_alone_says_why_it_asks(world: World) -> None:
    """Not trusted yet; or it suddenly finds much more. Whoever decides should know which."""
    world.use(enforcing())
    world.add("i-0")
    world.sweep()
    assert "not trusted here" in (world.finding("i-0").held or "")
    world.trust_all()
    for _ in range(4):
        world.sweep(after=minutes(15))
    for number in range(1, 12):
        world.add(f"i-{number}")
    world.sweep(after=minutes(15))
    assert "caution: 12 violations, and at most 1" in (world.finding("i-7").held or "")


def test_what_was_asked_before_trust_says_who_decides(world: World) -> None:
    """Whoever has just trusted it is not told that it is not trusted; what people were asked they decide."""
    world.use(enforcing())
    world.add("i-0")
    world.sweep()
    world.trust_all()
    world.sweep(after=minutes(15))
    assert world.finding("i-0").held == "approval: people were asked about it, so people decide"
    assert len(world.proposals()) == 1


def test_what_was_proposed_is_withdrawn_when_it_is_protected(world: World) -> None:
    """Nobody is asked about what nobody may do; without the tag it is proposed again."""
    world.add("i-idle")
    world.sweep()
    world.cloud.change("i-idle", tags=Tags({"terraform": "true"}))
    world.sweep(after=minutes(15))
    assert world.proposals() == []
    world.cloud.change("i-idle", tags=Tags())
    world.sweep(after=minutes(15))
    assert len(world.proposals()) == 1


@pytest.mark.parametrize("bounds", [{"per_hour": 2}, {"per_day": 2}])
def test_the_hour_and_the_day_are_bounded(world: World, bounds: dict[str, int]) -> None:
    """Two in that time; the third trips the limit, and is done when the time has passed."""
    trusted(world, enforcing(limit=Limit(per_run=5, share=1.0, **bounds)))
    for number in range(3):
        world.add(f"i-{number}")
        world.sweep(after=minutes(15))
    assert len(world.called()) == 2
    assert len(world.reports.of(LimitTripped)) == 1
    world.sweep_until(world.clock.now() + hours(25), step=hours(1))
    assert len(world.called()) == 3


def test_a_policy_that_only_fails_pauses_itself(world: World) -> None:
    """After three failures in a row; the fourth is not tried, and the journal says why."""
    trusted(world, enforcing(limit=Limit(per_run=9, share=1.0)))
    world.cloud.fails["stop_instances"] = Conflict("IncorrectInstanceState")
    for number in range(4):
        world.add(f"i-{number}")
    world.sweep(after=minutes(15))
    assert world.journal().count("action_failed") == 3
    assert "policy_stopped" in world.journal()
    (stopped,) = world.reports.of(PolicyStopped)
    assert isinstance(stopped, PolicyStopped)
    assert "IncorrectInstanceState" in stopped.detail
    with world.store.transaction() as tx:
        (pause,) = tx.decisions.pauses()
        assert pause.origin.startswith("action a-")
        resume(tx, world.decider(), "stop-idle", others=True)
    del world.cloud.fails["stop_instances"]
    world.act()
    assert world.called() == ["stop_instances"]


def test_a_success_among_failures_goes_on(world: World) -> None:
    """Only an unbroken row of failures says that something is wrong with the policy."""
    trusted(world, enforcing(limit=Limit(per_run=9, share=1.0)))
    for number in range(5):
        world.add(f"i-{number}")
        world.cloud.fails.pop("stop_instances", None)
        if number % 2:
            world.cloud.fails["stop_instances"] = Conflict("IncorrectInstanceState")
        world.sweep(after=minutes(15))
    assert world.reports.of(PolicyStopped) == []


def test_sudden_growth_only_proposes(world: World) -> None:
    """A policy that found nothing and now finds twenty asks first, for as long as that lasts."""
    trusted(world, enforcing(limit=Limit(per_run=100, share=1.0), grace=minutes(30)))
    for _ in range(4):
        world.sweep(after=minutes(15))
    for number in range(20):
        world.add(f"i-{number}")
    for _ in range(4):
        world.sweep(after=minutes(15))
    assert world.called() == []
    assert len(world.proposals()) == 20
    assert world.reports.of(PolicyCautious)


def test_trust_given_again_accepts_the_growth(world: World) -> None:
    """The operator has seen it: what becomes due from then on is done."""
    trusted(world, enforcing(limit=Limit(per_run=100, share=1.0, per_hour=100), grace=minutes(30)))
    for _ in range(4):
        world.sweep(after=minutes(15))
    for number in range(20):
        world.add(f"i-{number}")
    world.sweep(after=minutes(15))
    world.trust_all()
    for _ in range(3):
        world.sweep(after=minutes(15))
    assert len(world.called()) == 20


def test_the_first_sweep_after_a_gap_only_proposes(world: World) -> None:
    """Whatever piled up while nobody looked is shown before it is done; the next sweep is as usual."""
    trusted(world, enforcing())
    world.add("i-0")
    world.sweep(after=hours(5))
    assert (world.called(), len(world.proposals())) == ([], 1)
    world.add("i-1")
    world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"]


@pytest.mark.parametrize("later", [minutes(15), hours(24 * 3)])
def test_what_somebody_starts_again_is_left_alone(world: World, later: timedelta) -> None:
    """For the time that the policy respects, however late it came back; then the policy acts again."""
    trusted(world, enforcing(respects=hours(6)))
    world.add("i-idle")
    world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"]
    world.sweep_until(world.clock.now() + later, step=hours(6))
    world.use(enforcing(respects=hours(6)))
    world.cloud.change("i-idle", state="running")
    for _ in range(4 * 6):
        world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"]
    assert "left alone until" in (world.finding("i-idle").held or "")
    for _ in range(2):
        world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"] * 2


def test_what_somebody_starts_again_at_once_is_left_alone(world: World) -> None:
    """Before any sweep saw it stopped: nobody can tell that from an action without effect, so both wait."""
    trusted(world, enforcing(respects=hours(6)))
    world.add("i-idle")
    world.sweep(after=minutes(15))
    world.cloud.change("i-idle", state="running")
    for _ in range(4 * 6):
        world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"]
    assert "left alone until" in (world.finding("i-idle").held or "")
    for _ in range(4):
        world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances"] * 2
