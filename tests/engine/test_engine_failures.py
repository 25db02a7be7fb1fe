"""What failed is tried again, bounded, and says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudwarden import ENFORCE, PROPOSE, Mode, Violation, days, every, hours, minutes
from cloudwarden.core.errors import AccessDenied, Throttled
from cloudwarden.core.finding import State
from cloudwarden.core.lifecycle import FAILED_FOR, MAX_ATTEMPTS, Terms, after_verdict, failed
from cloudwarden.core.verdict import Outcome, Verdict
from cloudwarden.engine.decide import resume
from happenings import finding
from world import NOON, World, stop_idle

QUARTER, HOUR = minutes(15), hours(1)
VIOLATION = Verdict(outcome=Outcome.VIOLATION, violation=Violation(summary="idle"))


def turn(world: World, after: timedelta = QUARTER) -> None:
    """A sweep; people approve what they are asked, and have a policy that paused itself go on."""
    world.sweep(after=after)
    world.approve_all()
    world.act()
    with world.store.transaction() as tx:
        if tx.decisions.pauses():
            resume(tx, world.decider("go on"), "stop-idle", others=True)


@pytest.fixture(params=[PROPOSE, ENFORCE])
def given_up(world: World, request: pytest.FixtureRequest) -> World:
    """An instance of which three actions failed; the cause is mended since, and the policy resumed."""
    mode: Mode = request.param
    world.use(stop_idle(mode=mode))
    world.sweep()
    world.trust_all()
    world.add("i-idle")
    world.cloud.fails["stop_instances"] = AccessDenied("not authorized")
    for _ in range(MAX_ATTEMPTS):
        turn(world)
    world.cloud.fails.clear()
    return world


def test_after_three_failures_it_says_when_it_is_tried_again(given_up: World) -> None:
    """In the finding, and in what explains it; nobody waits for an approval that nobody can give."""
    found = given_up.finding("i-idle")
    until = found.state_since + FAILED_FOR
    words = (
        f"not tried again before {until:%Y-%m-%d %H:%M}Z, after 3 actions that did not repair it, the latest: "
        "access-denied: not authorized; mend the cause until then, or exempt the resource"
    )
    assert (found.state, found.held) == (State.FAILED, words)
    holding = given_up.holding(given_up.policies["stop-idle"], "i-idle")
    assert f"failures: {words}" in holding
    assert "approval: waits for a person's approval" not in holding


def test_after_a_day_it_is_tried_again(given_up: World) -> None:
    """Not before, and once: whoever mended the cause tells nobody."""
    for _ in range(int(FAILED_FOR / HOUR) - 1):
        turn(given_up, after=HOUR)
    for _ in range(int(HOUR / QUARTER) - 1):
        turn(given_up)
    assert (given_up.finding("i-idle").state, given_up.called()) == (State.FAILED, [])
    turn(given_up)
    assert (given_up.finding("i-idle").state, given_up.called()) == (State.VERIFYING, ["stop_instances"])


def test_what_is_tried_again_does_not_say_that_it_is_not() -> None:
    """While its grace runs anew, the day that is over holds nothing."""
    terms = Terms(now=NOON + FAILED_FOR, schedule=every(minutes=15), grace=hours(2), mode=PROPOSE, lasting=PROPOSE)
    tired = failed(finding(state=State.ACTING, attempts=MAX_ATTEMPTS), "denied", NOON)
    after = after_verdict(tired, VIOLATION, None, terms)
    assert (after.state, after.held) == (State.OPEN, None)


def test_each_further_failure_waits_for_another_day(given_up: World) -> None:
    """However long its cause lasts, there is one try a day."""
    given_up.cloud.fails["stop_instances"] = AccessDenied("not authorized")
    for _ in range(int(days(3) / HOUR)):
        turn(given_up, after=HOUR)
    assert given_up.finding("i-idle").attempts == MAX_ATTEMPTS + 3


def test_a_repair_ends_the_count_of_failures(world: World) -> None:
    """One that comes back after it was fixed has all of its tries again."""
    world.use(stop_idle(mode=ENFORCE, respects=timedelta(0)))
    world.sweep()
    world.trust_all()
    world.add("i-idle")
    for _ in range(MAX_ATTEMPTS + 1):
        world.cloud.fails["stop_instances"] = Throttled("slow")
        world.sweep(after=QUARTER)
        assert world.finding("i-idle").attempts == 1
        world.cloud.fails.clear()
        world.sweep(after=QUARTER)
        world.cloud.change("i-idle", state="stopped")
        world.sweep(after=QUARTER)
        assert world.states() == {}
        world.cloud.change("i-idle", state="running")


@pytest.mark.parametrize(("rest", "until"), [(timedelta(0), FAILED_FOR), (days(3), days(3))])
def test_what_is_put_off_for_longer_says_so(rest: timedelta, until: timedelta) -> None:
    """The later of the two is when it is tried again."""
    after = failed(finding(attempts=MAX_ATTEMPTS - 1), "it still violates", NOON, rest=rest)
    assert f"not tried again before {NOON + until:%Y-%m-%d %H:%M}Z" in (after.held or "")


def test_a_first_failure_is_tried_again_soon() -> None:
    """A throttled call says nothing of the next one."""
    after = failed(finding(), "throttled: slow", NOON + hours(1))
    assert (after.state, after.attempts, after.held) == (State.FAILED, 1, None)
