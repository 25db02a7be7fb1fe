"""A restored store believes nothing that may have changed since: it asks again, and goes on with nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import blank_stores
from cloudwarden import ENFORCE, Notify, hours, owner
from cloudwarden.aws import ec2
from cloudwarden.core.errors import Timeout, Unavailable
from cloudwarden.core.finding import ActionRecord, ActionState, State
from cloudwarden.core.notice import NoticeState
from cloudwarden.core.resource import Tags
from cloudwarden.engine.decide import DecisionError, pause, resume
from cloudwarden.engine.restore import Restored, restored
from cloudwarden.keeping.shipper import Shipper
from cloudwarden.memory import MemoryCopy
from cloudwarden.store import SqlStore, open_store
from undoing import ask
from world import World, delete_unattached, stop_idle

LATER = timedelta(minutes=15)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """A store in a file, so that it can be put back."""
    opened = blank_stores.in_file(tmp_path / "cloudwarden.db")
    yield opened
    opened.close()


class Saved:
    """A world's store as it was, to be put back."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._folder = folder
        self._file = folder / "saved.db"
        with sqlite3.connect(folder / "cloudwarden.db") as source, sqlite3.connect(self._file) as copy:
            source.backup(copy)

    def put_back(self) -> tuple[World, Restored]:
        """A world whose store is the saved one, restored; its cloud and its clock went on."""
        store = open_store(f"sqlite:///{self._file}")
        world = World(store=store, clock=self._world.clock, cloud=self._world.cloud, policies=self._world.policies)
        with store.transaction() as tx:
            done = restored(tx, world.decider("the disk died"), file="saved.db", sha256="0", copies={})
        return world, done

    def put_back_in_silence(self, copy: MemoryCopy) -> World:
        """The same without a word; the journal's copy shows it when a daemon starts."""
        store = open_store(f"sqlite:///{self._file}")
        world = World(store=store, clock=self._world.clock, cloud=self._world.cloud, policies=self._world.policies)
        ship(world, copy)
        return world


def ship(world: World, copy: MemoryCopy) -> None:
    """A daemon starts, and brings its journal to the copy."""
    shipper = Shipper(store=world.store, copy=copy, target="s3://a/b", clock=world.clock, reporter=world.reports)
    while shipper.turn():
        pass


def actions(world: World) -> list[ActionRecord]:
    """The latest actions."""
    with world.store.reading() as tx:
        return list(tx.actions.latest(10))


def go_on(world: World) -> None:
    """A person has looked and resumes."""
    with world.store.transaction() as tx:
        resume(tx, world.decider(), others=True)


def test_an_approval_does_not_fire(world: World, tmp_path: Path) -> None:
    """What was approved when the backup was made is asked again, and is not due before its grace has passed anew."""
    world.use(stop_idle(grace=hours(1)))
    world.add("i-1")
    for _ in range(6):
        world.sweep(after=LATER)
    assert world.states() == {"i-1": State.PROPOSED}
    world.approve_all()
    back, done = Saved(world, tmp_path).put_back()
    assert (done.findings, done.proposals) == (1, 1)
    go_on(back)
    back.act()
    back.sweep(after=LATER)
    assert (back.called(), back.states(), back.proposals()) == ([], {"i-1": State.OPEN}, [])
    for _ in range(4):
        back.sweep(after=LATER)
    (asked,) = back.proposals()
    assert asked.decided_by is None
    assert back.called() == []


def test_nobody_is_trusted_and_everything_is_paused(world: World, tmp_path: Path) -> None:
    """A policy that acted alone proposes, and even an approval waits until a person resumes."""
    world.use(stop_idle(mode=ENFORCE))
    world.sweep()
    world.trust_all()
    back, done = Saved(world, tmp_path).put_back()
    back.add("i-1")
    for _ in range(3):
        back.sweep(after=LATER)
    back.approve_all()
    back.sweep(after=LATER)
    assert back.called() == []
    assert back.finding("i-1").held == f"pause: {done.pause}"
    go_on(back)
    back.sweep(after=LATER)
    assert back.called() == ["stop_instances"]


def test_what_was_done_after_the_backup_is_not_done_again(world: World, tmp_path: Path) -> None:
    """The approval is in the backup, the call that followed is not: the restored store makes no second one."""
    world.add("i-1")
    world.sweep()
    world.approve_all()
    saved = Saved(world, tmp_path)
    world.act()
    assert world.called() == ["stop_instances"]
    world.cloud.change("i-1", state="running")  # somebody wants it so
    back, _ = saved.put_back()
    back.act()
    back.sweep(after=LATER)
    assert back.called() == ["stop_instances"]


def test_what_was_done_before_the_backup_is_not_undone(world: World, tmp_path: Path) -> None:
    """Somebody gave another team since, and it was done again, which is forgotten: what there was first is not that."""
    world.use(stop_idle(action=ec2.AddTags[ec2.Instance](tags={"team": "nobody"}, overwrite=True), respects=hours(0)))
    world.add("i-1", tags={"team": "web"})
    world.sweep()
    world.approve_all()
    world.act()
    (done,) = actions(world)
    saved = Saved(world, tmp_path)
    world.cloud.change("i-1", tags=Tags({"team": "theirs"}))
    world.clock.advance(LATER)
    world.cloud.change("i-1", tags=Tags({"team": "nobody"}))  # the second time, which the backup does not know
    back, _ = saved.put_back()
    go_on(back)
    with pytest.raises(
        DecisionError, match=r"put back to an earlier state since.*make those of these calls"
    ) as refused:
        ask(back, done)
    assert '"Key": "team", "Value": "web"' in str(refused.value)
    back.act()
    assert back.cloud.resources["i-1"].tags == {"team": "nobody"}


