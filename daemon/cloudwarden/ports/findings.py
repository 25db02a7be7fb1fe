"""What is known of resources, and what is asked of people and done about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Proposal, State
from cloudwarden.core.resource import Scope


class Findings(Protocol):
    """Findings in the store."""

    def get(self, finding_id: str) -> Finding | None: ...

    def standing(self, policy: str | None = None) -> Sequence[Finding]:
        """Every finding that is not closed, exempted ones included, oldest first."""
        ...

    def in_states(self, *states: State) -> Sequence[Finding]:
        """Findings that are in one of these states, oldest first."""
        ...

    def unseen_since(self, policy: str, scope: Scope, since: datetime, most: int) -> Sequence[Finding]:
        """Standing ones of a policy in a scope that were last seen at `since` or before, oldest first.

        Those that are being acted on aside.
        """
        ...

    def recently_closed(self, policy: str | None, since: datetime) -> Sequence[Finding]:
        """Findings of a policy (None: of any) closed at or after `since`."""
        ...

    def put_off(self, policy: str, now: datetime) -> Sequence[Finding]:
        """Closed findings of a policy that are to be left alone until after `now`, whenever they closed."""
        ...

    def latest_of(self, policy: str, scope: Scope, resource_id: str) -> Finding | None:
        """A policy's finding of a resource: the one that stands, or else the one that closed last."""
        ...

    def places(self) -> Sequence[tuple[str, Scope]]:
        """Each policy and scope of which there is a standing finding, in order."""
        ...

    def save(self, findings: Iterable[Finding]) -> None: ...


class Proposals(Protocol):
    """Proposals in the store."""

    def get(self, proposal_id: str) -> Proposal | None: ...

    def undecided(self, about: Collection[str] | None = None) -> Sequence[Proposal]:
        """Pending and approved proposals, of these findings by id or of all, oldest first."""
        ...

    def put_to_people(self, about: Collection[str]) -> frozenset[str]:
        """Those of these findings, by id, of which people were ever asked, whatever became of that."""
        ...

    def overdue(self, now: datetime, most: int) -> Sequence[Proposal]:
        """Undecided ones whose end has come, the earliest first."""
        ...

    def save(self, proposals: Iterable[Proposal]) -> None: ...


class ActionRecords(Protocol):
    """Actions in the store."""

    def get(self, action_id: str) -> ActionRecord | None: ...

    def unfinished(self) -> Sequence[ActionRecord]:
        """Every action that has not ended, oldest first."""
        ...

    def count_since(self, since: datetime, *, policy: str | None = None, account: str | None = None) -> int:
        """Actions that started at or after `since`: of one policy, in one account, or all.

        Undoing ones aside, and those that were abandoned before a call of theirs did anything.
        """
        ...

    def undoing(self, action_id: str) -> ActionRecord | None:
        """The latest action that undoes this one."""
        ...

    def undoings_since(self, since: datetime) -> Sequence[ActionRecord]:
        """Actions that undo another one and did not end badly, whose latest change was at or after `since`."""
        ...

    def after(self, record: ActionRecord) -> Sequence[ActionRecord]:
        """Actions on the same resource that began after this one, whatever the clock said, newest first."""
        ...

    def latest(self, most: int, policy: str | None = None) -> Sequence[ActionRecord]:
        """The latest actions, of a policy or of all, newest first."""
        ...

    def latest_endings(self, policy: str, most: int) -> Sequence[ActionState]:
        """How the latest actions of a policy ended, undoing ones aside, newest first."""
        ...

    def save(self, record: ActionRecord) -> None: ...
