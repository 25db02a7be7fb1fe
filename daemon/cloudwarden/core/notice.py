"""Notices: the values that tell an owner of a finding, and of what is going to be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cloudwarden.core.notify import AccountContact, NamedOwner, Notify, OwnerForm, OwnerTag
from cloudwarden.core.resource import Scope, Tags
from cloudwarden.core.verdict import Cause


class NoticeKind(StrEnum):
    """What a notice is for."""

    FIRST = "notice"
    """An action is ahead: without it, nothing is done."""
    REMINDER = "reminder"
    ESCALATION = "escalation"
    """Somebody beside the owner is told that nothing has happened since the first notice."""
    NEWS = "news"
    """A new finding that nothing is going to be done about."""


class NoticeState(StrEnum):
    """Where a notice is in its life."""

    PENDING = "pending"
    DELIVERED = "delivered"
    """Its channel accepted it."""
    GIVEN_UP = "given-up"
    WITHDRAWN = "withdrawn"
    """Overtaken before it was delivered: what it tells of is not ahead any more."""


class LeadKind(StrEnum):
    """What a lead names."""

    NAME = "name"
    """An owner's name, or None where a tag names nobody."""
    ACCOUNT = "account"
    """The account whose contact is the owner."""
    DOUBT = "doubt"
    """Why nobody can tell whom it names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lead:
    """One way to the owner of one resource: `form` says in words which way, `value` where it leads."""

    form: str
    kind: LeadKind
    value: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """One person's or team's being told of one finding.

    `watched_since` and `plan_hash` are what it is good for: the grace clock that ran, and the plan that it names;
    `would` is that plan in words. From `due_at` on it is to be sent. `before` is how long after the delivery nothing
    is done, `not_before` the instant until then. `owner` and `channel` are known from the first attempt that found
    them. `remark` is said beside it.
    """

    id: str
    kind: NoticeKind
    finding_id: str
    policy: str
    scope: Scope
    resource_id: str
    name: str | None
    summary: str
    leads: tuple[Lead, ...]
    created_at: datetime
    due_at: datetime
    next_attempt_at: datetime
    would: str = ""
    plan_hash: str | None = None
    watched_since: datetime | None = None
    before: timedelta = timedelta(0)
    not_before: datetime | None = None
    remark: str = ""
    state: NoticeState = NoticeState.PENDING
    attempts: int = 0
    error: str | None = None
    owner: str | None = None
    channel: str | None = None
    ended_at: datetime | None = None

    def __str__(self) -> str:
        if self.state is NoticeState.PENDING:
            return f"not delivered yet{f': {self.error}' if self.error else ''}"
        until = f", nothing before {self.not_before:%Y-%m-%d %H:%M}Z" if self.not_before else ""
        return f"{self.owner or 'nobody'}: {self.state} {self.ended_at:%Y-%m-%d %H:%M}Z{until}"

    @property
    def delivered_at(self) -> datetime | None:
        """When its channel accepted it; None unless it did."""
        return self.ended_at if self.state is NoticeState.DELIVERED else None


def leads_of(notify: Notify, account: str, tags: Tags | None, untagged: Cause | None) -> tuple[Lead, ...]:
    """The ways to the owner of a resource in an account, as its policy declares them. `tags` are None when unread."""
    return tuple(_lead(form, account, tags, untagged) for form in notify.owners)


def doubtful(leads: tuple[Lead, ...]) -> bool:
    """Whether nobody can tell where one of them leads."""
    return any(one.kind is LeadKind.DOUBT for one in leads)


def lead_to(name: str) -> Lead:
    """The way to an owner or a channel that is named."""
    return Lead(form=f"owner {name}", kind=LeadKind.NAME, value=name)


def _lead(form: OwnerForm, account: str, tags: Tags | None, untagged: Cause | None) -> Lead:
    match form:
        case OwnerTag(key=key):
            if tags is not None:
                return Lead(form=str(form), kind=LeadKind.NAME, value=tags.get(key, "").strip() or None)
            why = f"its tags could not be read ({untagged})" if untagged else "its tags were not read"
            return Lead(form=str(form), kind=LeadKind.DOUBT, value=f"nobody can tell its {form}: {why}")
        case AccountContact():
            return Lead(form=str(form), kind=LeadKind.ACCOUNT, value=account)
        case NamedOwner(name=name):
            return lead_to(name)
