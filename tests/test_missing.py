"""What could not be read: heard of in listings, in judgements that were lost, and in those that lack answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudwarden.clock import FakeClock
from cloudwarden.core.resource import GLOBAL
from cloudwarden.core.verdict import Cause
from cloudwarden.engine.events import ScopesLeft
from cloudwarden.missing import Missing
from happenings import NOON, SCOPE, judged, listed, loaded, lost

DENIED = listed(problem=Cause(reason="access-denied", detail="ec2:DescribeInstances"))
LEFT = ScopesLeft(account=SCOPE.account, name="", regions=(SCOPE.region, GLOBAL))
MUTE = judged(unread=5, verdicts={"unknown": 5}, cause=Cause(reason="timeout", detail="GetMetricData"))
AGAIN = Cause(reason="worker-lost", detail="worker 4712 ended with -9")


@pytest.fixture
def clock() -> FakeClock:
    """Noon, until a test moves it."""
    return FakeClock(NOON)


@pytest.fixture
def missing(clock: FakeClock) -> Missing:
    """Nothing was heard yet."""
    return Missing(clock)


def hear(missing: Missing, *happened: object) -> None:
    """Hear of all of it, in order."""
    for event in happened:
        missing.hear(event)


def test_a_listing_that_failed_is_missing_until_one_succeeds(missing: Missing, clock: FakeClock) -> None:
    """Since the first of its failures in a row."""
    hear(missing, DENIED)
    clock.advance(timedelta(hours=1))
    hear(missing, DENIED)
    (row,) = missing.rows()
    assert (row.kind, row.since, row.cause, row.policies) == ("ec2.instance", NOON, DENIED.problem, ())
    hear(missing, listed())
    assert missing.rows() == []


def test_what_was_lost_is_missing_until_it_is_judged(missing: Missing, clock: FakeClock) -> None:
    """Whatever was listed meanwhile, for another policy say; since the first loss, with the latest cause."""
    hear(missing, listed(), lost())
    clock.advance(timedelta(hours=1))
    hear(missing, listed(), judged(policy="another"), lost(problem=AGAIN))
    (row,) = missing.rows()
    assert (row.kind, row.since, row.cause, row.policies) == ("ec2.instance", NOON, AGAIN, ("stop-idle",))
    hear(missing, listed(), judged())
    assert missing.rows() == []


def test_policies_that_a_worker_took_with_it_are_one_row(missing: Missing, clock: FakeClock) -> None:
    """Named together, since the first; another scope's is a row of its own."""
    other = replace(SCOPE, region="us-east-1")
    hear(missing, lost(policy="b"))
    clock.advance(timedelta(microseconds=40))
    hear(missing, lost(policy="a"), lost(scope=other))
    rows = [(one.scope, one.policies, one.since) for one in missing.rows()]
    assert rows == [(SCOPE, ("a", "b"), NOON), (other, ("stop-idle",), clock.now())]


def test_what_rules_ask_is_missing_until_it_is_told(missing: Missing, clock: FakeClock) -> None:
    """Everything was listed, and CloudWatch is silent: since then, and of how many, beside what another policy says."""
    hear(missing, listed(), MUTE)
    clock.advance(timedelta(hours=1))
    hear(missing, listed(), replace(MUTE, unread=2), judged(policy="another"))
    (row,) = missing.rows()
    assert (row.kind, row.since, row.policies) == ("ec2.instance", NOON, ("stop-idle",))
    assert str(row.cause) == "timeout: 2 of 5 not judged: GetMetricData"
    hear(missing, judged())
    assert missing.rows() == []


@pytest.mark.parametrize("event", [DENIED, lost(), MUTE])
def test_a_scope_that_left_is_no_longer_missing(missing: Missing, event: object) -> None:
    """Nobody will read it again."""
    hear(missing, event, replace(DENIED, scope=replace(SCOPE, region=GLOBAL)), LEFT)
    assert missing.rows() == []


@pytest.mark.parametrize("event", [DENIED, lost(), MUTE])
def test_a_scope_that_is_back_is_missing_again_since_then(missing: Missing, clock: FakeClock, event: object) -> None:
    """What was of it before it left is another story."""
    hear(missing, event, LEFT)
    clock.advance(timedelta(hours=1))
    hear(missing, event)
    assert [one.since for one in missing.rows()] == [clock.now()]


@pytest.mark.parametrize("event", [DENIED, lost(), MUTE])
def test_a_kind_that_nobody_lists_any_more_is_not_missing(missing: Missing, event: object) -> None:
    """Its policy was removed, or judges another kind by now; what others list stays, since when it was."""
    hear(missing, event, replace(DENIED, kind="ec2.volume"), loaded("stop-idle", kinds=("ec2.volume",)))
    assert [(one.kind, one.since) for one in missing.rows()] == [("ec2.volume", NOON)]


@pytest.mark.parametrize("event", [lost(), MUTE])
def test_what_a_removed_policy_lost_is_not_missing(missing: Missing, event: object) -> None:
    """Another policy lists the kind, and was judged."""
    hear(missing, event, loaded("another", kinds=("ec2.instance",)))
    assert missing.rows() == []
