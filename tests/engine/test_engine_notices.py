"""Notices: no notice delivered, no action."""

from __future__ import annotations

import pytest

from cloudwarden import ENFORCE, account_contact, hours, minutes, owner, owner_tag
from cloudwarden.core.errors import Throttled
from cloudwarden.core.notice import NoticeState
from cloudwarden.engine import decide
from cloudwarden.engine.events import ActionHeld, NoticesFailed
from telling_owners import QUARTER, held, idle, observing, pass_time, proposing, telling, told
from world import SCOPE, World, stop_idle


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


def test_a_url_in_an_owners_place_is_not_told(world: World) -> None:
    """It may be a channel's, with its tokens; findings are shown to many."""
    idle(world, telling(notice={"owners": (owner_tag("owner"),)}), owner="slack://hush/token")
    pass_time(world, hours(3))
    assert "tag owner names '…' (a URL, not shown), whom the settings do not know" in held(world)


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


def test_an_observing_policy_threatens_nobody(world: World) -> None:
    """Nothing is going to be done, and nothing is said unless a digest was asked for."""
    world.use(observing())
    world.add("i-idle")
    pass_time(world, hours(2))
    assert told(world) == []


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
