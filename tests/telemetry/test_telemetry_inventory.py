"""What was listed, as Prometheus sees it: an incomplete listing is not an empty one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudwarden.clock import FakeClock
from cloudwarden.engine import events
from cloudwarden.telemetry.metrics import Metrics
from happenings import NOON, PROBLEM, SCOPE, judged, listed, loaded, lost
from scraping import Value

WHERE = {"account": SCOPE.account, "region": SCOPE.region, "kind": "ec2.instance"}


def test_an_incomplete_listing_changes_no_count(metrics: Metrics, value: Value, clock: FakeClock) -> None:
    """A failed listing is not an empty listing."""
    metrics.report(listed(resources=3))
    clock.advance(timedelta(hours=1))
    metrics.report(listed(resources=0, problem=PROBLEM))
    assert value("inventory_complete", **WHERE) == 0
    assert value("inventory_resources", **WHERE) == 3
    assert value("inventory_last_success_timestamp_seconds", **WHERE) == NOON.timestamp()


def test_the_inventory_of_a_scope_that_left_goes_and_comes_back_with_it(metrics: Metrics, value: Value) -> None:
    """Nobody lists it again, and an alert for what stays incomplete would never end; another's stays as it was."""
    other = {**WHERE, "region": "us-east-1"}
    metrics.report(listed(problem=PROBLEM))
    metrics.report(listed(scope=replace(SCOPE, region="us-east-1")))
    metrics.report(events.ScopesLeft(account=SCOPE.account, name="shop", regions=(SCOPE.region,)))
    assert [value("inventory_complete", **one) for one in (WHERE, other)] == [None, 1]
    metrics.report(listed(problem=PROBLEM))
    assert [value("inventory_complete", **one) for one in (WHERE, other)] == [0, 1]


def test_inventory_that_nobody_lists_any_more_goes(metrics: Metrics, value: Value) -> None:
    """A gauge at 0 that nobody sets again would raise its alarm for ever."""
    volumes = {**WHERE, "kind": "ec2.volume"}
    metrics.report(loaded("stop-idle", kinds=("ec2.instance", "ec2.volume")))
    metrics.report(listed(problem=PROBLEM))
    metrics.report(listed(kind="ec2.volume", problem=PROBLEM))
    metrics.report(loaded("stop-idle", kinds=("ec2.volume",)))
    assert [value("inventory_complete", **one) for one in (WHERE, volumes)] == [None, 0]


def test_what_a_lost_worker_listed_is_not_complete(metrics: Metrics, value: Value) -> None:
    """Until each policy is judged, whatever is listed meanwhile; its count and time are those of the listing."""
    for event in (listed(), lost(), lost(policy="tags"), listed(), judged()):
        metrics.report(event)
    assert value("inventory_complete", **WHERE) == 0
    assert value("inventory_resources", **WHERE) == 3
    metrics.report(judged(policy="tags"))
    assert value("inventory_complete", **WHERE) == 1


def test_what_was_never_listed_is_not_complete_when_it_is_lost(metrics: Metrics, value: Value) -> None:
    """A worker that dies in the first sweep may not have said anything."""
    metrics.report(lost())
    assert (value("inventory_complete", **WHERE), value("inventory_resources", **WHERE)) == (0, None)


@pytest.mark.parametrize(
    "event",
    [
        loaded("tags"),
        loaded("stop-idle", kinds=("ec2.volume",)),
        events.ScopesLeft(account=SCOPE.account, name="shop", regions=(SCOPE.region,)),
    ],
)
def test_a_loss_that_nobody_can_make_good_is_forgotten(metrics: Metrics, value: Value, event: object) -> None:
    """The policy is gone, or judges another kind, or the scope has left: what is listed after that counts."""
    for each in (loaded("stop-idle"), listed(), lost(), event, listed()):
        metrics.report(each)
    assert value("inventory_complete", **WHERE) == 1
