"""Exemptions: what takes a resource out of a policy, and the one function that decides it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from cloudwarden.core.resource import Resource

ANY_POLICY = "*"

HANDS_OFF = "cloudwarden:hands-off"
"""The key of the tag that, with the value `true`, takes a resource out of every policy, whatever the policy says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tagged:
    """Exempt: resources that carry a tag, whatever its value unless one is given."""

    key: str
    value: str | None = None

    def __str__(self) -> str:
        return f"tag {self.key}" if self.value is None else f"tag {self.key}={self.value}"

    def matches(self, resource: Resource) -> bool:
        """Whether the resource carries the tag."""
        found = resource.tags.get(self.key)
        return found is not None and (self.value is None or found == self.value)


def tagged(key: str, value: str | None = None) -> Tagged:
    """Exempt resources with this tag: `exempt=[tagged("keep-running")]`."""
    return Tagged(key=key, value=value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exemption:
    """A person's decision that a policy does not apply to a resource, until a date.

    `policy` is a policy's name or `*`; `resource` a resource's id or ARN, in which `*` and `?` are wildcards.
    """

    id: str
    policy: str
    resource: str
    owner: str
    reason: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    def active(self, now: datetime) -> bool:
        """Whether it counts at this instant."""
        return self.revoked_at is None and self.created_at <= now < self.expires_at

    def covers(self, policy: str, resource_id: str, arn: str) -> bool:
        """Whether it speaks of this policy and this resource."""
        return self.policy in (ANY_POLICY, policy) and any(
            fnmatchcase(name, self.resource) for name in (resource_id, arn)
        )

    def __str__(self) -> str:
        return f"exemption {self.id} by {self.owner} until {self.expires_at:%Y-%m-%d}: {self.reason}"


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


def exempted_by(
    policy: str, resource: Resource, tag: str | None, exemptions: Iterable[Exemption], now: datetime
) -> str | None:
    """What exempts the resource from the policy now, in words; None when nothing does. `tag` is the verdict's."""
    if tag is not None:
        return tag
    for exemption in exemptions:
        if exemption.active(now) and exemption.covers(policy, resource.id, resource.arn):
            return str(exemption)
    return None
