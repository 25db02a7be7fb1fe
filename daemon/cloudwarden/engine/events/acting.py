"""What was done, and what held it back."""

from __future__ import annotations

from dataclasses import dataclass

from cloudwarden.core.finding import ActionRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionHeld:
    """A guard held an action back; reported when the reason changes, not at every look."""

    run_id: str
    policy: str
    resource: str
    guard: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitTripped:
    """A batch exceeded a policy's limit: nothing of it was done."""

    run_id: str
    policy: str
    batch: int
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyStopped:
    """A policy paused itself: its latest actions all failed."""

    run_id: str
    policy: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionIntended:
    """The intent of one step of an action is committed; its call comes next."""

    run_id: str
    record: ActionRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionStepped:
    """One step of an action has its outcome, and another step follows."""

    run_id: str
    record: ActionRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionEnded:
    """An action ended. `outcome` is succeeded, failed, abandoned or unknown.

    `reconciled` says that AWS was read to know.
    """

    run_id: str
    record: ActionRecord
    outcome: str
    reconciled: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalFailed:
    """The store could not be written, so nothing was done."""

    run_id: str
    detail: str
