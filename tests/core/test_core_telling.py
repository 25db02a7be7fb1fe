"""What is to be told now, and what must wait: pure, at any instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudwarden import Escalation, Notify, account_contact, days, hours, owner, owner_tag
from cloudwarden.core.directory import Directory, Nobody, Recipient, recipient
from cloudwarden.core.errors import PolicyError
from cloudwarden.core.finding import Finding, Grace, State
from cloudwarden.core.message import LONGEST_TEXT, MOST_ITEMS, composed, plain
from cloudwarden.core.notice import Lead, LeadKind, Notice, NoticeKind, NoticeState, leads_of
from cloudwarden.core.resource import Scope, Tags
from cloudwarden.core.telling import GOOD_FOR, Ahead, near, news, overtaken, owed, untold
from cloudwarden.core.verdict import Cause, Severity, Violation

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SCOPE = Scope(account="123456789012", region="eu-west-1")
TEAM = (Lead(form="owner team-x", kind=LeadKind.NAME, value="team-x"),)
ADA = (Lead(form="tag owner", kind=LeadKind.NAME, value="ada@example.com"),)
DOUBT = (Lead(form="tag owner", kind=LeadKind.DOUBT, value="nobody can tell its tag owner: throttled"),)
NOTIFY = Notify(owners=[owner("team-x")], before=days(1), remind=days(2), escalate=Escalation(after=days(3), to="ops"))


def finding(**changes: Any) -> Finding:
    """A finding that has been watched since noon."""
    made = Finding(
        id="f-1",
        policy="stop-idle",
        kind="ec2.instance",
        scope=SCOPE,
        resource_id="i-1",
        arn="arn:aws:ec2:eu-west-1:123456789012:instance/i-1",
        name=None,
        severity=Severity.MEDIUM,
        state=State.DUE,
        violation=Violation(summary="idle"),
        readings=(),
        first_seen=NOON,
        last_seen=NOON,
        state_since=NOON,
        grace=Grace(ticked_at=NOON),
    )
    return replace(made, **changes)


def notice(**changes: Any) -> Notice:
    """The first notice of that finding, delivered at noon."""
    made = Notice(
        id="n-1",
        kind=NoticeKind.FIRST,
        finding_id="f-1",
        policy="stop-idle",
        scope=SCOPE,
        resource_id="i-1",
        name=None,
        summary="idle",
        leads=TEAM,
        created_at=NOON,
        due_at=NOON,
        next_attempt_at=NOON,
        would="stop i-1",
        plan_hash="abc",
        watched_since=NOON,
        before=days(1),
        state=NoticeState.DELIVERED,
        owner="team-x",
        ended_at=NOON,
    )
    return replace(made, **changes)


def ahead(after: timedelta = timedelta(0), **changes: Any) -> Ahead:
    """What is ahead so long after noon."""
    made = Ahead(notify=NOTIFY, finding=finding(), now=NOON + after, plan_hash="abc", leads=TEAM)
    return replace(made, **changes)


PENDING = notice(state=NoticeState.PENDING, ended_at=None)


@pytest.mark.parametrize(
    ("after", "told", "kinds"),
    [
        (days(0), (), (NoticeKind.FIRST,)),
        (days(1), (notice(),), ()),
        (days(2), (notice(),), (NoticeKind.REMINDER,)),
        (days(2), (PENDING,), ()),
        (days(3), (PENDING,), (NoticeKind.ESCALATION,)),
        (days(3), (PENDING, notice(id="n-2", kind=NoticeKind.ESCALATION, leads=ADA)), ()),
        (days(2), (notice(), notice(id="n-2", kind=NoticeKind.REMINDER, state=NoticeState.PENDING, ended_at=None)), ()),
        (days(3), (notice(), notice(id="n-2", kind=NoticeKind.REMINDER, ended_at=NOON + days(2))), ("escalation",)),
        (days(1) + GOOD_FOR, (notice(),), (NoticeKind.FIRST,)),
        (days(0), (notice(state=NoticeState.WITHDRAWN),), (NoticeKind.FIRST,)),
        (days(0), (notice(kind=NoticeKind.NEWS),), (NoticeKind.FIRST,)),
    ],
)
def test_what_is_owed(after: timedelta, told: tuple[Notice, ...], kinds: tuple[NoticeKind, ...]) -> None:
    """A first notice, then reminders at their interval, one escalation, and all anew when it is worn out."""
    assert owed(ahead(after), told) == kinds


@pytest.mark.parametrize(
    "other",
    [
        {"plan_hash": "def"},
        {"leads": ADA},
        {"finding": finding(grace=Grace(ticked_at=NOON + hours(1)))},
        {"finding": finding(grace=Grace())},
    ],
)
def test_another_plan_owner_or_clock_is_told_anew(other: dict[str, Any]) -> None:
    """What was told of something else counts for nothing, and what still waits is withdrawn."""
    changed = ahead(days(2), **other)
    assert owed(changed, [notice()]) == (NoticeKind.FIRST,)
    assert untold(changed, [notice()]) == "its owner must be told anew: what was told is over"
    assert overtaken(changed, [PENDING, notice()]) == [PENDING]


def test_while_nobody_can_tell_the_owner_what_was_told_stands_and_nothing_is_done() -> None:
    """Unread tags make no new owner, and no known one either."""
    unsure = ahead(days(1), leads=DOUBT)
    assert owed(unsure, [notice()]) == ()
    assert overtaken(unsure, [PENDING]) == []
    assert untold(unsure, [notice()]) == "nobody can tell its tag owner: throttled"


def test_the_time_begins_with_the_delivery() -> None:
    """Not with the writing; and neither a shorter `before` nor a clock set back makes it earlier."""
    late = notice(ended_at=NOON + hours(5), not_before=NOON + hours(29))
    assert "nothing is done before 2026-03-03 17:00Z" in str(untold(ahead(hours(28)), [late]))
    assert untold(ahead(hours(29)), [late]) is None
    hasty = ahead(hours(28), notify=replace(NOTIFY, before=hours(1)))
    assert untold(hasty, [late]) is not None
    assert untold(ahead(-days(3)), [late]) is not None


def test_an_undelivered_notice_says_why() -> None:
    """What the channel or the search for an owner met."""
    assert untold(ahead(), [replace(PENDING, error="channel ops: 503")]) == (
        "no notice to its owner was delivered yet: channel ops: 503"
    )


def test_a_worn_out_notice_holds_until_it_is_told_anew_and_a_reminder_renews_it() -> None:
    """A fortnight after its time."""
    much_later = days(1) + GOOD_FOR
    assert "too long ago" in str(untold(ahead(much_later), [notice()]))
    reminded = notice(id="n-2", kind=NoticeKind.REMINDER, ended_at=NOON + days(10))
    assert untold(ahead(much_later), [notice(), reminded]) is None


def test_told_when_the_action_is_near() -> None:
    """Not weeks ahead, where grace is long; and not while it is put off."""
    watched = finding(grace=Grace(observed=days(5), ticked_at=NOON))
    assert near(watched, NOTIFY, days(6), NOON)
    assert not near(watched, NOTIFY, days(7), NOON)
    assert not near(replace(watched, snoozed_until=NOON + hours(1)), NOTIFY, days(6), NOON)


def test_news_is_told_once_and_only_if_asked_for() -> None:
    """Whatever else was told of the finding makes it no news."""
    assert not news(NOTIFY, [])
    digest = replace(NOTIFY, digest=days(1))
    assert news(digest, [])
    assert not news(digest, [notice(kind=NoticeKind.NEWS, state=NoticeState.GIVEN_UP)])


def test_leads_follow_the_declaration() -> None:
    """A tag, trimmed; a tag that nobody read; the account; a name."""
    notify = Notify(owners=[owner_tag("owner"), account_contact(), owner("team-x")])
    found = leads_of(notify, SCOPE.account, Tags({"owner": " ada "}), None)
    assert [one.value for one in found] == ["ada", SCOPE.account, "team-x"]
    unread = leads_of(notify, SCOPE.account, None, Cause(reason="throttled", detail="asked too often"))
    assert unread[0].kind is LeadKind.DOUBT
    assert "throttled: asked too often" in str(unread[0].value)


DIRECTORY = Directory(
    channels=frozenset({"ops", "mail"}), owners={"team-x": "ops", "boss@example.com": "ops", "*@example.com": "mail"}
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("team-x", Recipient(owner="team-x", channel="ops")),
        ("ops", Recipient(owner="ops", channel="ops")),
        ("ada@example.com", Recipient(owner="ada@example.com", channel="mail", address="ada@example.com")),
        ("boss@example.com", Recipient(owner="boss@example.com", channel="ops", address="boss@example.com")),
        ("eve@elsewhere.org", None),
        ("team-y", None),
    ],
)
def test_the_directory_knows_owners_channels_and_patterns(name: str, found: Recipient | None) -> None:
    """In this order."""
    assert DIRECTORY.find(name) == found


@pytest.mark.parametrize(
    "name", ["eve@evil.org,ada@example.com", "<ada@example.com", "a b@example.com", "?to=x@example.com"]
)
def test_what_is_no_single_address_gets_no_address(name: str) -> None:
    """Whoever may write tags must not choose other recipients."""
    found = DIRECTORY.find(name)
    assert found is not None
    assert found.address is None


def test_a_doubtful_lead_ends_the_search() -> None:
    """Those after it are not taken instead."""
    found = recipient((*DOUBT, *TEAM), DIRECTORY, lambda account: None)
    assert found == Nobody(why="nobody can tell its tag owner: throttled")


def test_news_that_finds_no_room_is_counted_and_a_notice_that_finds_none_waits() -> None:
    """Of an action nobody is told by a number."""
    many = [notice(id=f"n-{number:03}", state=NoticeState.PENDING) for number in range(MOST_ITEMS + 3)]
    letter = composed(many, Recipient(owner="team-x", channel="ops"), {}, NOON, lambda policy: days(90))
    assert len(letter.told) == MOST_ITEMS
    assert "3 more notices follow" in letter.message.body
    known = [replace(one, kind=NoticeKind.NEWS) for one in many]
    digest = composed(known, Recipient(owner="team-x", channel="ops"), {}, NOON, lambda policy: days(90))
    assert len(digest.told) == len(many)
    assert "And 3 more findings" in digest.message.body
    assert digest.message.body.count("* stop-idle") == MOST_ITEMS


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ((NoticeKind.FIRST, NoticeKind.REMINDER), "whom Cloudwarden takes for the owner of what follows."),
        ((NoticeKind.ESCALATION,), "whom Cloudwarden tells beside the owner of what follows."),
        (
            (NoticeKind.FIRST, NoticeKind.ESCALATION),
            "whom Cloudwarden takes for the owner of what follows, or tells beside its owner.",
        ),
    ],
)
def test_whom_an_escalation_goes_to_is_not_called_the_owner(kinds: tuple[NoticeKind, ...], words: str) -> None:
    """Unless some of it is theirs."""
    several = [notice(id=f"n-{kind}", kind=kind, state=NoticeState.PENDING) for kind in kinds]
    letter = composed(several, Recipient(owner="boss", channel="ops"), {}, NOON, lambda policy: days(90))
    assert f"This is for boss, {words}\n" in letter.message.body


def test_a_strangers_text_is_text_alone() -> None:
    """No control characters, no markup that calls a whole chat, no end."""
    assert plain("a\x1b[31mb\r\nSubject: x") == "a [31mb  Subject: x"
    assert plain("<!channel>") == "(!channel)"
    assert len(plain("x" * 9999)) == LONGEST_TEXT


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"owners": []}, "write a list such as"),
        ({"owners": ["team-x"]}, "write a list such as"),
        ({"before": timedelta(0)}, "write a duration above zero"),
        ({"remind": -days(1)}, "write a duration above zero"),
        ({"digest": timedelta(0)}, "write a duration above zero"),
        ({"digest": days(365_001)}, "at most 365000 days"),
    ],
)
def test_what_declares_nothing_sensible_is_refused(wrong: dict[str, Any], words: str) -> None:
    """With what to write instead."""
    given: dict[str, Any] = {"owners": [owner("team-x")]} | wrong
    with pytest.raises(PolicyError, match=words):
        Notify(**given)


@pytest.mark.parametrize(
    "wrong", [{"after": timedelta(0), "to": "ops"}, {"after": days(365_001), "to": "ops"}, {"after": days(1), "to": ""}]
)
def test_an_escalation_names_a_time_and_somebody(wrong: dict[str, Any]) -> None:
    """Both."""
    with pytest.raises(PolicyError, match="write"):
        Escalation(**wrong)
