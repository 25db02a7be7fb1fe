"""Exemptions: what takes a resource out of a policy, and the one function that decides it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cloudwarden.core.finding import Finding
from cloudwarden.core.pattern import fits
from cloudwarden.core.resource import GLOBAL, Resource
from cloudwarden.core.verdict import Verdict

ANY = "*"
"""In place of a name: whatever it is."""

ANY_POLICY = ANY

STORE = "store"
"""The source of an exemption that a person made with a verb; any other source is the path of a file."""

HANDS_OFF = "cloudwarden:hands-off"
"""The key of the tag that, with the value `true`, takes a resource out of every policy, whatever the policy says."""

UNUSED_AFTER = timedelta(days=7)
"""How long an exemption may have taken nothing out of its policy before it is shown as unused."""

LONGEST = timedelta(days=90)
"""How long an exemption may last unless settings or a policy say otherwise: a quarter, then somebody looks again."""

ENDING_WITHIN = timedelta(days=7)
"""How long before its end an exemption is warned about, unless the settings say otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tagged:
    """Exempt: resources that carry a tag, whatever its value unless one is given."""

    key: str
    value: str | None = None

    def __str__(self) -> str:
        return f"tag {self.key}" if self.value is None else f"tag {self.key}={self.value}"

    def matches(self, resource: Resource) -> bool:
        """Whether the resource carries the tag."""
        return self.among(resource.tags)

    def among(self, tags: Mapping[str, str]) -> bool:
        """Whether the tag is one of these."""
        found = tags.get(self.key)
        return found is not None and (self.value is None or found == self.value)


def tagged(key: str, value: str | None = None) -> Tagged:
    """Exempt resources with this tag: `exempt=[tagged("keep-running")]`."""
    return Tagged(key=key, value=value)


def tag_written(word: str) -> Tagged:
    """The tag that a person wrote as `key` or `key=value`. Raises ValueError when it names none."""
    key, equals, value = word.partition("=")
    if not key:
        raise ValueError(f'{word!r} names no tag: write "key" or "key=value"')
    return tagged(key, value if equals else None)


_ACCOUNT = re.compile(r"[0-9]{12}|(?=.*[*?])[0-9*?]+")


def account_written(word: str) -> str:
    """The account's id, or pattern of ids, that a person wrote. Raises ValueError when it can be none."""
    if not _ACCOUNT.fullmatch(word):
        raise ValueError(f"account {word!r} is no account's id: write its 12 digits; * and ? are wildcards")
    return word


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """The resource that is asked about. `tags` are None when they were not, or could not be, read.

    `kept_in` is the region that it is in, where `region` is `global`; None when nobody knows.
    `tag` is the tag by which the policy itself, or hands-off, takes it out: the verdict's `exempting_tag`.
    """

    resource_id: str
    arn: str
    name: str | None
    account: str
    region: str
    kept_in: str | None
    tags: Mapping[str, str] | None = None
    tag: str | None = None

    @classmethod
    def of(cls, resource: Resource, tags: Mapping[str, str] | None, tag: str | None) -> Subject:
        """A resource, with its tags wherever they were read."""
        return cls(
            resource_id=resource.id,
            arn=resource.arn,
            name=resource.name,
            account=resource.account,
            region=resource.region,
            kept_in=resource.kept_in.region if resource.kept_in else None,
            tags=tags,
            tag=tag,
        )

    @classmethod
    def found(cls, finding: Finding) -> Subject:
        """A finding's resource, whose tags nobody has read for it now; nor its own region where it has another one."""
        return cls(
            resource_id=finding.resource_id,
            arn=finding.arn,
            name=finding.name,
            account=finding.scope.account,
            region=finding.scope.region,
            kept_in=None if finding.scope.region == GLOBAL else finding.scope.region,
        )

    @classmethod
    def judged(cls, resource: Resource, verdict: Verdict) -> Subject:
        """A resource that was found to violate: such a verdict says its tags, or why they could not be read."""
        return cls.of(resource, verdict.tags, verdict.exempting_tag)


