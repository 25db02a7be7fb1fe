"""Whatever the main thread waits for, it says that it lives: else a watchdog would kill a healthy daemon."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from cloudwarden.core.action import Call, Read
from cloudwarden.core.errors import Timeout
from cloudwarden.core.evidence import Query
from cloudwarden.core.finding import State
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.engine.crew import Crew
from cloudwarden.engine.gather import StopAsked
from cloudwarden.memory import MemoryCloud
from cloudwarden.ports import Listing, Store
from world import World, delete_unattached, stop_idle

LONG_SECONDS = 10.0
"""Longer than any beat is apart."""


@dataclass(kw_only=True)
class Pulse:
    """Whether the main thread is heard while something waits for that."""

    heard: threading.Event = field(default_factory=threading.Event)
    beats: int = 0
    stop_at: int | None = None
    missed: list[str] = field(default_factory=list)

    def alive(self) -> None:
        """It lives, or is to leave by now."""
        self.beats += 1
        self.heard.set()
        if self.stop_at is not None and self.beats >= self.stop_at:
            raise StopAsked("asked to stop")

    def wait(self, what: str) -> None:
        """Take as long as it takes until the main thread is heard."""
        self.heard.clear()
        if not self.heard.wait(LONG_SECONDS):
            self.missed.append(what)


@dataclass(kw_only=True)
class SlowCloud(MemoryCloud):
    """A cloud that answers no question before the main thread was heard."""

    pulse: Pulse

    def list(self, kind: type[Resource], scope: Scope) -> Listing:
        """A listing, at last."""
        self.pulse.wait("list")
        return super().list(kind, scope)

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> Mapping[Query[object], object]:
        """Answers, at last."""
        self.pulse.wait("answer")
        return super().answer(scope, queries, now)

    def get(self, kind: type[Resource], scope: Scope, resource_id: str) -> Listing:
        """One resource, at last."""
        self.pulse.wait("get")
        return super().get(kind, scope, resource_id)

    def read(self, scope: Scope, read: Read) -> Json:
        """A reading, at last."""
        self.pulse.wait(f"read {read.operation}")
        return super().read(scope, read)


@dataclass(kw_only=True)
class CountingCloud(MemoryCloud):
    """A cloud that remembers how often the main thread was heard before each of its calls."""

    pulse: Pulse
    seen: dict[str, int] = field(default_factory=dict)

    def get(self, kind: type[Resource], scope: Scope, resource_id: str) -> Listing:
        """One resource."""
        self.seen[f"get {resource_id}"] = self.pulse.beats
        return super().get(kind, scope, resource_id)

    def call(self, scope: Scope, call: Call, *, dry_run: bool = False) -> Mapping[str, str]:
        """A call."""
        self.seen[f"{'dry ' if dry_run else ''}{call.operation}"] = self.pulse.beats
        return super().call(scope, call, dry_run=dry_run)

    def read(self, scope: Scope, read: Read) -> Json:
        """A reading."""
        self.seen[f"read {read.operation}"] = self.pulse.beats
        return super().read(scope, read)


def test_the_only_scope_s_listing_and_questions_are_waited_for_alive(store: Store) -> None:
    """One account in one region is an estate too, and its thousands of questions take minutes."""
    pulse = Pulse()
    world = World(store=store, cloud=SlowCloud(pulse=pulse), alive=pulse.alive)
    world.use(stop_idle())
    world.add("i-1")
    world.sweep()
    assert pulse.missed == []
    assert len(world.proposals()) == 1


def test_each_verdict_beats(store: Store) -> None:
    """Rules that are slow, and not so slow that they are cut off, add up."""
    pulse = Pulse()
    world = World(store=store, alive=pulse.alive)
    world.use(stop_idle())
    for number in range(50):
        world.add(f"i-{number}", cpu=90.0)
    world.sweep()
    assert pulse.beats > 50


def test_each_finding_beats_while_it_is_settled(store: Store) -> None:
    """A hundred thousand of them take minutes, twice: in a rehearsal and in earnest."""
    pulse, few = Pulse(), Pulse()
    for number, beaten in ((50, pulse), (1, few)):
        world = World(store=store, alive=beaten.alive)
        world.use(stop_idle(name=f"stop-{number}"))
        for one in range(number):
            world.add(f"i-{one}")
        world.sweep()
    # At each of 49 more: a verdict in three rounds, a rehearsal, settling, and a proposal that is written down.
    assert pulse.beats - few.beats >= 49 * 6


def test_what_is_held_beats(store: Store) -> None:
    """Each hold is a transaction."""
    pulse = Pulse()
    world = World(store=store, alive=pulse.alive)
    world.use(stop_idle())
    for number in range(20):
        world.add(f"i-{number}")
    world.sweep()
    world.approve_all()
    world.doubt = "nobody can tell what is exempt"
    pulse.beats = 0
    world.act()
    assert pulse.beats >= 20


def test_an_action_beats_before_each_of_its_steps(store: Store) -> None:
    """Each of them waits for AWS: the first call, the look before the next one, and the reading of what it made."""
    pulse = Pulse()
    cloud = CountingCloud(pulse=pulse)
    world = World(store=store, cloud=cloud, alive=pulse.alive)
    approved(world)
    world.act()
    assert world.called() == ["create_snapshot", "delete_volume"]
    beats = [cloud.seen[name] for name in ("dry create_snapshot", "get vol-1", "read describe_snapshots")]
    assert beats == sorted(set(beats)), cloud.seen


def test_a_last_look_and_a_reading_that_proves_are_waited_for_alive(store: Store) -> None:
    """Before each of two calls; what the plan waits for; and what became of a call whose answer nobody heard."""
    pulse = Pulse()
    world = World(store=store, cloud=SlowCloud(pulse=pulse), alive=pulse.alive)
    approved(world)
    world.cloud.fails["delete_volume"] = Timeout("Read timed out.")
    world.act()
    del world.cloud.resources["vol-1"]
    world.act()
    assert world.called() == ["create_snapshot", "delete_volume"]
    assert (world.states(), pulse.missed) == ({"vol-1": State.VERIFYING}, [])


def test_a_stop_between_two_steps_leaves_the_rest_for_later(store: Store) -> None:
    """The call that was made has its outcome; the next one is made after the next start."""
    pulse = Pulse()
    world = World(store=store, cloud=CountingCloud(pulse=pulse), alive=pulse.alive)
    approved(world)
    world.cloud.effects["create_snapshot"] = stopping(world, pulse)
    with pytest.raises(StopAsked):
        world.act()
    assert world.called() == ["create_snapshot"]
    assert world.journal()[-1] == "action_stepped"
    pulse.stop_at = None
    world.act()
    assert world.called() == ["create_snapshot", "delete_volume"]


def approved(world: World) -> None:
    """A volume that is to be deleted once its snapshot is complete, which it is at once."""
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()


def stopping(world: World, pulse: Pulse) -> Callable[[MemoryCloud, Call], Mapping[str, str]]:
    """The effect that a call has anyway; in the middle of it, the daemon is asked to leave."""
    effect = world.cloud.effects["create_snapshot"]

    def stop(cloud: MemoryCloud, call: Call) -> Mapping[str, str]:
        pulse.stop_at = pulse.beats + 1
        return effect(cloud, call)

    return stop


def test_a_stop_while_settling_keeps_nothing_of_the_sweep(store: Store) -> None:
    """The transaction is undone as a whole, and the next start sweeps again."""
    pulse = Pulse()
    world = World(store=store, alive=pulse.alive)
    world.use(stop_idle())
    for number in range(20):
        world.add(f"i-{number}")
    world.sweep()
    swept = pulse.beats
    with store.reading() as tx:
        before = len(tx.findings.standing())
    for number in range(20, 40):
        world.add(f"i-{number}")
    pulse.stop_at = swept + 2 * swept - 5
    with pytest.raises(StopAsked):
        world.sweep()
    with store.reading() as tx:
        assert len(tx.findings.standing()) == before


def test_whoever_waits_is_told_what_went_wrong() -> None:
    """An error of the work ends the waiting."""

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Crew(1, lambda: None).one(fail)


def test_a_stop_gives_the_crew_nothing_more() -> None:
    """Each finishes what it has in hand, and takes no more of it."""
    begun: list[int] = []
    leave = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        leave.wait(LONG_SECONDS)

    def alive() -> None:
        leave.set()
        raise StopAsked("asked to stop")

    with pytest.raises(StopAsked):
        Crew(2, alive, looks_every_seconds=0.01).each(work, range(1000))
    assert len(begun) < 1000
