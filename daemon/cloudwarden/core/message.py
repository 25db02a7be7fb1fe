"""Messages: what a recipient reads of one finding or of many, with the commands to object or to agree."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloudwarden.core.directory import Recipient
from cloudwarden.core.durations import written_duration
from cloudwarden.core.notice import Notice, NoticeKind

MOST_ITEMS = 25
"""Findings that one message tells of: a screen or two. Of actions the others are told of in the next one."""

EXEMPT_FOR = timedelta(days=30)
SNOOZE_FOR = timedelta(days=3)
"""How long the commands that a message tells leave it as it is, where that is allowed."""

LONGEST_TEXT = 300
"""Characters of a finding's summary or a resource's name: strangers write them."""

_ORDER = (NoticeKind.FIRST, NoticeKind.ESCALATION, NoticeKind.REMINDER, NoticeKind.NEWS)

_HEADINGS = {
    NoticeKind.FIRST: "Ahead, unless somebody objects:",
    NoticeKind.ESCALATION: "Ahead, and nobody has objected so far:",
    NoticeKind.REMINDER: "Still ahead:",
    NoticeKind.NEWS: "Found since the last digest:",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message as plain text."""

    title: str
    body: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Composed:
    """A message, and the notices that are delivered with it; the others wait for another one."""

    message: Message
    told: tuple[Notice, ...]


def composed(
    notices: Sequence[Notice],
    recipient: Recipient,
    proposals: Mapping[str, str],
    now: datetime,
    longest: Callable[[str], timedelta],
) -> Composed:
    """One message for one recipient. `proposals` are the ids of undecided proposals, by finding.

    `longest` says how long something may be left as it is at most, by policy.

    News that find no room are told by their number. An action that finds none is not told of.
    """
    ordered = sorted(notices, key=lambda one: (_ORDER.index(one.kind), one.due_at, one.id))
    items, others = ordered[:MOST_ITEMS], ordered[MOST_ITEMS:]
    counted = [one for one in others if one.kind is NoticeKind.NEWS]
    parts = [f"This is for {plain(recipient.owner)}, whom Cloudwarden {_reason(items)}."]
    for kind in _ORDER:
        mine = [one for one in items if one.kind is kind]
        parts += [_HEADINGS[kind]] if mine else []
        parts += [_item(one, proposals.get(one.finding_id), now, longest(one.policy)) for one in mine]
    if counted:
        parts.append(f"And {len(counted)} more findings: cloudwarden findings")
    if waiting := len(others) - len(counted):
        parts.append(f"{waiting} more notices follow in another message: cloudwarden notices")
    message = Message(title=_title(ordered), body="\n\n".join(parts) + "\n")
    return Composed(message=message, told=(*items, *counted))


def _reason(notices: Sequence[Notice]) -> str:
    """Why somebody is told: whom an escalation goes to is nobody's owner by that."""
    escalated = {one.kind is NoticeKind.ESCALATION for one in notices}
    if escalated == {True}:
        return "tells beside the owner of what follows"
    return f"takes for the owner of what follows{', or tells beside its owner' if True in escalated else ''}"


def trial(channel: str, now: datetime) -> Message:
    """What a person has sent to see whether a channel works."""
    return Message(
        title="Cloudwarden: test",
        body=f"Somebody tried the channel {channel} at {now:%Y-%m-%d %H:%M}Z. There is nothing to do.\n",
    )


def plain(text: str) -> str:
    """A stranger's text, cut to a length, as text alone: no control characters, and nothing that chats take for markup.

    `<!channel>` in a resource's name would call a whole Slack channel.
    """
    shown = "".join(char if char.isprintable() else " " for char in text).translate(_MARKUP)
    return shown if len(shown) <= LONGEST_TEXT else f"{shown[: LONGEST_TEXT - 1]}…"


_MARKUP = str.maketrans("<>", "()")


def _title(notices: Sequence[Notice]) -> str:
    counts = Counter(one.kind for one in notices)
    ahead = len({one.finding_id for one in notices if one.kind is not NoticeKind.NEWS})
    parts = [f"{ahead} action{'s' if ahead > 1 else ''} ahead"] if ahead else []
    if found := counts[NoticeKind.NEWS]:
        parts.append(f"{found} new finding{'s' if found > 1 else ''}")
    return f"Cloudwarden: {', '.join(parts)}"


def _item(notice: Notice, proposal: str | None, now: datetime, longest: timedelta) -> str:
    what = f"{notice.policy}: {plain(notice.resource_id)}{f' ({plain(notice.name)})' if notice.name else ''}"
    lines = [f"* {what} in {notice.scope}", f"  found: {plain(notice.summary)}"]
    if notice.kind is not NoticeKind.NEWS:
        approval = ", once somebody approves it" if proposal else ""
        lines.append(f"  planned: {plain(notice.would)}, {_when(notice, now)}{approval}")
    if notice.remark:
        lines.append(f"  {plain(notice.remark)}")
    return "\n".join([*lines, *(f"  {what}: {command}" for what, command in _commands(notice, proposal, longest))])


def _when(notice: Notice, now: datetime) -> str:
    if notice.not_before is None and notice.kind is NoticeKind.ESCALATION:
        return "not before its owner was told"
    return f"not before {notice.not_before or now + notice.before:%Y-%m-%d %H:%M}Z"


def _commands(notice: Notice, proposal: str | None, longest: timedelta) -> list[tuple[str, str]]:
    """How to object and how to agree, ready to be copied: an owner who is refused has objected in vain."""
    exempt_for, snooze_for = (written_duration(min(usual, longest)) for usual in (EXEMPT_FOR, SNOOZE_FOR))
    resource, account = shlex.quote(plain(notice.resource_id)), notice.scope.account
    commands = [
        (
            "to leave it as it is",
            f"cloudwarden exempt {notice.policy} {resource} --account {account} --for {exempt_for} --reason '...'",
        )
    ]
    if proposal:
        commands.append(("to put it off", f"cloudwarden snooze {proposal} --for {snooze_for} --reason '...'"))
        commands.append(("to agree", f"cloudwarden approve {proposal} --reason '...'"))
    return commands
