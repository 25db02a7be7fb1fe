"""What the engine and its adapters report: frozen values named in the past tense, the log's and metrics' source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cloudwarden.core.acceptance import DiscoveryProblem
from cloudwarden.core.finding import ActionRecord, Finding, Proposal
from cloudwarden.core.pause import Pause
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepStarted:
    """A sweep began."""

    run_id: str
    policies: tuple[str, ...]
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseFinished:
    """One phase of a sweep ended: gather, judge, settle or act."""

    run_id: str
    phase: str
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopesFound:
    """Regions of an account were found that were not there before. Unless accepted, they are only observed."""

    account: str
    name: str
    regions: tuple[str, ...]
    accepted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopesLeft:
    """A complete discovery no longer found regions of an account: it closed or left, or they were disabled.

    With the last of its regions goes what is global of it: then `regions` names that, too.
    """

    account: str
    name: str
    regions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopesUntold:
    """Which scopes there are could not be told since the process began, so that nothing is done in any."""

    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopesDiscovered:
    """The scopes were told: in how many policies may act, and how many wait. With problems, old answers stand."""

    accepted: int
    waiting: int
    problems: tuple[DiscoveryProblem, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One kind in one scope was listed, completely or not."""

    run_id: str
    kind: str
    scope: Scope
    resources: int
    problem: Cause | None
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricsRequested:
    """Metric series were asked of CloudWatch in one round: `requested` by the policy that pays, after sharing.

    `shared` is how many more were wanted and were the same series.
    """

    run_id: str
    scope: Scope
    requested: Mapping[str, int]
    shared: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LeasesUsed:
    """Verdicts that still held were given again, without asking for the `series` that they had taken."""

    run_id: str
    verdicts: int
    series: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricsBudgeted:
    """Metric series were taken from the day's budget: `granted` and `refused` in this round, `spent` so far."""

    run_id: str
    granted: int
    spent: int
    budget: int
    refused: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyJudged:
    """One policy was judged on all resources of one scope.

    `verdicts` counts by outcome; `unknown` by reason. `population` is None when the listing was incomplete.
    """

    run_id: str
    policy: str
    scope: Scope
    verdicts: Mapping[str, int]
    unknown: Mapping[str, int] = field(default_factory=dict)
    population: int | None
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgementLost:
    """Nobody can tell what one policy says of one scope, for a reason that no listing told: a worker ended, say.

    Reported instead of PolicyJudged; `kind` is what the policy judges.
    """

    run_id: str
    policy: str
    kind: str
    scope: Scope
    problem: Cause


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleFailed:
    """A rule raised, returned nonsense, or was cut off, on one resource."""

    run_id: str
    policy: str
    resource: str
    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingChanged:
    """A finding came to be, or went from one state to another. `was` is None when it is new."""

    run_id: str
    finding: Finding
    was: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingsOrphaned:
    """Findings were closed because nobody watches them any more. `reason` is policy-removed or scope-left."""

    policy: str
    scope: Scope
    reason: str
    findings: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProposalMade:
    """A due action waits for a person."""

    run_id: str
    proposal: Proposal


@dataclass(frozen=True, kw_only=True, slots=True)
class ProposalEnded:
    """A proposal expired, was withdrawn, or was carried out."""

    run_id: str
    proposal: Proposal


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
class PolicyCautious:
    """A sweep was unlike the ones before it, so a policy that may act by itself only proposes."""

    run_id: str
    policy: str
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


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepFinished:
    """A sweep ended. `complete` says that every listing was."""

    run_id: str
    policies: tuple[str, ...]
    seconds: float
    complete: bool
    findings: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepFailed:
    """A sweep could not be settled; nothing of it was kept."""

    run_id: str
    policies: tuple[str, ...]
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunMissed:
    """A policy was due again while its earlier run still waited or ran, or its time passed unseen."""

    policy: str
    missed: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerLost:
    """A process that gathered and judged ended, or hung; its `scopes` were not looked at in this sweep."""

    pid: int
    scopes: int
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockJumped:
    """The system clock moved against the monotonic one; schedules were put right."""

    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PoliciesLoaded:
    """Policy files were read. `problems` are the ones refused; their last good version, if any, goes on.

    `kinds` are what the running policies list; of any other, what was heard is over.
    """

    policies: tuple[tuple[str, str], ...]
    """Name of each policy now running, and how far it may go: its mode, or the ceiling where that is lower."""
    problems: tuple[str, ...]
    kinds: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class CloudCalled:
    """One request to the cloud's API ended. `outcome` is `ok` or the error's reason."""

    service: str
    operation: str
    outcome: str
    seconds: float
    scope: Scope


