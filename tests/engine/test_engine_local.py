"""What a sweep remembers from one batch of scopes to the next, and the next sweep does not."""

from __future__ import annotations

import pytest

from cloudwarden import NoParams, Policy, Violation, every, hours, rule
from cloudwarden.aws import ec2
from cloudwarden.clock import FakeClock
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Reason
from cloudwarden.engine.cutoff import SignalCutoff
from cloudwarden.engine.gather import MAX_CUT_OFFS, Gatherer
from cloudwarden.engine.local import SCOPES_AT_ONCE, LocalSurveyor
from cloudwarden.engine.survey import Assignment, Survey
from cloudwarden.memory import MemoryCloud
from cloudwarden.testing import instance
from reports import Reports
from world import NOON

ACCOUNTS = [f"{number:012}" for number in range(4 * SCOPES_AT_ONCE)]
TRIED: list[str] = []
"""The accounts in which an endless rule was tried."""


@rule
def endless(instance: ec2.Instance, params: NoParams, activity: ec2.Activity) -> Violation | None:
    """A rule that never returns: at once in every other account, in the others once it was answered."""
    if int(instance.account) % 2:
        activity.cpu_percent.stayed_below(1.0, over=hours(1))
    TRIED.append(instance.account)
    while True:
        pass


ENDLESS: AnyPolicy = Policy(name="endless", rule=endless, params=NoParams(), schedule=every(minutes=15))


def surveyor() -> LocalSurveyor:
    """One that cuts rules off soon, over an instance in each account."""
    cloud = MemoryCloud()
    cloud.put(*(instance(id=f"i-{account}", account=account, region="eu-central-1") for account in ACCOUNTS))
    cutoff = SignalCutoff(0.05)
    reading = Gatherer(inventory=cloud, evidence=cloud, cutoff=cutoff, reporter=Reports(), threads=2)
    return LocalSurveyor(gatherer=reading, clock=FakeClock(NOON))


def swept(by: LocalSurveyor, run_id: str, *, pieces: int) -> list[Survey]:
    """One sweep of all accounts, as a worker is given it."""
    todo = [
        Assignment(run_id=run_id, scope=Scope(account=account, region="eu-central-1"), policies=(ENDLESS.name,))
        for account in ACCOUNTS
    ]
    size = len(todo) // pieces
    parts = [todo[at : at + size] for at in range(0, len(todo), size)]
    return [one for part in parts for one in by.survey(part, {ENDLESS.name: ENDLESS})]


@pytest.mark.parametrize("pieces", [1, 4])
def test_a_rule_that_never_ends_is_cut_off_a_few_times_in_a_sweep(pieces: int) -> None:
    """Not in each batch, nor in each round of questions; and what is not tried is unknown. Another sweep tries anew."""
    judging = surveyor()
    for run_id in ("r-1", "r-2"):
        TRIED.clear()
        surveys = swept(judging, run_id, pieces=pieces)
        assert len(TRIED) == MAX_CUT_OFFS
        assert [dict(one.judgements[0].unknown) for one in surveys] == [{Reason.RULE_CUT_OFF: 1}] * len(ACCOUNTS)
