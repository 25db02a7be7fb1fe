"""What the console shows, from a store in memory and from events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

import blank_stores
from cloudwarden import ENFORCE, Limit
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause, Severity
from cloudwarden.engine.decide import Decider, pause
from cloudwarden.engine.events import Listed, PoliciesLoaded
from cloudwarden.overview import Overview
from cloudwarden.store import SqlStore
from cloudwarden.web.health import Health
from undoing import ask, stopped_by_itself
from world import World, stop_idle

SCOPE = Scope(account="123456789012", region="eu-central-1")
GOOD = Health(live=True, ready=True)
DENIED = Cause(reason="access-denied", detail="ec2:DescribeVolumes")


@pytest.fixture
def store() -> Iterator[SqlStore]:
    """A store in memory."""
    opened = blank_stores.in_memory()
    yield opened
    opened.close()


@pytest.fixture
def world(store: SqlStore) -> World:
    """A world in it."""
    return World(store=store)


@pytest.fixture
def overview(world: World, store: SqlStore) -> Overview:
    """An overview of a world's store."""
    return Overview(store=lambda: store, clock=world.clock, exemption_warning=timedelta(days=7))


def listed(problem: Cause | None) -> Listed:
    """A listing of volumes."""
    return Listed(run_id="r", kind="ec2.volume", scope=SCOPE, resources=0, problem=problem, seconds=0.1)


def notes(overview: Overview) -> dict[str, str]:
    """What stands beside each action on the page."""
    return {one.record.id: one.note for one in overview.board(GOOD).actions}


def test_a_listing_that_failed_is_unread_until_one_succeeds(world: World, overview: Overview) -> None:
    """Since the first of its failures in a row."""
    overview.report(listed(DENIED))
    first = world.clock.now()
    world.clock.advance(timedelta(hours=1))
    overview.report(listed(DENIED))
    (unread,) = overview.board(GOOD).unread
    assert (unread.kind, unread.since, unread.cause) == ("ec2.volume", first, DENIED)
    overview.report(listed(None))
    assert not overview.board(GOOD).unread


def test_policies_show_what_stands_and_what_waits(world: World, overview: Overview) -> None:
    """Loaded ones with their mode, and whether they are paused."""
    world.use(stop_idle())
    world.add("i-1")
    world.sweep()
    world.sweep(after=timedelta(minutes=15))
    overview.report(
        PoliciesLoaded(policies=(("stop-idle", "propose"), ("other", "observe")), problems=(), kinds=frozenset())
    )
    with world.store.transaction() as tx:
        pause(tx, Decider(by="ada", origin="here", reason="", now=world.clock.now()), "other")
    board = overview.board(GOOD)
    assert [(one.name, one.mode, one.paused) for one in board.policies] == [
        ("other", "observe", True),
        ("stop-idle", "propose", False),
    ]
    assert board.policies[1].findings[Severity.MEDIUM] == 1
    assert (board.policies[1].pending, len(board.proposals)) == (1, 1)


def test_what_health_says_is_shown_once(overview: Overview) -> None:
    """All of it but what has a place of its own on the page."""
    details = {
        "policies": "3",
        "sweep": "no sweep yet",
        "policy_problem_1": "idle.py:3: x",
        "exemptions_problem_12": "e.toml:3: x",
        "settings": "nothing is done: y",
        "journal_copy": "not shipped to s3://b: z",
        "paused": "everything",
    }
    assert overview.board(Health(live=True, ready=True, details=details)).troubles == [
        "Exemptions problem: e.toml:3: x",
        "Settings: nothing is done: y",
        "Journal copy: not shipped to s3://b: z",
    ]


def test_a_batch_over_its_limit_is_shown_at_its_policy(world: World, overview: Overview) -> None:
    """How many of its actions wait for it: none of them is taken."""
    world.use(stop_idle(mode=ENFORCE, limit=Limit(per_run=1, share=1.0)))
    world.sweep()
    world.trust_all()
    world.add("i-1")
    world.add("i-2")
    world.sweep(after=timedelta(minutes=15))
    (line,) = overview.board(GOOD).policies
    assert line.held == {"limit": 2}


def test_an_action_says_that_it_was_undone(world: World, overview: Overview) -> None:
    """And by which, as it did succeed."""
    first = stopped_by_itself(world)
    world.clock.advance(timedelta(minutes=1))
    by = ask(world, first)
    assert notes(overview) == {first.id: f"its undo {by.id}: waiting", by.id: f"undoes {first.id}"}
    world.act()
    assert notes(overview)[first.id] == f"undone by {by.id}"


def test_a_useless_sweep_is_said(overview: Overview) -> None:
    """In the words of the health page."""
    ill = Health(live=True, ready=False, details={"sweep": "the latest sweep failed: no credentials"})
    assert overview.board(ill).failing == "the latest sweep failed: no credentials"


def test_the_page_says_what_holds_an_undo(world: World, overview: Overview) -> None:
    """Beside what it undoes."""
    done = stopped_by_itself(world)
    world.clock.advance(timedelta(minutes=2))
    made = ask(world, done)
    world.edited = "the settings were edited"
    world.act()
    assert notes(overview)[made.id] == f"undoes {done.id}; held: pause: the settings were edited"
