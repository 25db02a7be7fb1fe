"""Notices: no notice delivered, no action; and what owners are told, once, again, and of what is new only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cloudwarden import (
    ENFORCE,
    OBSERVE,
    Escalation,
    Notify,
    account_contact,
    days,
    hours,
    minutes,
    owner,
    owner_tag,
)
from cloudwarden.aws import ec2
from cloudwarden.core.errors import Throttled
from cloudwarden.core.message import Message
from cloudwarden.core.notice import NoticeKind, NoticeState
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Tags
from cloudwarden.engine import decide
from cloudwarden.engine.courier import MOST_ATTEMPTS
from cloudwarden.engine.events import ActionHeld, NoticeGivenUp, NoticesFailed
from cloudwarden.notify.memory import MemoryNotifier
from world import SCOPE, World, stop_idle

QUARTER = minutes(15)
OWNERS = (owner_tag("owner"), owner("team-x"))


def telling(**changes: Any) -> AnyPolicy:
    """A policy that acts by itself, an hour after the owner was told."""
    notice: dict[str, Any] = {"owners": OWNERS, "before": hours(1)} | changes.pop("notice", {})
    return stop_idle(mode=ENFORCE, **changes, notice=Notify(**notice))


class Dying(MemoryNotifier):
    """The process ends while it sends."""

    def send(self, channel: str, message: Message, address: str | None = None) -> None:
        """End."""
        del channel, message, address
        raise SystemExit


def observing(**notice: Any) -> AnyPolicy:
    """A policy that only observes."""
    return stop_idle(mode=OBSERVE, notice=Notify(owners=OWNERS, before=hours(1), **notice))


def proposing(**notice: Any) -> AnyPolicy:
    """A policy that proposes, an hour after the owner was told."""
    given: dict[str, Any] = {"owners": OWNERS, "before": hours(1)} | notice
    return stop_idle(proposals_last=days(60), notice=Notify(**given))


def trusted(world: World, policy: AnyPolicy) -> None:
    """Have the policy sweep an empty scope, and trust it."""
    world.use(policy)
    world.sweep()
    world.trust_all()


def idle(world: World, policy: AnyPolicy | None = None, **tags: str) -> None:
    """One idle instance that a trusted policy has found."""
    trusted(world, policy or telling())
    world.add("i-idle", tags=Tags(tags))
    world.sweep(after=QUARTER)


def pass_time(world: World, by: timedelta) -> None:
    """Sweep every quarter of an hour, delivering after each."""
    for _ in range(by // QUARTER):
        world.sweep(after=QUARTER)
        world.deliver()


def told(world: World) -> list[str]:
    """To which channel each message went."""
    return [one.channel for one in world.notifier.sent]


def held(world: World) -> str:
    """What holds the instance's action, in words."""
    return world.finding("i-idle").held or ""


def test_nothing_is_done_before_the_owner_was_told_and_had_the_time(world: World) -> None:
    """Told at once, held for the hour from the delivery on, then done."""
    idle(world)
    assert held(world) == "notice: no notice to its owner was delivered yet"
    world.deliver()
    assert told(world) == ["team"]
    pass_time(world, minutes(45))
    assert world.called() == []
    assert "its owner (team-x) was told on 2026-03-02 12:15Z: nothing is done before 2026-03-02 13:15Z" in held(world)
    pass_time(world, QUARTER)
    assert world.called() == ["stop_instances"]
    assert told(world) == ["team"]


def test_the_clock_starts_when_the_channel_accepts(world: World) -> None:
    """Down for three sweeps: held, tried again, and the hour begins with the delivery."""
    world.notifier.down["team"] = "answered 503"
    idle(world)
    pass_time(world, hours(2))
    assert world.called() == []
    assert held(world) == "notice: no notice to its owner was delivered yet: channel team: answered 503"
    del world.notifier.down["team"]
    pass_time(world, hours(1))
    (notice,) = world.notices("i-idle")
    assert notice.state is NoticeState.DELIVERED
    assert notice.attempts > 3
    assert world.called() == []
    pass_time(world, hours(1))
    assert world.called() == ["stop_instances"]


def test_what_was_told_survives_a_restart(world: World) -> None:
    """Another process on the same store sends nothing again, and holds no longer than it has to."""
    idle(world)
    world.deliver()
    after = World(store=world.store, clock=world.clock, cloud=world.cloud)
    after.use(*world.policies.values())
    pass_time(after, hours(1))
    assert after.called() == ["stop_instances"]
    assert told(after) == []


