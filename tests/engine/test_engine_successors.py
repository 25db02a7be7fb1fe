"""A name that is given again: what was found, approved or begun of one resource is not of the next one of its name."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cloudwarden import ENFORCE, PROPOSE, Limit, Mode, NoParams, Policy, Violation, every, hours, minutes, rule
from cloudwarden.aws import rds
from cloudwarden.core.action import Call, Read
from cloudwarden.core.errors import Throttled
from cloudwarden.core.finding import ActionRecord, ProposalState, State
from cloudwarden.core.plain import Json
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.memory import MemoryCloud
from cloudwarden.testing import database
from undoing import ask, latest
from world import NOON, SCOPE, World

QUARTER = minutes(15)
LONG_AGO = NOON - hours(48)


@rule
def running(found: rds.Database, params: NoParams) -> Violation | None:
    """Any database that runs."""
    del params
    return Violation(summary="it runs") if found.available else None


def stop_all(mode: Mode, grace: timedelta = timedelta(0)) -> AnyPolicy:
    """Stops databases."""
    return Policy(
        name="stop-databases",
        rule=running,
        params=NoParams(),
        schedule=every(minutes=15),
        mode=mode,
        action=rds.Stop(),
        grace=grace,
        limit=Limit(share=1.0),
    )


def orders(world: World, *, created: datetime = LONG_AGO, identity: str | None = "db-BLUE") -> None:
    """A database of this name, in the place of any other one."""
    made = database(id="orders", account=SCOPE.account, region=SCOPE.region, created=created, dbi_resource_id=identity)
    world.cloud.put(made)


def test_what_was_approved_of_a_database_is_not_done_to_the_next_one(world: World) -> None:
    """A restored one takes the name of the one before, which nobody has seen away: the last look tells them apart."""
    world.use(stop_all(PROPOSE))
    orders(world)
    world.sweep()
    world.doubt = "nobody can tell yet"
    world.approve_all()
    (approved,) = world.proposals()
    world.clock.advance(minutes(5))
    orders(world, created=NOON + minutes(3))
    world.doubt = None
    world.act()
    assert (world.called(), world.states()) == ([], {})
    with world.store.reading() as tx:
        ended = tx.proposals.get(approved.id)
        assert ended is not None
        assert ended.state is ProposalState.WITHDRAWN


@pytest.mark.parametrize("answered", [True, False])
def test_a_sweep_finds_the_next_one_anew(world: World, *, answered: bool) -> None:
    """Its grace is its own, and people are asked of it, whatever they said of the one before."""
    world.use(stop_all(PROPOSE))
    orders(world)
    world.sweep()
    before = world.finding("orders")
    if answered:
        world.doubt = "nobody can tell yet"
        world.approve_all()
    world.clock.advance(minutes(5))
    orders(world, created=NOON + minutes(3))
    world.sweep(after=minutes(10))
    now = world.finding("orders")
    assert (now.id != before.id, now.state, now.first_seen) == (True, State.PROPOSED, NOON + QUARTER)
    assert [one.state for one in world.proposals()] == [ProposalState.PENDING]
    with world.store.reading() as tx:
        gone = tx.findings.get(before.id)
        assert gone is not None
        assert gone.state is State.GONE


def test_the_grace_of_the_one_before_is_not_that_of_the_next(world: World) -> None:
    """A trusted policy watches the new one as long as any."""
    world.use(stop_all(ENFORCE, hours(1)))
    world.sweep()
    world.trust_all()
    orders(world)
    for _ in range(4):
        world.sweep(after=QUARTER)
    orders(world, created=NOON + minutes(65))
    for _ in range(4):
        world.sweep(after=QUARTER)
    assert world.called() == []
    world.sweep(after=QUARTER)
    assert world.called() == ["stop_db_instance"]


def test_what_was_approved_of_a_database_is_not_done_to_an_older_one_of_its_name(world: World) -> None:
    """Somebody switched over to one that was made before, and is renamed: by its name and its age it is the same."""
    world.use(stop_all(PROPOSE))
    orders(world)
    world.sweep()
    before = world.finding("orders")
    world.doubt = "nobody can tell yet"
    world.approve_all()
    world.act()
    world.doubt = None
    orders(world, identity="db-GREEN")
    world.act()
    assert (world.called(), world.states()) == ([], {})
    world.sweep(after=QUARTER)
    assert world.finding("orders").id != before.id


def test_the_grace_of_a_database_is_not_that_of_an_older_one_of_its_name(world: World) -> None:
    """A trusted policy watches the one that was renamed as long as any."""
    world.use(stop_all(ENFORCE, hours(1)))
    world.sweep()
    world.trust_all()
    orders(world)
    for _ in range(4):
        world.sweep(after=QUARTER)
    orders(world, identity="db-GREEN")
    for _ in range(4):
        world.sweep(after=QUARTER)
    assert world.called() == []
    world.sweep(after=QUARTER)
    assert world.called() == ["stop_db_instance"]


def test_what_was_found_by_an_older_version_is_of_the_one_that_is_seen_next(world: World) -> None:
    """It had not kept what tells databases apart: nothing ends for that, and from then on it is kept, whoever tells."""
    world.use(stop_all(PROPOSE))
    orders(world, identity=None)
    world.sweep()
    before = world.finding("orders")
    for identity, same in (("db-BLUE", True), (None, True), ("db-GREEN", False)):
        orders(world, identity=identity)
        world.sweep(after=QUARTER)
        assert (world.finding("orders").id == before.id) is same


def test_a_database_that_is_changed_is_the_same(world: World) -> None:
    """When it was made stays; so does what was found of it."""
    world.use(stop_all(PROPOSE))
    orders(world)
    world.sweep()
    before = world.finding("orders")
    world.cloud.put(replace(world.cloud.resources["orders"], name="orders-of-all"))
    world.sweep(after=QUARTER)
    assert world.finding("orders").id == before.id


def stopped(world: World) -> ActionRecord:
    """The action that stopped the database, on an approval, an hour ago."""
    world.cloud.effects["stop_db_instance"] = stop
    world.cloud.readings["describe_db_instances"] = status
    world.use(stop_all(PROPOSE))
    orders(world)
    world.sweep()
    world.approve_all()
    world.act()
    world.clock.advance(hours(1))
    return latest(world)


def stop(cloud: MemoryCloud, call: Call) -> dict[str, str]:
    """It is stopped at once."""
    cloud.change("orders", status="stopped")
    return {}


def status(cloud: MemoryCloud, read: Read) -> Json:
    """How it is."""
    found = cloud.resources["orders"]
    return found.status if isinstance(found, rds.Database) else None


@pytest.mark.parametrize("loaded", [True, False])
@pytest.mark.parametrize("answers", [True, False])
def test_an_undo_starts_no_other_database_of_that_name(world: World, *, answers: bool, loaded: bool) -> None:
    """Somebody deleted it, and stopped the next one of its name: nobody asked that this be started."""
    done = stopped(world)
    orders(world, created=NOON + minutes(30))
    world.cloud.change("orders", status="stopped")
    if not answers:
        world.cloud.fails["get rds.database"] = Throttled("Rate exceeded")
    undoing = ask(world, done)
    world.use(*([stop_all(PROPOSE)] if loaded else []))
    world.act()
    assert world.called() == ["stop_db_instance"]
    with world.store.reading() as tx:
        ended = tx.actions.get(undoing.id)
    assert ended is not None
    why = "orders is another one by now, which was given its name"
    assert ended.error == (why if answers else "re-check: throttled: Rate exceeded")


def test_an_undo_starts_no_older_database_of_that_name(world: World) -> None:
    """It was made before the one that was stopped, and renamed since."""
    done = stopped(world)
    orders(world, identity="db-GREEN")
    world.cloud.change("orders", status="stopped")
    ask(world, done)
    world.act()
    assert (world.called(), latest(world).error) == (
        ["stop_db_instance"],
        "orders is another one by now, which was given its name",
    )


def test_an_undo_starts_the_database_that_was_stopped(world: World) -> None:
    """It is the same still."""
    ask(world, stopped(world))
    world.act()
    assert world.called() == ["stop_db_instance", "start_db_instance"]
