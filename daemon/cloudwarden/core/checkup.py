"""What an examination of the installation found, check by check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a check ended. What could not be tested is never fine."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNTESTED = "untested"


class Area(StrEnum):
    """What a check is about."""

    STORE = "store"
    POLICIES = "policies"
    ENDPOINT = "endpoint"
    CHANNEL = "channel"
    JOURNAL = "journal"
    CREDENTIALS = "credentials"
    CLOCK = "clock"
    LIMITS = "limits"
    RESTRAINTS = "restraints"
    DISCOVERY = "discovery"
    ACCOUNT = "account"
    SCOPE = "scope"
    READ = "read"
    ACT = "act"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was looked at: `subject` says what, `where` in which account or scope, `fix` what to do."""

    area: Area
    subject: str
    where: str = ""
    health: Health
    detail: str = ""
    fix: str = ""