def test_the_tag_names_the_owner(world: World) -> None:
    """Mail to the address in the tag."""
    idle(world, owner=" ada@example.com ")
    world.deliver()
    (sent,) = world.notifier.sent
    assert (sent.channel, sent.address) == ("mail", "ada@example.com")


@pytest.mark.parametrize("tags", [{}, {"owner": ""}, {"owner": "nobody-we-know"}, {"owner": "eve@elsewhere.org"}])
def test_without_a_tag_that_names_somebody_the_default_is_told(world: World, tags: dict[str, str]) -> None:
    """Absent, empty, or of somebody whom the settings do not know."""
    idle(world, None, **tags)
    world.deliver()
    assert told(world) == ["team"]


def test_without_any_owner_nothing_is_done(world: World) -> None:
    """Held, with what was looked for; reported; told and done when there is an owner."""
    idle(world, telling(notice={"owners": (owner_tag("owner"), account_contact())}), owner="x")
    pass_time(world, hours(3))
    assert (world.called(), told(world)) == ([], [])
    assert "no owner is known: tag owner names 'x', whom the settings do not know" in held(world)
    assert "the account's contact names nobody" in held(world)
    assert world.reports.of(NoticesFailed)
    world.contacts.contacts[SCOPE.account] = "team-x"
    pass_time(world, hours(3))
    assert (world.called(), told(world)) == (["stop_instances"], ["team"])


def test_a_contact_that_cannot_be_read_is_not_an_absent_one(world: World) -> None:
    """The default is not told instead: nobody can tell whose it is."""
    world.contacts.fails = Throttled("Rate exceeded")
    idle(world, telling(notice={"owners": (account_contact(), owner("team-x"))}))
    pass_time(world, hours(1))
    assert told(world) == []
    assert "could not be read: throttled: Rate exceeded" in held(world)


def test_the_held_action_is_counted(world: World) -> None:
    """One event for each change of the reason, by the guard's name."""
    idle(world)
    world.deliver()
    pass_time(world, minutes(30))
    events = world.reports.of(ActionHeld)
    assert [event.guard for event in events] == ["notice", "notice"]  # type: ignore[attr-defined]


def test_a_policy_without_notices_tells_nobody_and_waits_for_nobody(world: World) -> None:
    """As before."""
    idle(world, stop_idle(mode=ENFORCE))
    world.deliver()
    assert (world.called(), told(world)) == (["stop_instances"], [])


def test_an_approval_does_not_spare_the_notice(world: World) -> None:
    """A person says that it may be done, and the owner still has the hour to object."""
    world.use(proposing())
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.act()
    assert world.called() == []
    world.deliver()
    pass_time(world, hours(1))
    assert world.called() == ["stop_instances"]


def test_an_approval_spares_it_where_the_policy_says_so(world: World) -> None:
    """Whoever approves there has spoken to the owner."""
    world.use(proposing(waived_by_approval=True))
    world.add("i-idle")
    world.sweep()
    world.approve_all()
    world.act()
    assert world.called() == ["stop_instances"]


def test_the_message_says_how_to_object_and_to_agree(world: World) -> None:
    """What, why, when, and commands that name this very finding and proposal."""
    world.use(proposing())
    world.add("i-idle")
    world.sweep()
    world.deliver()
    (sent,) = world.notifier.sent
    (proposal,) = world.proposals()
    assert sent.message.title == "Cloudwarden: 1 action ahead"
    for words in (
        "stop-idle: i-idle in 123456789012/eu-central-1",
        "not before 2026-03-02 13:00Z, once somebody approves it",
        "cloudwarden exempt stop-idle i-idle --account 123456789012 --for 30d --reason '...'",
        f"cloudwarden snooze {proposal.id} --for 3d --reason '...'",
        f"cloudwarden approve {proposal.id} --reason '...'",
    ):
        assert words in sent.message.body


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


def test_an_observing_policy_threatens_nobody(world: World) -> None:
    """Nothing is going to be done, and nothing is said unless a digest was asked for."""
    world.use(observing())
    world.add("i-idle")
    pass_time(world, hours(2))
    assert told(world) == []


def test_a_digest_tells_of_what_is_new_only(world: World) -> None:
    """One message for what was gathered in its time, and none for what was told."""
    world.use(observing(digest=hours(1)))
    for name in ("i-1", "i-2"):
        world.add(name)
    pass_time(world, hours(1) + QUARTER)
    world.add("i-3")
    pass_time(world, hours(3))
    bodies = [one.message.body for one in world.notifier.sent]
    assert len(bodies) == 2
    assert [name in bodies[0] for name in ("i-1", "i-2", "i-3")] == [True, True, False]
    assert [name in bodies[1] for name in ("i-1", "i-2", "i-3")] == [False, False, True]
    assert world.notifier.sent[0].message.title == "Cloudwarden: 2 new findings"
    assert "planned" not in bodies[0]


