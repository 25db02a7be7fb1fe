"""What thousands of scopes say in every sweep is told when it is news, and counted otherwise."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

import pytest

from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.engine import events
from cloudwarden.telemetry.lines import line
from cloudwarden.telemetry.thinning import MOST, Thinning
from happenings import SCOPE, judged, listed, loaded, lost

DENIED = listed(problem=Cause(reason="access-denied", detail="not authorized"))
THROTTLED = listed(problem=Cause(reason="throttled", detail="page 2"))
WELL = judged(unknown={})
Frequent = events.Listed | events.JudgementLost | events.PolicyJudged
BEGUN = events.SweepStarted(run_id="r", policies=("stop-idle",), scopes=(SCOPE,))
SCOPES = [Scope(account=f"{number // 17:012}", region=f"eu-west-{number % 17}") for number in range(17_000)]


@pytest.fixture
def thinning() -> Thinning:
    """Of a log that says nothing yet."""
    return Thinning()


def levels(thinning: Thinning, *happened: object) -> list[int]:
    """Of the lines of what happened."""
    return [thinning.weighed(event, line(event)).level for event in happened]


def told(thinning: Thinning, happened: Iterable[object]) -> int:
    """How many lines of a sweep are above debug."""
    return sum(level > logging.DEBUG for level in levels(thinning, BEGUN, *happened)) - 1


def withheld(thinning: Thinning) -> tuple[object, object]:
    """How many lines said what the log says already, and how many were too many."""
    summary = thinning.withheld()
    assert summary is not None
    assert summary.name == "lines_withheld"
    return summary.fields["again"], summary.fields["more"]


@pytest.mark.parametrize(
    ("ill", "well", "level"),
    [
        (DENIED, listed(), logging.WARNING),
        (judged(unknown={"throttled": 3}), WELL, logging.INFO),
        (lost(), WELL, logging.WARNING),
    ],
)
def test_a_scope_is_told_when_it_changes(thinning: Thinning, ill: object, well: object, level: int) -> None:
    """When less can be told of it, and when all can be told again."""
    assert levels(thinning, well, ill, ill, well, well) == [
        logging.DEBUG,
        level,
        logging.DEBUG,
        logging.INFO,
        logging.DEBUG,
    ]


def test_another_reason_is_news(thinning: Thinning) -> None:
    """What is denied now may need another remedy than what was throttled."""
    assert levels(thinning, THROTTLED, DENIED) == [logging.WARNING, logging.WARNING]


def test_other_numbers_and_words_are_no_news(thinning: Thinning) -> None:
    """They differ in every sweep."""
    levels(thinning, lost(), judged(policy="tags", unknown={"throttled": 3}))
    again = lost(problem=Cause(reason="worker-lost", detail="worker 4712 ended with -9"))
    assert levels(thinning, again, judged(policy="tags", unknown={"throttled": 4})) == [logging.DEBUG] * 2


def test_what_is_judged_on_an_incomplete_listing_is_told_by_the_listing(thinning: Thinning) -> None:
    """Once for all policies; and it is not well again for that."""
    partly = judged(population=None, unknown={"throttled": 1})
    assert levels(thinning, lost(), partly, lost()) == [logging.WARNING, logging.DEBUG, logging.DEBUG]


def test_a_sweep_of_an_estate_that_is_well_says_nothing_of_its_scopes(thinning: Thinning) -> None:
    """A log that nobody can read tells nobody anything."""
    happened = [one for scope in SCOPES for one in (listed(scope=scope), replace(WELL, scope=scope))]
    assert (told(thinning, happened), thinning.withheld()) == (0, None)


@pytest.mark.parametrize("event", [DENIED, lost(), judged()])
def test_an_outage_of_everything_is_a_page_of_lines(thinning: Thinning, event: Frequent) -> None:
    """And a count; the next sweep goes on with what was not named."""
    happened = [replace(event, scope=scope) for scope in SCOPES]
    name = line(event).name
    assert told(thinning, happened) == MOST
    assert withheld(thinning) == ({}, {name: len(SCOPES) - MOST})
    assert told(thinning, happened) == MOST
    assert withheld(thinning) == ({name: MOST}, {name: len(SCOPES) - 2 * MOST})


def test_what_was_told_as_unread_is_told_as_read(thinning: Thinning) -> None:
    """However many there were; of what was never told, the log needs no end."""
    ill = [replace(DENIED, scope=scope) for scope in SCOPES[: 3 * MOST]]
    well = [listed(scope=scope) for scope in SCOPES]
    assert [told(thinning, happened) for happened in (ill, ill, well, well, well)] == [MOST] * 4 + [0]


def test_failures_of_a_rule_are_bounded(thinning: Thinning) -> None:
    """One that raises everywhere says so in every scope; the next sweep tells of it again."""
    failed = events.RuleFailed(run_id="r", policy="stop-idle", resource="i-1", reason="rule-raised", detail="KeyError")
    for _ in range(2):
        assert told(thinning, [failed] * 1000) == MOST
        assert withheld(thinning) == ({}, {"rule_failed": 1000 - MOST})


def test_the_count_is_as_grave_as_what_it_counts(thinning: Thinning) -> None:
    """Whoever keeps warnings alone is told in each sweep that something is still unread."""
    levels(thinning, DENIED, DENIED)
    summary = thinning.withheld()
    assert summary is not None
    assert summary.level == logging.WARNING


@pytest.mark.parametrize("event", [DENIED, lost()])
@pytest.mark.parametrize(
    "end",
    [
        events.ScopesLeft(account=SCOPE.account, name="shop", regions=(SCOPE.region,)),
        loaded("tags", kinds=("ec2.volume",)),
    ],
)
def test_what_is_over_is_forgotten(thinning: Thinning, event: object, end: object) -> None:
    """When the scope or the policy is back, that nothing can be read is news."""
    assert levels(thinning, event, end, event)[::2] == [logging.WARNING] * 2


def test_what_is_said_of_others_stays(thinning: Thinning) -> None:
    """Whatever leaves or is loaded beside it."""
    left = events.ScopesLeft(account=SCOPE.account, name="shop", regions=("us-east-1",))
    levels(thinning, DENIED, lost(), left, loaded("stop-idle", "tags"))
    assert levels(thinning, DENIED, lost()) == [logging.DEBUG] * 2
