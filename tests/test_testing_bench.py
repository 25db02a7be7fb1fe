"""The bench on which policy authors test."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cloudwarden import Evidence, NoParams, Policy, Violation, every, hours, minutes, rule, testing
from cloudwarden.app import KINDS
from cloudwarden.aws import ec2
from cloudwarden.aws.kind import Kind
from cloudwarden.core.evidence import Query
from cloudwarden.library.compute import Idle, idle
from cloudwarden.testing import NOON, Bench, instance

BOX = instance()
IDLE = Policy(name="idle", rule=idle, params=Idle(window=hours(1)), schedule=every(hours=1))


def quiet() -> Bench:
    """A bench on which nothing happens on the network."""
    return Bench().metric(BOX, "NetworkIn", 0.0).metric(BOX, "NetworkOut", 0.0)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.resource.kind)
def test_every_kind_has_a_builder_that_needs_nothing(kind: Kind[Any]) -> None:
    """Called as the kind is."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.resource.__name__).lower()
    assert name in testing.__all__
    assert type(getattr(testing, name)()) is kind.resource


def test_a_number_is_a_metric_that_never_changes() -> None:
    """Today and later."""
    bench = quiet().metric(BOX, "CPUUtilization", 1.0)
    assert bench.judge(IDLE, BOX).outcome == "violation"
    assert bench.advance(hours(24)).judge(IDLE, BOX).outcome == "violation"


def test_a_sequence_is_exactly_the_datapoints_there_are() -> None:
    """Twelve fill an hour; six leave half of it unknown; and they grow old."""
    bench = quiet().metric(BOX, "CPUUtilization", [1.0] * 12)
    assert bench.judge(IDLE, BOX).outcome == "violation"
    assert bench.advance(minutes(30)).judge(IDLE, BOX).outcome == "unknown"
    assert quiet().metric(BOX, "CPUUtilization", [1.0] * 6).judge(IDLE, BOX).outcome == "unknown"


def test_the_last_of_a_sequence_is_the_newest() -> None:
    """A verdict of "busy" holds until that datapoint leaves the window."""
    verdict = quiet().metric(BOX, "CPUUtilization", [1.0, 90.0]).judge(IDLE, BOX)
    assert verdict.holds_until == NOON + hours(1)


@pytest.mark.parametrize(
    ("bench", "reason"),
    [
        (quiet(), "not-enough-data"),
        (quiet().unreadable(BOX, "CPUUtilization", "throttled"), "throttled"),
        (quiet().metric(BOX, "CPUUtilization", [1.0] * 12, complete=False), "not-enough-data"),
    ],
    ids=["never given", "unreadable", "incomplete"],
)
def test_what_is_not_known_makes_the_verdict_unknown(bench: Bench, reason: str) -> None:
    """With its cause."""
    verdict = bench.judge(IDLE, BOX)
    assert verdict.cause is not None
    assert verdict.cause.reason == reason


class Rumour(Evidence):
    """Evidence that no bench has."""

    def heard(self) -> bool:
        """Ask."""
        return bool(self.inquiry.hear(Query[bool]()))


@rule
def rumoured(resource: ec2.Instance, params: NoParams, rumour: Rumour) -> Violation | None:
    """Judges by hearsay."""
    del resource, params
    return Violation(summary="rumour has it") if rumour.heard() else None


def test_evidence_that_the_bench_cannot_give_is_an_error_of_the_test() -> None:
    """No verdict that looks like one of the rule's."""
    policy = Policy(name="rumoured", rule=rumoured, params=NoParams(), schedule=every(hours=1))
    with pytest.raises(TypeError, match="gives metrics and details only"):
        Bench().judge(policy, BOX)
