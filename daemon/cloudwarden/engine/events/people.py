"""What people wrote, decided, and were told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cloudwarden.core.pause import Pause


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseBegan:
    """Actions are paused: since now, or since before this process began."""

    pause: Pause


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseEnded:
    """A pause was ended."""

    pause: Pause


@dataclass(frozen=True, kw_only=True, slots=True)
class ExemptionsRead:
    """The file of exemptions was read. With problems, what was taken over before goes on."""

    file: str
    exemptions: int
    changed: int
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExemptionEnding:
    """An exemption ends soon; whoever owns it may want another. Told once."""

    exemption: str
    policy: str
    selects: str
    owner: str
    expires_at: datetime
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ExemptionExpired:
    """An exemption ended by itself; its findings are open again. Told once."""

    exemption: str
    policy: str
    selects: str
    owner: str
    expires_at: datetime
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingsEdited:
    """The file of settings says something else than what is in force, which is as it was read at the start.

    With neither `differing` settings nor a problem that keeps it from being read, it is again as it was.
    """

    file: str
    differing: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticesDelivered:
    """A channel accepted one message with so many notices for an owner."""

    channel: str
    owner: str
    notices: int
    findings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticesFailed:
    """Notices could not be delivered, and are tried again; `channel` is empty where no owner is known."""

    channel: str
    owner: str
    notices: int
    attempts: int
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeGivenUp:
    """A notice that holds no action could not be delivered, and is not tried again."""

    channel: str
    notice: str
    kind: str
    finding_id: str
    policy: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CourierFailed:
    """A turn of delivering notices failed in an unforeseen way; there is another one in seconds."""

    detail: str
