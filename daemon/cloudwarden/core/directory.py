"""The directory: by which channel an owner is reached, as the settings have it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from cloudwarden.core.notice import Lead, LeadKind

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")


def shown(name: str) -> str:
    """A name as anybody may read it: who writes a channel's URL in its place has written the channel's secrets."""
    return "'…' (a URL, not shown)" if "://" in name else repr(name[:100])


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """Somebody who can be told: an owner, by a channel; at an address, where the owner's name is one of mail."""

    owner: str
    channel: str
    address: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Nobody:
    """Why no owner can be told, in words."""

    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Directory:
    """The channels by name, and the owners, or patterns of owners' names with `*` and `?`, that each is for."""

    channels: frozenset[str] = frozenset()
    owners: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Recipient | None:
        """How the one with this name is reached: an owner by name, a channel by its own, or a pattern, in order."""
        address = name if _ADDRESS.fullmatch(name) else None
        if name in self.owners:
            return Recipient(owner=name, channel=self.owners[name], address=address)
        if name in self.channels:
            return Recipient(owner=name, channel=name)
        for pattern, channel in self.owners.items():
            if fnmatchcase(name, pattern):
                return Recipient(owner=name, channel=channel, address=address)
        return None

    @property
    def names(self) -> tuple[str, ...]:
        """Every owner and channel that a policy may name."""
        return tuple(sorted({*self.owners, *self.channels}))


def recipient(leads: Iterable[Lead], directory: Directory, contact: Callable[[str], str | None]) -> Recipient | Nobody:
    """Whom the first lead that leads to somebody leads to. `contact` names an account's contact, and may raise.

    A lead that nobody can tell is no lead that leads nowhere: those after it are not taken instead.
    """
    tried = []
    for lead in leads:
        if lead.kind is LeadKind.DOUBT:
            return Nobody(why=str(lead.value))
        name = contact(lead.value or "") if lead.kind is LeadKind.ACCOUNT else lead.value
        if name is None:
            tried.append(f"{lead.form} names nobody")
        elif (found := directory.find(name)) is None:
            tried.append(f"{lead.form} names {shown(name)}, whom the settings do not know")
        else:
            return found
    return Nobody(why=f"no owner is known: {'; '.join(tried)}")
