"""Who waits for a turn, for how long, and who does not."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from cloudwarden.aws.limits import Leave, Level, Limits
from cloudwarden.aws.quotas import Charge, Quota
from cloudwarden.core.errors import Throttled
from cloudwarden.engine.events import CloudWaited, LimitLowered
from stub_aws import SCOPE
from stub_sessions import Heard, SimulatedTime, simulated_limits
from throttling_aws import DESCRIBE

READ = (Charge(quota=DESCRIBE),)
OTHER_ACCOUNT = replace(SCOPE, account="999999999999")
OTHER_REGION = replace(SCOPE, region="us-east-1")
NEVER = float("inf")


def spent(limits: Limits) -> tuple[Leave, ...]:
    """The last leave out of the store of one scope."""
    return [limits.enter(SCOPE, "ec2", READ, until=NEVER) for _ in range(80)][-1]


def test_the_store_is_free_and_then_calls_wait(heard: Heard) -> None:
    """Only the call that waited is told of, and how long."""
    limits = simulated_limits(heard)
    spent(limits)
    limits.enter(SCOPE, "ec2", READ, until=NEVER)
    (waited,) = (event for event in heard.events if isinstance(event, CloudWaited))
    assert (waited.service, waited.scope) == ("ec2", SCOPE)
    assert waited.seconds == pytest.approx(1 / DESCRIBE.rate)


def test_a_turn_that_would_come_too_late_is_not_waited_for(heard: Heard) -> None:
    """What cannot be asked in time is Throttled at once: unknown, and no hanging thread."""
    time = SimulatedTime()
    limits = simulated_limits(heard, time)
    spent(limits)
    with pytest.raises(Throttled, match="non-mutating"):
        limits.enter(SCOPE, "ec2", READ, until=0.01)
    assert time.waits == []


def test_a_call_that_gave_up_keeps_nobody_back(heard: Heard) -> None:
    """Its place in the queue is free again."""
    limits = simulated_limits(heard)
    spent(limits)
    with pytest.raises(Throttled):
        limits.enter(SCOPE, "ec2", READ, until=0.01)
    limits.enter(SCOPE, "ec2", READ, until=1 / DESCRIBE.rate)


def test_a_stopping_daemon_waits_for_nothing(heard: Heard) -> None:
    """A waiting call ends as Throttled when the daemon is asked to leave."""
    limits = simulated_limits(heard, SimulatedTime(stopping=True))
    spent(limits)
    with pytest.raises(Throttled, match="stop"):
        limits.enter(SCOPE, "ec2", READ, until=NEVER)


@pytest.mark.parametrize(
    ("scope", "service", "quota"),
    [
        (OTHER_ACCOUNT, "ec2", DESCRIBE),
        (OTHER_REGION, "ec2", DESCRIBE),
        (SCOPE, "rds", DESCRIBE),
        (SCOPE, "ec2", replace(DESCRIBE, name="mutating")),
    ],
)
def test_a_throttled_account_slows_nobody_else(scope: object, service: str, quota: Quota, heard: Heard) -> None:
    """Another account, region, service or class of calls has its whole store, while this one has next to nothing."""
    assert isinstance(scope, type(SCOPE))
    time = SimulatedTime()
    limits = simulated_limits(heard, time)
    for _ in range(20):
        limits.throttled(spent(limits))
    before = len(time.waits)
    for _ in range(80):
        limits.enter(scope, service, (Charge(quota=quota),), until=time.clock())
    assert len(time.waits) == before


def test_a_limit_that_fell_is_told_once(heard: Heard) -> None:
    """Sixteen refusals of one moment are one congestion."""
    limits = simulated_limits(heard)
    for leaves in [limits.enter(SCOPE, "ec2", READ, until=NEVER) for _ in range(16)]:
        limits.throttled(leaves)
    (lowered,) = (event for event in heard.events if isinstance(event, LimitLowered))
    assert (lowered.scope, lowered.service, lowered.limit, lowered.burst) == (SCOPE, "ec2", "non-mutating", 40.0)


def test_success_lets_a_fallen_limit_climb(heard: Heard) -> None:
    """Leaves that AWS answered bring the rate back."""
    time = SimulatedTime()
    limits = simulated_limits(heard, time)
    spent(limits)
    leaves = limits.enter(SCOPE, "ec2", READ, until=NEVER)
    limits.throttled(leaves)
    time.pause(1.0)
    limits.succeeded(leaves)
    assert leaves[0].queue.bucket.rate > DESCRIBE.rate * 0.7


def test_threads_share_one_bucket() -> None:
    """However many threads ask, together they are given no more than the bucket holds."""
    quota, calls = Quota(name="small", burst=220, rate=200), 100
    limits = Limits(Heard(), pause=threading.Event().wait)
    began = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: limits.enter(SCOPE, "ec2", (Charge(quota=quota),), until=NEVER), range(calls)))
    assert time.monotonic() - began >= (calls - 20) / quota.rate


def test_turns_come_in_the_order_of_arrival() -> None:
    """A call that came first is not overtaken by those that came while it waited."""
    limits = Limits(Heard(), pause=threading.Event().wait)
    charge = (Charge(quota=Quota(name="slow", burst=20, rate=20)),)
    for _ in range(2):
        limits.enter(SCOPE, "ec2", charge, until=NEVER)
    order: list[int] = []

    def enter(number: int) -> None:
        limits.enter(SCOPE, "ec2", charge, until=NEVER)
        order.append(number)

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
        time.sleep(0.005)
    for thread in threads:
        thread.join()
    assert order == sorted(order)


def test_what_another_process_drew_is_not_there_for_this_one(heard: Heard) -> None:
    """The daemon's last looks follow at once upon the surveys of its workers, and AWS's bucket is one."""
    time = SimulatedTime()
    worker, daemon = simulated_limits(heard, SimulatedTime()), simulated_limits(heard, time)
    spent(worker)
    daemon.lower(worker.levels(SCOPE))
    assert worker.levels(OTHER_REGION) == ()
    daemon.enter(SCOPE, "ec2", READ, until=NEVER)
    assert time.clock() == pytest.approx(1 / DESCRIBE.rate)


def test_what_another_process_left_raises_nothing(heard: Heard) -> None:
    """A worker that asked for less does not make the daemon's own calls undone."""
    time = SimulatedTime()
    daemon = simulated_limits(heard, time)
    spent(daemon)
    daemon.lower([Level(scope=SCOPE, service="ec2", quota=DESCRIBE, tokens=30.0)])
    daemon.enter(SCOPE, "ec2", READ, until=NEVER)
    assert time.clock() > 0.0


def test_what_was_hardly_drawn_from_is_not_told(heard: Heard) -> None:
    """Ten calls in each of a thousand scopes are no news to anybody."""
    limits = simulated_limits(heard)
    limits.enter(SCOPE, "ec2", READ, until=NEVER)
    assert limits.levels(SCOPE) == ()


def test_what_was_learned_of_a_scope_stays_while_it_is_asked(heard: Heard) -> None:
    """Once a week is enough, whoever else comes and goes."""
    time = SimulatedTime()
    limits = simulated_limits(heard, time)
    for week in range(5):
        limits.throttled(limits.enter(SCOPE, "ec2", READ, until=NEVER))
        limits.enter(replace(SCOPE, account=f"{week:012}"), "ec2", READ, until=NEVER)
        time.seconds += 7 * 86_400
    assert limits.enter(SCOPE, "ec2", READ, until=NEVER)[0].queue.bucket.store < DESCRIBE.burst / 8
