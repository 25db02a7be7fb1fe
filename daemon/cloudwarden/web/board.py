"""What the console's page shows: values alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cloudwarden.core.acceptance import DiscoveryProblem, KnownScope
from cloudwarden.core.exemption import Exemption
from cloudwarden.core.finding import ActionRecord
from cloudwarden.core.pause import Pause
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause, Severity
from cloudwarden.engine.waiting import Waiting

ROWS = 100
"""Rows that one table shows at most; its heading says how many there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """A kind that could not be read completely in a scope: since when, why, and of which policies if not of all."""

    scope: Scope
    kind: str
    since: datetime
    cause: Cause
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyLine:
    """One policy: how far it goes at most, what stands by severity, and what waits for a person.

    `held` says how many of its actions that are due each guard holds, by the guard's name.
    """

    name: str
    mode: str
    findings: Mapping[Severity, int]
    pending: int
    paused: bool
    held: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionLine:
    """An action, and in words what its row should say beside it: an error, what it undoes, what undid it."""

    record: ActionRecord
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """Everything on the page, as it is at one instant.

    `failing` is why the latest sweep was of no use, or empty; `problems` are policy files that were refused; `troubles`
    are what health says beside, such as a copy that fails. The first proposal is to be looked at first.
    """

    now: datetime
    version: str
    failing: str
    problems: Sequence[str]
    troubles: Sequence[str]
    policies: Sequence[PolicyLine]
    pauses: Sequence[Pause]
    unread: Sequence[Unread]
    undiscovered: Sequence[DiscoveryProblem]
    waiting: Sequence[KnownScope]
    proposals: Sequence[Waiting]
    actions: Sequence[ActionLine]
    exemptions_ending: Sequence[Exemption]