def test_an_intent_is_reconciled_by_reading(world: World, tmp_path: Path) -> None:
    """Without an outcome in the backup: AWS is read, pause or not, and nothing is called."""
    world.add("i-1")
    world.sweep()
    world.approve_all()
    world.cloud.fails["stop_instances"] = Timeout("no answer")
    world.act()
    saved = Saved(world, tmp_path)
    world.cloud.fails.clear()
    world.cloud.change("i-1", state="stopped")
    back, done = saved.put_back()
    assert len(done.unfinished) == 1
    back.act()
    assert [one.state for one in actions(back)] == [ActionState.SUCCEEDED]
    assert back.called() == ["stop_instances"]  # the one that was not answered


@pytest.mark.parametrize("heard", [True, False], ids=["between two steps", "in the first step"])
def test_a_begun_action_takes_no_further_step(world: World, tmp_path: Path, *, heard: bool) -> None:
    """Its next step may have been taken after the backup, and undone since; it ends, and the volume is judged anew."""
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: (
        "snap-1" if "SnapshotId" in read.path else "pending"
    )
    if not heard:
        world.cloud.fails["create_snapshot"] = Unavailable("no answer")
    world.act()
    saved = Saved(world, tmp_path)
    world.cloud.fails.clear()
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: (
        "snap-1" if "SnapshotId" in read.path else "completed"
    )
    back, _ = saved.put_back()
    go_on(back)
    back.act()
    (ended,) = actions(back)
    assert ended.state is ActionState.ABANDONED
    assert "put back to an earlier state since it began" in str(ended.error)
    assert "delete_volume" not in back.called()


def test_what_had_begun_is_told_by_the_journal_and_no_clock(world: World, tmp_path: Path) -> None:
    """A clock that was set back before the restoration makes nothing look as if it began after it."""
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    world.act()
    saved = Saved(world, tmp_path)
    world.clock.jump(-hours(1))
    back, _ = saved.put_back()
    go_on(back)
    world.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    back.act()
    assert (actions(back)[0].state, back.called()) == (ActionState.ABANDONED, ["create_snapshot"])


def test_what_began_since_goes_on(world: World, tmp_path: Path) -> None:
    """Also on a clock that was set back after the restoration."""
    back, _ = Saved(world, tmp_path).put_back()
    back.clock.jump(-hours(1))
    go_on(back)
    back.use(delete_unattached())
    back.add_volume("vol-1")
    back.sweep()
    back.approve_all()
    back.cloud.readings["describe_snapshots"] = lambda cloud, read: "completed"
    for _ in range(3):
        back.act()
    assert back.called() == ["create_snapshot", "delete_volume"]


@pytest.mark.parametrize("before", [True, False], ids=["paused before", "not paused before"])
def test_an_undo_is_not_made_twice(world: World, stopped: ActionRecord, tmp_path: Path, *, before: bool) -> None:
    """It waits in a store that is put back in silence, and was carried out since: it ends, whatever pause stands."""
    copy = MemoryCopy()
    if before:
        with world.store.transaction() as tx:
            pause(tx, world.decider("an audit"))
    ask(world, stopped)
    ship(world, copy)
    saved = Saved(world, tmp_path)
    world.act()
    ship(world, copy)
    world.cloud.change("i-idle", state="stopped")  # somebody wants it so
    back = saved.put_back_in_silence(copy)
    back.act()
    assert back.called() == ["stop_instances", "start_instances"]
    undoing = next(one for one in actions(back) if one.undoes)
    assert undoing.state is ActionState.ABANDONED
    assert "put back to an earlier state since it began" in str(undoing.error)


def test_the_journal_says_who_restored_what(world: World, tmp_path: Path) -> None:
    """As its first entry after the backup's last one; the pause that stood before is not forgotten."""
    world.add("i-1")
    world.sweep()
    with world.store.transaction() as tx:
        pause(tx, world.decider("an audit"))
    back, done = Saved(world, tmp_path).put_back()
    with back.store.reading() as tx:
        (entry,) = tx.journal.entries(after=done.seq)
        (held,) = tx.decisions.pauses()
        found = tx.keeping.restored()
    assert entry.event == "restored"
    assert (entry.details["by"], entry.details["reason"], entry.details["file"]) == (
        "operator",
        "the disk died",
        "saved.db",
    )
    assert entry.details["after"] == done.seq == entry.seq - 1
    assert "an audit" in held.reason
    assert found is not None
    assert found.seq == done.seq


@pytest.mark.parametrize("delivered", [True, False])
def test_what_owners_were_told_counts_no_more(world: World, tmp_path: Path, *, delivered: bool) -> None:
    """Their time begins anew with another notice; one that still waited when the backup was made is not sent."""
    world.use(stop_idle(notice=Notify(owners=[owner("team-x")], before=hours(1))))
    world.add("i-1")
    world.sweep(after=LATER)
    if delivered:
        world.deliver()
    back, _ = Saved(world, tmp_path).put_back()
    go_on(back)
    back.deliver()
    assert back.notifier.sent == []
    back.sweep(after=LATER)
    before = NoticeState.DELIVERED if delivered else NoticeState.WITHDRAWN
    assert [one.state for one in back.notices("i-1")] == [before, NoticeState.PENDING]
    back.deliver()
    assert len(back.notifier.sent) == 1
    assert back.called() == []
