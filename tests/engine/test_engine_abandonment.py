"""An action that was overtaken half-way ends: what was seen in between is not forgotten when the way is free again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cloudwarden import days, hours, minutes, tagged
from cloudwarden.aws import ec2
from cloudwarden.core.action import Call, Plan, Wait
from cloudwarden.core.errors import Throttled, Timeout
from cloudwarden.core.finding import ActionState, State
from cloudwarden.core.lifecycle import interrupted
from cloudwarden.core.resource import Tags
from cloudwarden.core.verdict import Violation
from cloudwarden.engine.exempt import exempt, revoke
from cloudwarden.engine.undo import undo
from cloudwarden.memory import MemoryCloud
from cloudwarden.store import SqlStore
from overtaking import SOON, action, begun, complete, exempted, paused, resumed
from world import World, delete_unattached, stop_idle, wish


def test_a_volume_that_was_used_meanwhile_is_not_deleted(world: World) -> None:
    """It is left again when the pause ends: its snapshot lacks what was written, so grace and approval begin anew."""
    begun(world)
    paused(world)
    complete(world)
    world.act()
    world.cloud.change("vol-1", state="in-use")
    world.sweep(after=minutes(15))
    world.cloud.change("vol-1", state="available")
    world.sweep(after=minutes(15))
    resumed(world)
    world.act()
    assert (world.called(), action(world).state) == (["create_snapshot"], ActionState.ABANDONED)
    world.sweep(after=minutes(15))
    assert world.states() == {"vol-1": State.OPEN}
    world.sweep(after=minutes(15))
    assert (world.states(), len(world.proposals())) == ({"vol-1": State.PROPOSED}, 1)


def test_its_end_says_why_and_what_it_leaves(world: World) -> None:
    """In the journal, in what is told, and on the finding."""
    begun(world)
    world.cloud.change("vol-1", state="in-use")
    world.sweep(after=SOON)
    for words in (action(world).error or "", world.finding("vol-1").held or ""):
        assert "a sweep found that its resource complied" in words
        assert "left as it is: create_snapshot (snapshot_id snap-1)" in words
    assert world.journal()[-1] == "action_abandoned"


def test_what_comes_and_goes_for_one_listing_ends_it_as_well(world: World) -> None:
    """A complete listing without the volume: whatever stands there later was not watched all the time."""
    begun(world)
    (volume,) = world.cloud.resources.values()
    del world.cloud.resources["vol-1"]
    world.sweep(after=SOON)
    world.cloud.put(volume)
    complete(world)
    world.sweep(after=SOON)
    assert world.called() == ["create_snapshot"]


def test_unknown_ends_nothing(world: World) -> None:
    """A listing that failed tells neither way; the next one lets it go on."""
    begun(world)
    complete(world)
    world.cloud.fails["ec2.volume"] = Throttled("Rate exceeded")
    world.sweep(after=SOON)
    assert (world.called(), world.states()) == (["create_snapshot"], {"vol-1": State.ACTING})
    del world.cloud.fails["ec2.volume"]
    world.sweep(after=SOON)
    assert world.called() == ["create_snapshot", "delete_volume"]


def test_an_exemption_ends_it_at_once(world: World) -> None:
    """It waits for its snapshot; when the exemption is taken back, it is no more, and nobody is passed over."""
    begun(world)
    made = exempted(world)
    world.act()
    assert action(world).state is ActionState.ABANDONED
    assert "exempt since it began: exemption" in (action(world).error or "")
    complete(world)
    with world.store.transaction() as tx:
        revoke(tx, made, world.decider("not needed"))
    world.act()
    world.sweep(after=SOON)
    assert (world.called(), world.states()) == (["create_snapshot"], {"vol-1": State.OPEN})


def test_an_exemption_by_a_tag_that_a_sweep_saw_ends_it(world: World) -> None:
    """The tag is gone by the time at which the snapshot is complete."""
    begun(world, exempt=[tagged("keep")])
    world.cloud.change("vol-1", tags=Tags({"keep": "yes"}))
    world.sweep(after=SOON)
    world.cloud.change("vol-1", tags=Tags({}))
    complete(world)
    world.sweep(after=SOON)
    assert (world.called(), world.states()) == (["create_snapshot"], {"vol-1": State.OPEN})


def test_a_doubt_about_exemptions_only_holds_it(world: World) -> None:
    """A file of exemptions that cannot be read exempts nothing: the action goes on when it can."""
    begun(world)
    complete(world)
    world.doubt = "the file is not TOML"
    world.act()
    assert action(world).state is ActionState.WAITING
    world.doubt = None
    world.act()
    assert world.called() == ["create_snapshot", "delete_volume"]


def test_what_was_seen_while_an_answer_was_not_heard_counts(world: World) -> None:
    """An intent without an outcome cannot end; what a sweep saw meanwhile ends the action once it is reconciled."""
    world.use(delete_unattached())
    world.add_volume("vol-1")
    world.sweep()
    world.approve_all()
    world.cloud.fails["create_snapshot"] = Timeout("Read timed out.")
    world.cloud.fails["read describe_snapshots"] = Throttled("Rate exceeded")
    world.act()
    world.cloud.change("vol-1", state="in-use")
    world.sweep(after=SOON)
    assert action(world).state is ActionState.INTENDED
    world.cloud.change("vol-1", state="available")
    del world.cloud.fails["read describe_snapshots"]
    complete(world)
    world.sweep(after=SOON)
    assert (world.called(), action(world).state) == (["create_snapshot"], ActionState.ABANDONED)


def test_after_an_outage_it_waits_for_a_sweep_which_ends_it(world: World) -> None:
    """Nobody watched for more than one run in between: like any other backlog, it is not due at once."""
    begun(world)
    complete(world)
    world.clock.advance(minutes(50))
    world.act()
    assert (world.finding("vol-1").held or "").startswith("grace: not seen to violate since")
    world.sweep()
    assert (world.called(), world.states()) == (["create_snapshot"], {"vol-1": State.OPEN})


@dataclass(frozen=True, kw_only=True)
class SlowDelete(ec2.SnapshotThenDelete):
    """Snapshot, then delete; `meanwhile` happens while it is planned, which is in the last look."""

    meanwhile: list[Callable[[], None]] = field(default_factory=list)

    def plan(self, resource: ec2.Volume, violation: Violation) -> Plan:
        """As its parent, later."""
        for happens in self.meanwhile:
            happens()
        return super().plan(resource, violation)


def slowly(world: World, *meanwhile: Callable[[], None]) -> None:
    """Another daemon's sweep sees the volume in use during the last look before its deletion; more may happen then."""
    slow = SlowDelete()
    begun(world, action=slow)
    complete(world)

    def seen() -> None:
        finding = world.finding("vol-1")
        with world.store.transaction() as tx:
            tx.findings.save([interrupted(finding)])

    slow.meanwhile.extend([seen, *meanwhile])
    world.act()


