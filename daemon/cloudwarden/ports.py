"""What the engine needs of the world, as small Protocols named by role."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.action import Call, Json, Read
from cloudwarden.core.evidence import Answers, Query
from cloudwarden.core.exemption import Exemption
from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Proposal, State
from cloudwarden.core.message import Message
from cloudwarden.core.notice import Notice
from cloudwarden.core.pause import Pause
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Cause


class Clock(Protocol):
    """The only one who asks the system for the time."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The resources of one kind in one scope.

    `problem` is set when some may be missing: then absence proves nothing.
    """

    resources: tuple[Resource, ...]
    problem: Cause | None = None

    @property
    def complete(self) -> bool:
        """Whether a resource that is not here does not exist."""
        return self.problem is None


class Inventory(Protocol):
    """Reads what is in a scope. It never raises for what the cloud answers: a problem is part of the listing."""

    def list(self, kind: type[Resource], scope: Scope) -> Listing:
        """All resources of a kind in a scope."""
        ...

    def get(self, kind: type[Resource], scope: Scope, resource_id: str) -> Listing:
        """One resource, read now; complete and empty when it does not exist."""
        ...


class EvidenceSource(Protocol):
    """Answers queries about one scope, as few calls as possible."""

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> Answers:
        """An answer for every query: what its type promises, or `Unreadable` with the cause. Raises no CloudError."""
        ...


class Actuator(Protocol):
    """The only one who calls a mutating API, and who reads to prove what such a call did."""

    def call(self, scope: Scope, call: Call, *, dry_run: bool = False) -> Mapping[str, str]:
        """Make the call and return what it `keeps`. Raises CloudError.

        With `dry_run`, ask only whether it would be permitted: returns empty, raises AccessDenied when not.
        """
        ...

    def read(self, scope: Scope, read: Read) -> Json:
        """What the reading shows at its path; None when the thing does not exist. Raises CloudError."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """One line of the journal. `hash` covers `previous` and every other field, so that none can be altered unseen."""

    seq: int
    at: datetime
    event: str
    run_id: str
    action_id: str
    details: Mapping[str, Json]
    previous: str
    hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRun:
    """The latest finished sweep of a policy, for the limit: what it judged, and when it began.

    `population` is of scopes that were listed completely and may be acted in; None when there is no such scope.
    `cautious` is why the policy only proposed in it, in words.
    """

    policy: str
    run_id: str
    started_at: datetime
    population: int | None
    cautious: str | None = None


@dataclass(frozen=True, slots=True)
class ExemptionsFile:
    """A file of exemptions as it was taken over: its path, the hash of its text, and when."""

    path: str
    sha256: str
    taken_at: datetime


class Findings(Protocol):
    """Findings in the store."""

    def get(self, finding_id: str) -> Finding | None: ...

    def standing(self, policy: str | None = None) -> Sequence[Finding]:
        """Every finding that is not closed, exempted ones included, oldest first."""
        ...

    def in_states(self, *states: State) -> Sequence[Finding]:
        """Findings that are in one of these states, oldest first."""
        ...

    def recently_closed(self, policy: str | None, since: datetime) -> Sequence[Finding]:
        """Findings of a policy (None: of any) closed at or after `since`."""
        ...

    def save(self, findings: Iterable[Finding]) -> None: ...


class Proposals(Protocol):
    """Proposals in the store."""

    def get(self, proposal_id: str) -> Proposal | None: ...

    def undecided(self) -> Sequence[Proposal]:
        """Pending and approved proposals, oldest first."""
        ...

    def save(self, proposals: Iterable[Proposal]) -> None: ...


class ActionRecords(Protocol):
    """Actions in the store."""

    def get(self, action_id: str) -> ActionRecord | None: ...

    def unfinished(self) -> Sequence[ActionRecord]:
        """Every action that has not ended, oldest first."""
        ...

    def count_since(self, since: datetime, *, policy: str | None = None, account: str | None = None) -> int:
        """Actions that started at or after `since`, undoing ones aside: of one policy, in one account, or all."""
        ...

    def undoing(self, action_id: str) -> ActionRecord | None:
        """The latest action that undoes this one."""
        ...

    def latest(self, most: int, policy: str | None = None) -> Sequence[ActionRecord]:
        """The latest actions, of a policy or of all, newest first."""
        ...

    def latest_endings(self, policy: str, most: int) -> Sequence[ActionState]:
        """How the latest actions of a policy ended, undoing ones aside, newest first."""
        ...

    def save(self, record: ActionRecord) -> None: ...


class Journal(Protocol):
    """The append-only record of intents, outcomes and decisions."""

    def append(
        self, *, at: datetime, event: str, details: Mapping[str, Json], run_id: str = "", action_id: str = ""
    ) -> JournalEntry:
        """Chain one entry; it is durable when the transaction commits."""
        ...

    def entries(self, *, after: int = 0, action_id: str | None = None, most: int = 1000) -> Sequence[JournalEntry]:
        """Entries with `seq` above `after`, oldest first."""
        ...

    def last(self) -> int:
        """The highest number that an entry was ever given; 0 before the first."""
        ...


class Decisions(Protocol):
    """What operators decided that outlives a finding: exemptions, pauses, trust."""

    def exemptions(self) -> Sequence[Exemption]:
        """All that were ever made, expired and revoked ones included, of every source."""
        ...

    def save_exemption(self, exemption: Exemption) -> None: ...

    def mark_used(self, exemption_ids: Iterable[str], at: datetime) -> None:
        """Remember that these took a resource out of a policy."""
        ...

    def exemptions_file(self) -> ExemptionsFile | None:
        """The file of exemptions that was last taken over; None when none ever was."""
        ...

    def save_exemptions_file(self, file: ExemptionsFile | None) -> None:
        """Remember the file that was taken over; None when none is kept any more."""
        ...

    def pauses(self) -> Sequence[Pause]:
        """What is paused now, the widest first."""
        ...

    def save_pause(self, pause: Pause) -> None:
        """Pause; one that holds the same is replaced."""
        ...

    def end_pause(self, policy: str, account: str) -> None:
        """Resume what such a pause held, if there is one."""
        ...

    def trusted(self, policy: str, fingerprint: str) -> frozenset[Scope]:
        """The scopes in which an operator let this version of a policy act by itself."""
        ...

    def trust(self, policy: str, fingerprint: str, scopes: Iterable[Scope], at: datetime) -> None: ...

    def distrust(self) -> None:
        """Let no policy act by itself any more, whichever was trusted."""
        ...


class Runs(Protocol):
    """The latest sweep of each policy."""

    def get(self, policy: str) -> PolicyRun | None: ...

    def save(self, run: PolicyRun, scopes: Iterable[Scope]) -> None:
        """Remember a sweep and the scopes it covered."""
        ...

    def scopes(self, policy: str) -> frozenset[Scope]:
        """The scopes that the latest sweep of the policy covered."""
        ...

    def matches(self, policy: str) -> Sequence[int]:
        """How many violations each of the policy's latest usual sweeps found, newest first; bounded."""
        ...

    def add_matches(self, policy: str, at: datetime, count: int) -> None:
        """Remember the violations of one usual sweep."""
        ...

    def forget_matches(self, policy: str) -> None:
        """Begin the history anew."""
        ...