class ExemptionState(StrEnum):
    """What an exemption is at an instant; when two words would do, the first of these stands."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    ENDING = "ending"
    """It counts, and ends soon."""
    UNUSED = "unused"
    """It counts, but has taken nothing out of its policy for a week."""
    ACTIVE = "active"


class Told(StrEnum):
    """What was said of an exemption already, so that it is said once."""

    ENDING = "ending"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True, slots=True)
class Exemption:
    """A person's decision that a policy does not apply to some resources, until a date.

    All that it selects by must hold: `policy` is a policy's name or `*`; `resource` a resource's id, ARN or name,
    `account` an account's id, `region` a region, in each of which `*` and `?` are wildcards; `tag` a tag.
    `source` is `store`, or the file that it is kept in. `used_at` is the latest sweep in which it took a resource out.
    """

    id: str
    policy: str = ANY_POLICY
    resource: str = ANY
    tag: Tagged | None = None
    account: str = ANY
    region: str = ANY
    owner: str
    reason: str
    created_at: datetime
    expires_at: datetime
    source: str = STORE
    made_by: str = ""
    made_from: str = ""
    revoked_at: datetime | None = None
    revoked_by: str = ""
    revoked_from: str = ""
    revoked_reason: str = ""
    used_at: datetime | None = None
    told: Told | None = None

    def active(self, now: datetime) -> bool:
        """Whether it counts at this instant.

        It does from when it is stored: the clock of whoever made it may be ahead of ours, or ours was set back since.
        """
        return self.revoked_at is None and now < self.expires_at

    @property
    def ends_at(self) -> datetime:
        """When it ends, or did: at its date, or when it was revoked before."""
        return self.expires_at if self.revoked_at is None else min(self.revoked_at, self.expires_at)

    def state(self, now: datetime, ending_within: timedelta = ENDING_WITHIN) -> ExemptionState:
        """What it is at this instant."""
        if self.revoked_at is not None:
            return ExemptionState.REVOKED
        if now >= self.expires_at:
            return ExemptionState.EXPIRED
        if now + ending_within >= self.expires_at:
            return ExemptionState.ENDING
        if now - (self.used_at or self.created_at) >= UNUSED_AFTER:
            return ExemptionState.UNUSED
        return ExemptionState.ACTIVE

    def covers(self, policy: str, subject: Subject) -> bool | None:
        """Whether it speaks of this policy and this resource; None when that hangs on what nobody has read."""
        names = (subject.resource_id, subject.arn, *([subject.name] if subject.name is not None else ()))
        if (
            self.policy not in (ANY_POLICY, policy)
            or not any(fits(name, self.resource) for name in names)
            or not fits(subject.account, self.account)
        ):
            return False
        parts = (self._covers_place(subject), self._covers_tags(subject))
        return False if False in parts else None if None in parts else True

    def _covers_place(self, subject: Subject) -> bool | None:
        """By the region that it is listed in, or its own."""
        if fits(subject.region, self.region):
            return True
        return None if subject.kept_in is None else fits(subject.kept_in, self.region)

    def _covers_tags(self, subject: Subject) -> bool | None:
        if self.tag is None:
            return True
        return None if subject.tags is None else self.tag.among(subject.tags)

    def unread_of(self, subject: Subject) -> str:
        """What of the resource it hangs on that nobody has read, in words."""
        place = ["the region that it is kept in is not known"] if self._covers_place(subject) is None else []
        return " and ".join([*place, *(["its tags were not read"] if self._covers_tags(subject) is None else [])])

    @property
    def selects(self) -> str:
        """What it takes out of its policy, in words."""
        parts = {"": self.resource, "account ": self.account, "region ": self.region}
        words = [f"{what}{value}" for what, value in parts.items() if value != ANY]
        return ", ".join([*words, *([str(self.tag)] if self.tag else ())]) or "everything"

    def __str__(self) -> str:
        return f"exemption {self.id} by {self.owner} until {self.expires_at:%Y-%m-%d}: {self.reason}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """Whether a resource is exempt: `by` what, in words, and by which exemption if it is one.

    `doubt` says in words why nobody can tell; with neither it is not exempt.
    """

    by: str | None = None
    exemption: str | None = None
    doubt: str | None = None

    @property
    def held(self) -> str | None:
        """Why nothing may be done, in words: it is exempt, or may be."""
        return self.by or self.doubt


def hands_off(resource: Resource) -> bool:
    """Whether the resource's owner wants no tool's hands on it: the tag's key and value in any case.

    IAM reads the key in aws:ResourceTag/key without regard to case ("IAM JSON policy elements: Condition", AWS Identity
    and Access Management User Guide), so what the shipped permissions deny is never proposed.
    """
    return any(
        key.casefold() == HANDS_OFF and value.strip().casefold() == "true" for key, value in resource.tags.items()
    )


def exempting_tag(selectors: Iterable[Tagged], resource: Resource) -> str | None:
    """The tag that exempts the resource, in words: hands-off, or the first of a policy's selectors; None if none."""
    if hands_off(resource):
        return f"tag {HANDS_OFF}=true"
    return next((str(selector) for selector in selectors if selector.matches(resource)), None)


def ruling(policy: str, subject: Subject, exemptions: Iterable[Exemption], now: datetime) -> Ruling:
    """Whether the resource is exempt from the policy now: the one function that decides it."""
    if subject.tag is not None:
        return Ruling(by=subject.tag)
    return _covering(policy, subject, (one for one in exemptions if one.active(now)))


def lately_exempt(
    policy: str, subject: Subject, exemptions: Iterable[Exemption], since: datetime, now: datetime
) -> Ruling:
    """Whether the resource was exempt after `since`, when a sweep saw it last, and is no more.

    Its end would let go what was due before: the next sweep gives the grace anew.
    """
    ended = _covering(policy, subject, (one for one in exemptions if one.ends_at > since and not one.active(now)))
    return replace(ended, by=_seen_first(ended.by), doubt=_seen_first(ended.doubt))


def _seen_first(held: str | None) -> str | None:
    return None if held is None else f"a sweep must see it first, now that this is over: {held}"


def _covering(policy: str, subject: Subject, exemptions: Iterable[Exemption]) -> Ruling:
    doubt: str | None = None
    for exemption in exemptions:
        covered = exemption.covers(policy, subject)
        if covered:
            return Ruling(by=str(exemption), exemption=exemption.id)
        if covered is None:
            doubt = doubt or f"{exemption.unread_of(subject)}, so nobody can tell whether {exemption} covers it"
    return Ruling(doubt=doubt)
