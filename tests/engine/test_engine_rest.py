"""What a last look held back rests: looks cost calls and metrics, and no state of affairs makes a loop of them."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from busy_cloud import approved, nothing
from cloudwarden import ENFORCE, every, hours, minutes, window
from cloudwarden.core.errors import Throttled
from cloudwarden.core.finding import ActionState, State
from cloudwarden.engine.decide import approve
from cloudwarden.ports import Store
from cloudwarden.store import SqlStore
from cloudwarden.store.tables import proposals
from world import World, delete_unattached, stop_idle


def for_ten_minutes(world: World) -> None:
    """The daemon's turns between sweeps, one a second."""
    for _ in range(600):
        world.act()
        world.clock.advance(timedelta(seconds=1))


def test_an_approval_that_expired_holds_what_may_be_done_alone(world: World) -> None:
    """Without a look: the window opened after it was over. A sweep ends it, and people are asked anew."""
    terms = {"mode": ENFORCE, "schedule": every(days=1), "proposals_last": hours(5)}
    world.use(stop_idle(windows=[window("* 18:00-20:00")], **terms))
    world.add("i-1")
    world.sweep()
    world.approve_all()
    world.trust_all()
    world.act()
    assert "outside the change window" in str(world.finding("i-1").held)
    world.clock.advance(hours(6) + minutes(5))
    world.measure("i-1", cpu=1.0)
    asked = len(world.cloud.asked)
    for_ten_minutes(world)
    assert (world.called(), len(world.cloud.asked)) == ([], asked)
    held = str(world.finding("i-1").held)
    assert "expired at 2026-03-02 17:00Z; until then window: outside the change window" in held
    assert held.count("until then") == 1
    world.use(stop_idle(**terms))
    world.sweep()
    world.sweep(after=minutes(1))
    assert (world.called(), world.states()) == ([], {"i-1": State.PROPOSED})


def test_what_holds_an_intent_is_said_and_rests(store: Store) -> None:
    """A look that lasts too long each time, until which the machine was suspended."""
    world, cloud = approved(store)
    suspended: list[object] = []

    def suspend() -> object:
        suspended.append(None)
        world.clock.jump(minutes(6))
        return None

    for _ in range(600):
        cloud.meanwhile, before = [nothing, nothing, suspend], len(suspended)
        world.act()
        world.clock.jump(minutes(-6) * (len(suspended) - before))
        world.clock.advance(timedelta(seconds=1))
    assert "re-check: the last look at the resource began at" in str(world.finding("i-1").held)
    assert (world.called(), world.states()) == ([], {"i-1": State.APPROVED})
    assert 20 < len(suspended) < 30


def test_an_action_on_its_way_rests_while_nobody_can_tell(world: World) -> None:
    """Its snapshot is made, and whether the volume is still unattached cannot be read: it is asked ever more seldom."""
    gets: list[str] = []
    get = world.cloud.get

    def counting(*of: object) -> object:
        gets.append("get")
        return get(*of)  # type: ignore[arg-type]  # as asked

    world.cloud.get = counting  # type: ignore[method-assign,assignment]  # counts
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    world.act()
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.cloud.fails["get ec2.volume"] = Throttled("Rate exceeded")
    gets.clear()
    for_ten_minutes(world)
    assert world.called() == ["create_snapshot"]
    assert 20 < len(gets) < 30
    assert "Rate exceeded" in str(world.finding("vol-1").held)
    del world.cloud.fails["get ec2.volume"]
    world.clock.advance(timedelta(seconds=30))
    world.act()
    assert world.called() == ["create_snapshot", "delete_volume"]
    with world.store.reading() as tx:
        assert [one.state for one in tx.actions.latest(9)] == [ActionState.SUCCEEDED]


def test_a_turn_reads_no_proposals_but_those_of_what_is_due(store: SqlStore) -> None:
    """Thousands may wait for people, and a turn comes every second: one that cannot be read is not met."""
    world = World(store=store)
    world.use(stop_idle())
    for name in ("i-1", "i-2"):
        world.add(name)
    world.sweep()
    due, waiting = world.proposals()
    with store.transaction() as tx:
        approve(tx, due.id, world.decider())
        tx.connection.execute(update(proposals).where(proposals.c.id == waiting.id).values(plan="odd"))
    world.act()
    assert world.called() == ["stop_instances"]