class Scopes(Protocol):
    """Scopes that were ever found."""

    def known(self) -> Mapping[Scope, KnownScope]:
        """All of them, those that left included."""
        ...

    def save(self, scopes: Iterable[KnownScope]) -> None: ...


class Spending(Protocol):
    """What was asked of what costs money."""

    def metrics(self, day: date) -> int:
        """CloudWatch metrics asked for on a day, in UTC."""
        ...

    def save(self, day: date, metrics: int) -> None:
        """Remember a day's number; the numbers of earlier days go."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Shipment:
    """How far the journal was shipped to a target: up to entry `seq`, which has this hash.

    `branch` names the history that the store goes on with; a restoration begins another one, and the ones that were
    `left` behind may have entries in the copy that the store does not know.
    """

    target: str
    branch: str
    left: tuple[str, ...] = ()
    seq: int = 0
    hash: str = ""
    shipped_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Restoration:
    """The store was put back to what it was when its journal ended with entry `seq`: by whom, when, why, from what."""

    at: datetime
    by: str
    origin: str
    reason: str
    file: str
    sha256: str
    seq: int


class Keeping(Protocol):
    """How the record itself is kept."""

    def shipments(self) -> Sequence[Shipment]:
        """How far the journal was shipped, for every target that there ever was."""
        ...

    def save_shipment(self, shipment: Shipment) -> None: ...

    def restored(self) -> Restoration | None:
        """The latest restoration; None when there never was one."""
        ...

    def save_restoration(self, restoration: Restoration) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Entries on their way to a copy, as JSON lines; the last of them has this number and hash."""

    first_seq: int
    last_seq: int
    last_hash: str
    branch: str
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A copy holds an entry with this number, of this branch, whose hash begins so."""

    branch: str
    seq: int
    hash: str


class JournalCopy(Protocol):
    """A copy of the journal off this machine. What fails raises ShippingError, or CloudError."""

    def refuse_unfit(self) -> None:
        """Raise ShippingError, with what to do, when the place would not keep what is put there."""
        ...

    def ahead(self, after: int) -> Sequence[Mark]:
        """What the copy holds above entry `after`, as marks; the newest at least."""
        ...

    def put(self, batch: Batch) -> None:
        """Keep a batch, durably; the same one again changes nothing of what is kept."""
        ...

    def lines(self, after: int = 0) -> Iterable[tuple[str, str]]:
        """Every line with the place where it stands, in the order of their numbers; at least those above `after`."""
        ...


class Notices(Protocol):
    """The outbox: what owners are to be told, and what they were told."""

    def about(self, finding_ids: Collection[str]) -> Sequence[Notice]:
        """Every notice of these findings, oldest first."""
        ...

    def pending(self) -> Sequence[Notice]:
        """Every notice that is not delivered, given up or withdrawn, those that were tried longest ago first."""
        ...

    def latest(self, most: int) -> Sequence[Notice]:
        """The latest notices, newest first."""
        ...

    def save(self, notices: Iterable[Notice]) -> None: ...


class Transaction(Protocol):
    """Everything in the store, seen and changed together."""

    @property
    def findings(self) -> Findings: ...
    @property
    def proposals(self) -> Proposals: ...
    @property
    def actions(self) -> ActionRecords: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def decisions(self) -> Decisions: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def scopes(self) -> Scopes: ...
    @property
    def spending(self) -> Spending: ...
    @property
    def keeping(self) -> Keeping: ...
    @property
    def notices(self) -> Notices: ...


class Store(Protocol):
    """The database. A transaction commits when its block ends, and keeps nothing when the block raises."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a write transaction. Raises StoreBusy, StoreUnwritable or StoreUnusable."""
        ...

    def reading(self) -> AbstractContextManager[Transaction]:
        """One unchanging view of everything, which lets writers go on; writing in it is refused."""
        ...


