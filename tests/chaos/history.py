"""History: what truly happened in a run, told by those who saw it and not by the daemon's own account alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cloudwarden.core.finding import ActionRecord, Finding, Proposal, State
from cloudwarden.core.policy import Limit, Mode
from cloudwarden.core.restraint import Quota
from cloudwarden.ports import JournalEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """A mutating request that the cloud received. No dry run is one.

    `intents` are the committed intents for it at the moment of its arrival: action id and step. `looked_at` is when
    the latest whole answer about this very resource was asked for; None when the latest answer was not whole.
    `permitted` is false when the dry run before it was not answered with permission, and None when none was asked.
    """

    at: datetime
    operation: str
    resource: str
    intents: tuple[tuple[str, int], ...]
    looked_at: datetime | None
    permitted: bool | None = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """The daemon asked what there is: of some resources by their ids, or of all whose ids begin with `prefix`.

    `whole` says that the whole answer, all pages of it, went back; `shown` are the ids of what it showed so far.
    """

    at: datetime
    prefix: str
    resources: tuple[str, ...]
    whole: bool
    shown: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """What was true of a resource from an instant on: by which policies it violates, and whether it may be touched.

    `untouchable` is what its owner keeps hands off, `protected` what the installation or another tool keeps; `tags` are
    written as an exemption by a tag names them: with their values, and without.
    """

    at: datetime
    exists: bool = True
    violates: frozenset[str] = frozenset()
    untouchable: bool = False
    protected: bool = False
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Closing:
    """A finding was closed: committed at `at`."""

    at: datetime
    finding: str
    policy: str
    resource: str
    state: State


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A settled sweep of a policy, committed at `at`; the journal ended at `after` then.

    `began` is when, by the daemon's own clock.
    """

    at: datetime
    policy: str
    after: int
    population: int | None
    began: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A policy as its file said from an instant on. `hours` are those of the day, UTC, in which alone it acts.

    `quorum` people must agree to what it proposes, none of `not_by`; `tells` says whether it waits for a notice.
    """

    at: datetime
    policy: str
    mode: Mode
    limit: Limit
    fingerprint: str = ""
    hours: tuple[int, int] | None = None
    quorum: int = 1
    not_by: tuple[str, ...] = ()
    tells: bool = False
    removed: bool = False
    """Its file was taken away at that instant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message that a channel accepted."""

    at: datetime
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    """A freeze by the daemon's clock; it ran with it after the journal's entry `after`, up to `last` if given."""

    begins: datetime
    until: datetime
    after: int = 0
    last: int | None = None


@dataclass(frozen=True, kw_only=True)
class History:
    """All of a run. `quiet` says that it ended in peace: no fault, every policy loaded and swept."""

    sent: Sequence[Sent] = ()
    looks: Sequence[Look] = ()
    journal: Sequence[JournalEntry] = ()
    committed: Mapping[int, datetime] = field(default_factory=dict)
    """When each entry of the journal, by its number, was committed: by a clock that nobody sets."""
    chain: str = ""
    """What is wrong with the journal's chain; empty when nothing is."""
    actions: Sequence[ActionRecord] = ()
    proposals: Sequence[Proposal] = ()
    findings: Sequence[Finding] = ()
    closings: Sequence[Closing] = ()
    conditions: Mapping[str, Sequence[Condition]] = field(default_factory=dict)
    """By resource, in order of time."""
    versions: Sequence[Version] = ()
    runs: Sequence[Run] = ()
    freezes: Sequence[Frozen] = ()
    messages: Sequence[Message] = ()
    quota: Quota | None = None
    """What all policies together may do."""
    quiet: bool = False