def test_one_message_for_each_recipient_bounded_with_nothing_lost(world: World) -> None:
    """What finds no room is no delivered notice: it goes with the next message, before its time begins."""
    trusted(world, telling())
    for number in range(60):
        world.add(f"i-{number:02}")
    world.add("i-ada", tags=Tags({"owner": "ada@example.com"}))
    world.sweep(after=QUARTER)
    world.deliver()
    assert sorted(told(world)) == ["mail", "team"]
    (body,) = [one.message.body for one in world.notifier.sent if one.channel == "team"]
    assert "35 more notices follow in another message" in body
    waiting = [one for one in (f"i-{number:02}" for number in range(60)) if world.notices(one)[0].delivered_at is None]
    assert len(waiting) == 35
    assert all(one not in body for one in waiting)
    world.deliver()
    world.deliver()
    assert told(world).count("team") == 3


def test_a_paused_policy_threatens_nobody(world: World) -> None:
    """Neither when it is found, nor with what was written before the pause; told when it is resumed."""
    idle(world)
    with world.store.transaction() as tx:
        decide.pause(tx, world.decider(), policy="stop-idle")
    world.deliver()
    pass_time(world, hours(1))
    assert told(world) == []
    with world.store.transaction() as tx:
        decide.resume(tx, world.decider(), policy="stop-idle")
    pass_time(world, QUARTER)
    assert told(world) == ["team"]


@pytest.mark.parametrize("ends", ["compliant", "exempt", "gone"])
def test_what_ended_before_it_was_told_is_not_told(world: World, ends: str) -> None:
    """The notice is withdrawn."""
    idle(world)
    if ends == "compliant":
        world.measure("i-idle", cpu=90.0)
    elif ends == "gone":
        del world.cloud.resources["i-idle"]
    else:
        world.cloud.change("i-idle", tags=Tags({"keep-running": ""}))
    world.sweep(after=QUARTER)
    world.deliver()
    assert told(world) == []
    with world.store.reading() as tx:
        assert [one.state for one in tx.notices.latest(9)] == [NoticeState.WITHDRAWN]


def test_what_holds_nothing_is_given_up_and_said(world: World) -> None:
    """A digest that no channel takes for a day."""
    world.notifier.down["team"] = "answered 503"
    world.use(observing(digest=hours(1)))
    world.add("i-idle")
    world.sweep()
    for _ in range(30):
        world.clock.advance(hours(1))
        world.deliver()
    (notice,) = world.notices("i-idle")
    assert (notice.state, notice.attempts) == (NoticeState.GIVEN_UP, MOST_ATTEMPTS)
    assert len(world.reports.of(NoticeGivenUp)) == 1


def test_a_dead_channel_delays_no_other(world: World) -> None:
    """It is left alone for the rest of a turn after two failures."""
    world.notifier.down["mail"] = "no answer"
    trusted(world, telling())
    for number in range(9):
        world.add(f"i-{number}", tags=Tags({"owner": f"p{number}@example.com"}))
    world.add("i-team")
    world.sweep(after=QUARTER)
    world.deliver()
    assert told(world) == ["team"]
    assert len(world.reports.of(NoticesFailed)) == 2


def test_the_journal_says_who_was_told_of_what(world: World) -> None:
    """Owner, channel, finding, plan, and until when nothing is done."""
    idle(world, owner="ada@example.com")
    world.deliver()
    with world.store.reading() as tx:
        (entry,) = [one for one in tx.journal.entries() if one.event == "notices_delivered"]
    assert (entry.details["owner"], entry.details["channel"]) == ("ada@example.com", "mail")
    notices: Any = entry.details["notices"]
    assert [one["resource"] for one in notices] == ["i-idle"]
    assert notices[0]["not_before"] == "2026-03-02T13:15:00+00:00"


def test_a_store_that_takes_no_outcome_has_nobody_told_twice_in_a_row(world: World) -> None:
    """The attempt is kept before the message leaves: what is not heard of is tried again a minute later."""
    idle(world)
    works, world.notifier = world.notifier, Dying(channels=world.notifier.channels)
    with pytest.raises(SystemExit):
        world.deliver()
    world.notifier = works
    world.deliver()
    (notice,) = world.notices("i-idle")
    assert (told(world), notice.attempts) == ([], 1)
    assert "had no outcome that was kept" in str(notice.error)
    world.clock.advance(minutes(1))
    world.deliver()
    assert told(world) == ["team"]
