"""What a policy declares of notices: who owns what it finds, and how long before an action they are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from cloudwarden.core.durations import LONGEST_DURATION
from cloudwarden.core.errors import PolicyError

_WRITE = f"write a duration above zero, and of at most {LONGEST_DURATION.days} days, such as days(1)"


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnerTag:
    """The owner is whom a tag of the resource names."""

    key: str

    def __post_init__(self) -> None:
        if not self.key or self.key != self.key.strip():
            raise PolicyError(f"owner_tag({self.key!r}): write the key of a tag, without spaces around it")

    def __str__(self) -> str:
        return f"tag {self.key}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountContact:
    """The owner is the account's contact: what the settings say, else its operations contact in AWS."""

    def __str__(self) -> str:
        return "the account's contact"


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedOwner:
    """The owner is one that the settings know by this name."""

    name: str

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip():
            raise PolicyError(f"owner({self.name!r}): write an owner or a channel of the settings, such as 'team-x'")

    def __str__(self) -> str:
        return f"owner {self.name}"


OwnerForm = OwnerTag | AccountContact | NamedOwner
"""A way to find the owner."""


def owner_tag(key: str) -> OwnerTag:
    """The owner whom this tag of the resource names: `owners=[owner_tag("owner")]`."""
    return OwnerTag(key=key)


def account_contact() -> AccountContact:
    """The owner whom the settings, or else AWS, name as the account's contact."""
    return AccountContact()


def owner(name: str) -> NamedOwner:
    """An owner, or a channel, of the settings: `owners=[owner_tag("owner"), owner("team-x")]`."""
    return NamedOwner(name=name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Escalation:
    """Tell somebody else, an owner or a channel of the settings, when a finding still stands `after` a time."""

    after: timedelta
    to: str

    def __post_init__(self) -> None:
        if not timedelta(0) < self.after <= LONGEST_DURATION:
            raise PolicyError(f"Escalation(after={self.after}): {_WRITE}")
        if not self.to:
            raise PolicyError('Escalation(to=""): write an owner or a channel of the settings, such as "ops"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Notify:
    """Who is told before an action, and how long before; without a delivered notice nothing is done.

    `owners` are ways to the owner; the first that names somebody wins. `before` is how long after its delivery
    nothing is done. `remind` is how often the owner is told again. `digest` tells owners of new findings too that
    nothing is going to be done about, in one message for what was gathered in that time. An approval does not spare
    the notice unless `waived_by_approval`.
    """

    owners: Sequence[OwnerForm]
    before: timedelta = timedelta(days=1)
    remind: timedelta | None = None
    escalate: Escalation | None = None
    digest: timedelta | None = None
    waived_by_approval: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "owners", tuple(self.owners))
        if not self.owners or not all(isinstance(one, OwnerTag | AccountContact | NamedOwner) for one in self.owners):
            raise PolicyError(
                'Notify(owners=...): write a list such as [owner_tag("owner"), account_contact(), owner("team-x")]'
            )
        for name in ("before", "remind", "digest"):
            value = getattr(self, name)
            if value is not None and not timedelta(0) < value <= LONGEST_DURATION:
                raise PolicyError(f"Notify({name}={value}): {_WRITE}")

    @property
    def names(self) -> tuple[str, ...]:
        """The owners and channels that it names, and that the settings must know."""
        named = (one.name for one in self.owners if isinstance(one, NamedOwner))
        return (*named, *([self.escalate.to] if self.escalate else ()))