def test_what_another_daemon_sees_during_the_last_look_counts(world: World) -> None:
    """The transaction that commits the intent asks once more."""
    slowly(world)
    assert (world.called(), action(world).state) == (["create_snapshot"], ActionState.WAITING)
    world.act()
    assert action(world).state is ActionState.ABANDONED


def test_what_another_daemon_sees_is_not_written_over(world: World) -> None:
    """That the look held it is written on the finding as it is by then."""
    slowly(world, lambda: paused(world))
    finding = world.finding("vol-1")
    assert (finding.held or "").startswith("pause: everything was paused")
    assert finding.interrupted


@dataclass(frozen=True, kw_only=True)
class StopAndWait(ec2.Stop):
    """Stops an instance, and sees it stopped."""

    def plan(self, resource: ec2.Instance, violation: Violation) -> Plan:
        """Its parent's call, and a wait."""
        plan = super().plan(resource, violation)
        read = plan.calls[0].proof.read
        return replace(plan, steps=(*plan.steps, Wait(read=read, until=("stopped",))))


def stopping(cloud: MemoryCloud, call: Call) -> dict[str, str]:
    """EC2 takes its time."""
    del call
    cloud.change("i-1", state="stopping")
    return {}


def test_what_made_its_resource_comply_waits_for_its_end(world: World) -> None:
    """An instance that is stopping is not idle any more; that a sweep sees so ends nothing that makes no more calls."""
    world.use(stop_idle(action=StopAndWait()))
    world.add("i-1")
    world.sweep()
    world.approve_all()
    world.cloud.effects["stop_instances"] = stopping
    world.act()
    world.sweep(after=hours(2))
    assert world.states() == {"i-1": State.ACTING}
    world.cloud.change("i-1", state="stopped")
    world.act()
    assert action(world).state is ActionState.SUCCEEDED
    world.sweep(after=SOON)
    assert world.states() == {}


def test_an_undo_is_not_ended_by_what_it_is_for(store: SqlStore) -> None:
    """What it restores complied, as the action had repaired it; and who exempts it wants it as it was."""
    world = World(store=store)
    world.use(stop_idle())
    world.add("i-1")
    world.sweep()
    world.approve_all()
    world.act()
    stopped = action(world).id
    with store.transaction() as tx:
        undo(tx, stopped, world.decider("it is needed"))
        exempt(tx, world.decider(), wish(world.clock.now() + days(1), resource="i-1"))
    world.cloud.effects["start_instances"] = lambda cloud, call: {}
    world.sweep(after=minutes(15))
    assert world.called() == ["stop_instances", "start_instances"]