class Notifier(Protocol):
    """Sends messages by channels."""

    def send(self, channel: str, message: Message, address: str | None = None) -> None:
        """Have the channel accept the message. Raises NotDelivered, which never says a channel's address.

        `address` is the recipient's, for channels that carry mail; others send to whom their own settings name.
        """
        ...


class Channels(Notifier, Protocol):
    """A notifier that knows which of its channels cannot work."""

    def problem(self, channel: str) -> str | None:
        """Why a channel cannot be used, as far as that is known without sending anything; None when it can."""
        ...


class Contacts(Protocol):
    """Knows whom to tell of an account."""

    def contact(self, account: str) -> str | None:
        """Whom the account names for operations; None when it names nobody. Raises CloudError."""
        ...


class Cutoff(Protocol):
    """Ends a rule that does not end by itself."""

    def watching(self) -> AbstractContextManager[None]:
        """While entered, rules may be timed."""
        ...

    def begin(self) -> None:
        """One evaluation begins: from now on it has its time. When that is over, RuleCutOff is raised in it."""
        ...

    def end(self) -> None:
        """The evaluation ended."""
        ...


class RuleCutOff(BaseException):
    """Raised inside a rule that ran too long; no `Exception`, so that a rule does not catch it by habit."""


class Reporter(Protocol):
    """Hears what happened: logs, metrics, and a terminal view are reporters."""

    def report(self, event: object) -> None: ...


class Stopping(Protocol):
    """Whether the daemon has been asked to leave."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait so many seconds for it; whether it came."""
        ...