@dataclass(frozen=True, kw_only=True, slots=True)
class CloudWaited:
    """A request stood still before it was sent: for its turn, or between two attempts."""

    service: str
    scope: Scope
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitLowered:
    """The cloud throttled us, so that we ask more slowly in this scope from now on.

    `limit` names the class of calls; `burst` is how many may go at once after a rest.
    """

    service: str
    scope: Scope
    limit: str
    calls_per_second: float
    burst: float


@dataclass(frozen=True, kw_only=True, slots=True)
class DaemonStarted:
    """The daemon is ready."""

    version: str
    address: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DaemonStopped:
    """The daemon left in order."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OldRemoved:
    """What had ended long ago left the store; `entries` of the journal were exported first.

    `trust` counts scopes in which a version that was replaced was trusted, `policies` those that were removed.
    """

    actions: int = 0
    proposals: int = 0
    findings: int = 0
    exemptions: int = 0
    scopes: int = 0
    notices: int = 0
    trust: int = 0
    policies: int = 0
    entries: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RetentionFailed:
    """What is old could not be removed, or not exported; it stays, and this is tried again."""

    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalShipped:
    """Entries of the journal are in its copy; `unshipped` more are committed and not there yet."""

    target: str
    entries: int
    unshipped: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ShippingFailed:
    """Entries of the journal could not be brought to its copy; this is tried again, and nothing is held for it."""

    target: str
    detail: str
    unshipped: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackFound:
    """The journal's copy knows entries that the store does not, so that everything is paused."""

    target: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ExemptionsRead:
    """The file of exemptions was read. With problems, what was taken over before goes on."""

    file: str
    exemptions: int
    changed: int
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingsEdited:
    """The file of settings says something else than what is in force, which is as it was read at the start.

    With neither `differing` settings nor a problem that keeps it from being read, it is again as it was.
    """

    file: str
    differing: tuple[str, ...]
    problem: str = ""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseBegan:
    """Actions are paused: since now, or since before this process began."""

    pause: Pause


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseEnded:
    """A pause was ended."""

    pause: Pause


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreCounted:
    """What the store holds, counted after a sweep or a decision; gauges are set from it."""

    findings: Mapping[tuple[str, str, str], int]
    """(policy, severity, account) to standing findings."""
    proposals: Mapping[str, int]
    """policy to pending proposals."""
    oldest_proposal: Mapping[str, float]
    """policy to the Unix time at which its oldest pending proposal was made."""
    exemptions: Mapping[tuple[str, str], int]
    """(policy, state) to exemptions; the policy may be `*`."""
    paused: frozenset[tuple[str, str]]
    """(policy, account) of each pause; `*` is all of them."""
    savings: Mapping[str, float] = field(default_factory=dict)
    """policy to the US dollars a month that its standing findings' actions would save, as far as prices are known."""
    savings_unknown: Mapping[str, int] = field(default_factory=dict)
    """policy to the standing findings whose saving is unknown."""
    notices: Mapping[str, int] = field(default_factory=dict)
    """policy to notices that are due and not delivered"""
    oldest_notice: Mapping[str, float] = field(default_factory=dict)
    """policy to the Unix time since which its oldest undelivered notice is due"""
    metrics_spent: int = 0
    """CloudWatch metrics taken from the budget of this UTC day."""
    rolled_back: bool = False
    """Whether the store was found to be put back, and nobody has resumed since."""
