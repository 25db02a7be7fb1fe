"""Notices on their way: what a message says, whom it reaches, and what becomes of those that reach nobody."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from cloudwarden import hours, minutes
from cloudwarden.core.message import Message
from cloudwarden.core.notice import NoticeState
from cloudwarden.core.resource import Tags
from cloudwarden.engine.courier import MESSAGES_PER_TURN, MOST_ATTEMPTS
from cloudwarden.engine.events import NoticeGivenUp, NoticesFailed
from cloudwarden.notify.memory import MemoryNotifier
from telling_owners import QUARTER, idle, observing, pass_time, proposing, telling, told, trusted
from world import World


class Dying(MemoryNotifier):
    """The process ends while it sends."""

    def send(self, channel: str, message: Message, address: str | None = None) -> None:
        """End."""
        del channel, message, address
        raise SystemExit


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


def test_an_owner_is_told_what_is_allowed(world: World) -> None:
    """A command that the verb refuses would be an objection in vain."""
    world.use(replace(proposing(), max_exemption=hours(36)))
    world.add("i-idle")
    world.sweep()
    world.deliver()
    body = world.notifier.sent[0].message.body
    assert re.findall(r"(exempt|snooze) .* --for (\S+)", body) == [("exempt", "1d12h"), ("snooze", "1d12h")]


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
    """It is left alone for the rest of a turn after two failures, however many it keeps waiting for longer."""
    world.notifier.down["mail"] = "no answer"
    trusted(world, telling())
    for number in range(MESSAGES_PER_TURN):
        world.add(f"i-{number}", tags=Tags({"owner": f"p{number}@example.com"}))
    world.sweep(after=QUARTER)
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
