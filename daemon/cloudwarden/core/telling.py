"""Telling: from what is ahead of a finding and what was told of it, what is to be told now, and what must wait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloudwarden.core.finding import Finding
from cloudwarden.core.notice import Lead, LeadKind, Notice, NoticeKind, NoticeState, doubtful
from cloudwarden.core.notify import Notify

GOOD_FOR = timedelta(days=14)
"""How long after its time a notice still counts: whoever was told in spring does not expect the action in autumn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ahead:
    """What is ahead of a finding: the plan with this hash, for the owner to whom these leads lead.

    None stands for whichever it is: nobody has looked.
    """

    notify: Notify
    finding: Finding
    now: datetime
    plan_hash: str | None = None
    leads: tuple[Lead, ...] | None = None

    def concerns(self, notice: Notice) -> bool:
        """Whether the notice tells of this: the same plan and owner, under a grace clock that still runs."""
        return (
            notice.state is not NoticeState.WITHDRAWN
            and notice.kind is not NoticeKind.NEWS
            and notice.watched_since is not None
            and notice.watched_since == self.finding.grace.since
            and self.plan_hash in (None, notice.plan_hash)
            and (notice.kind is NoticeKind.ESCALATION or self._same_owner(notice))
        )

    def _same_owner(self, notice: Notice) -> bool:
        """While nobody can tell the owner, the one who was told is taken for it."""
        return self.leads is None or doubtful(self.leads) or notice.leads == self.leads


def near(finding: Finding, notify: Notify, grace: timedelta, now: datetime) -> bool:
    """Whether a finding's action is so near that its owner is told: due within `before`, and not put off."""
    return not finding.snoozed_at(now) and grace - finding.grace.observed <= notify.before


def news(notify: Notify, told: Iterable[Notice]) -> bool:
    """Whether a finding without an action ahead is to be told of: once, if that was asked for."""
    return notify.digest is not None and all(one.state is NoticeState.WITHDRAWN for one in told)


def owed(ahead: Ahead, told: Sequence[Notice]) -> tuple[NoticeKind, ...]:
    """Which notices of an action ahead are to be written now; `told` are all that were written of the finding."""
    notify, now = ahead.notify, ahead.now
    current = [one for one in told if ahead.concerns(one)]
    first = _first(current)
    if first is None or _worn_out(first, current, ahead):
        return (NoticeKind.FIRST,)
    kinds = []
    last = _last_delivered(current)
    reminding = any(one.kind is NoticeKind.REMINDER and one.state is NoticeState.PENDING for one in current)
    if notify.remind is not None and last is not None and not reminding and now >= last + notify.remind:
        kinds.append(NoticeKind.REMINDER)
    escalated = any(one.kind is NoticeKind.ESCALATION for one in current)
    if notify.escalate is not None and not escalated and now >= first.created_at + notify.escalate.after:
        kinds.append(NoticeKind.ESCALATION)
    return tuple(kinds)


def overtaken(ahead: Ahead | None, told: Iterable[Notice]) -> list[Notice]:
    """Pending notices of an action that is not ahead any more, or not as they tell it."""
    return [
        one
        for one in told
        if one.state is NoticeState.PENDING
        and one.kind is not NoticeKind.NEWS
        and (ahead is None or not ahead.concerns(one))
    ]


def untold(ahead: Ahead, told: Sequence[Notice]) -> str | None:
    """Why an action must wait for its owner to be told, in words; None when the owner was, long enough ago."""
    for lead in ahead.leads or ():
        if lead.kind is LeadKind.DOUBT:
            return lead.value
    current = [one for one in told if ahead.concerns(one)]
    first = _first(current)
    if first is None:
        before = any(one.kind is NoticeKind.FIRST and one.delivered_at for one in told)
        return "its owner must be told anew: what was told is over" if before else "its owner was not told of it yet"
    if first.delivered_at is None:
        return f"no notice to its owner was delivered yet{f': {first.error}' if first.error else ''}"
    until = _until(first, ahead.notify)
    if ahead.now < until:
        on = f"{first.delivered_at:%Y-%m-%d %H:%M}Z"
        return f"its owner ({first.owner}) was told on {on}: nothing is done before {until:%Y-%m-%d %H:%M}Z"
    if _worn_out(first, current, ahead):
        return f"its owner was told on {first.delivered_at:%Y-%m-%d}, too long ago, and must be told anew"
    return None


def _first(current: Iterable[Notice]) -> Notice | None:
    """The latest first notice: there is another one when what an earlier one told was worn out."""
    firsts = (one for one in current if one.kind is NoticeKind.FIRST)
    return max(firsts, key=lambda one: one.created_at, default=None)


def _last_delivered(current: Iterable[Notice]) -> datetime | None:
    kinds = (NoticeKind.FIRST, NoticeKind.REMINDER)
    return max((one.delivered_at for one in current if one.delivered_at and one.kind in kinds), default=None)


def _until(first: Notice, notify: Notify) -> datetime:
    """The instant before which nothing is done: what was promised, and what the policy asks for now."""
    told = first.delivered_at or first.created_at
    return max(told + notify.before, first.not_before or told)


def _worn_out(first: Notice, current: Iterable[Notice], ahead: Ahead) -> bool:
    """Whether the owner was last told so long ago that it counts for nothing."""
    last = _last_delivered(current)
    return (
        first.delivered_at is not None
        and last is not None
        and ahead.now >= max(last, _until(first, ahead.notify)) + GOOD_FOR
    )
