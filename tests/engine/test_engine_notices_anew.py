"""Notices told once more: anew when what was told changed, again while it stands, and to somebody else."""

from __future__ import annotations

from datetime import timedelta

from cloudwarden import Escalation, hours, minutes
from cloudwarden.aws import ec2
from cloudwarden.core.notice import NoticeKind
from cloudwarden.core.resource import Tags
from telling_owners import QUARTER, held, idle, pass_time, proposing, telling, told, trusted
from world import World


def test_what_was_told_survives_a_restart(world: World) -> None:
    """Another process on the same store sends nothing again, and holds no longer than it has to."""
    idle(world)
    world.deliver()
    after = World(store=world.store, clock=world.clock, cloud=world.cloud)
    after.use(*world.policies.values())
    pass_time(after, hours(1))
    assert after.called() == ["stop_instances"]
    assert told(after) == []


def test_a_finding_that_came_back_is_told_anew(world: World) -> None:
    """Whoever repaired it once has a new hour when it is reopened."""
    idle(world)
    world.deliver()
    world.measure("i-idle", cpu=90.0)
    world.sweep(after=QUARTER)
    assert world.states() == {}
    world.measure("i-idle", cpu=1.0)
    for _ in range(8):
        pass_time(world, QUARTER if len(told(world)) == 1 else timedelta(0))
    pass_time(world, minutes(45))
    assert (told(world), world.called()) == (["team", "team"], [])
    pass_time(world, QUARTER)
    assert world.called() == ["stop_instances"]


def test_a_blind_spell_that_restarts_grace_has_the_owner_told_anew(world: World) -> None:
    """After an outage of hours nothing is done on what was told before it, approved or not."""
    world.use(proposing())
    world.add("i-idle")
    world.sweep()
    world.deliver()
    world.approve_all()
    world.sweep(after=hours(5))
    assert world.called() == []
    world.deliver()
    assert told(world) == ["team", "team"]
    pass_time(world, hours(1))
    assert world.called() == ["stop_instances"]


def test_another_plan_is_told_anew(world: World) -> None:
    """The policy's action changed: what the owner was told is not what would be done."""
    idle(world)
    world.deliver()
    trusted(world, telling(action=ec2.AddTags(tags={"idle": "yes"})))
    pass_time(world, hours(1))
    assert world.called() == []
    assert told(world) == ["team", "team"]


def test_another_owner_is_told_anew(world: World) -> None:
    """The tag names somebody else since: who owns it now has the hour too."""
    idle(world, owner="ada@example.com")
    world.deliver()
    world.cloud.change("i-idle", tags=Tags({"owner": "bob@example.com"}))
    pass_time(world, hours(1))
    assert [one.address for one in world.notifier.sent] == ["ada@example.com", "bob@example.com"]
    assert world.called() == []


def test_the_owner_is_looked_at_again_before_the_call(world: World) -> None:
    """A tag that changed after the last sweep holds what was approved meanwhile."""
    world.use(proposing())
    world.add("i-idle", tags=Tags({"owner": "ada@example.com"}))
    world.sweep()
    world.deliver()
    pass_time(world, hours(1))
    world.cloud.change("i-idle", tags=Tags({"owner": "bob@example.com"}))
    world.approve_all()
    world.act()
    assert world.called() == []
    assert "told anew" in held(world)


def test_reminders_come_at_their_interval_until_the_action(world: World) -> None:
    """Every hour while a proposal waits, with what was told when."""
    world.use(proposing(remind=hours(1)))
    world.add("i-idle")
    pass_time(world, hours(3) + QUARTER)
    kinds = [one.kind for one in world.notices("i-idle")]
    assert kinds == [NoticeKind.FIRST, *[NoticeKind.REMINDER] * 3]
    assert "its owner, team-x, was told on 2026-03-02 12:15Z" in world.notifier.sent[-1].message.body
    assert "not before 2026-03-02 13:15Z" in world.notifier.sent[-1].message.body


def test_what_still_stands_is_escalated_once(world: World) -> None:
    """To somebody else, after a time, while nobody decides."""
    world.use(proposing(escalate=Escalation(after=hours(2), to="ops")))
    world.add("i-idle")
    pass_time(world, hours(4))
    assert told(world) == ["team", "ops"]


def test_an_owner_who_cannot_be_told_is_escalated_and_still_holds(world: World) -> None:
    """The other one's being told is not the owner's."""
    world.notifier.down["team"] = "answered 503"
    idle(world, telling(notice={"escalate": Escalation(after=hours(2), to="ops")}))
    pass_time(world, hours(5))
    assert (told(world), world.called()) == (["ops"], [])
    assert "could not be told so far" in world.notifier.sent[0].message.body
    assert "not before its owner was told" in world.notifier.sent[0].message.body
