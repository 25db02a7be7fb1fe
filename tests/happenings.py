"""Builders of what the engine reports, and a day on which all of it happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cloudwarden.core.acceptance import DiscoveryProblem
from cloudwarden.core.action import Call, Plan, Proof, Read, Shows
from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Proposal, ProposalState, State
from cloudwarden.core.pause import Pause
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause, Severity, Violation
from cloudwarden.engine import events

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCOPE = Scope(account="111122223333", region="eu-west-1")
STOP = Call(
    service="ec2",
    operation="stop_instances",
    arguments={"InstanceIds": ["i-1"]},
    proof=Proof(
        read=Read(service="ec2", operation="describe_instances", arguments={"InstanceIds": ["i-1"]}, path="State"),
        shows=Shows.VALUE,
        values=("stopped",),
    ),
)
PROBLEM = Cause(reason="throttled", detail="page 2 was not answered")
PLAN = Plan(action="stop", summary="stop i-1", steps=(STOP,))


def finding(**changes: Any) -> Finding:
    """An open finding of stop-idle on i-1."""
    fields: dict[str, Any] = {
        "id": "f-1",
        "policy": "stop-idle",
        "kind": "ec2.instance",
        "scope": SCOPE,
        "resource_id": "i-1",
        "arn": "arn:aws:ec2:eu-west-1:111122223333:instance/i-1",
        "name": "web",
        "severity": Severity.MEDIUM,
        "state": State.OPEN,
        "violation": Violation(summary="idle for 6 hours"),
        "readings": (),
        "first_seen": NOON,
        "last_seen": NOON,
        "state_since": NOON,
    }
    return Finding(**fields | changes)


def proposal(**changes: Any) -> Proposal:
    """A pending proposal to stop i-1."""
    fields: dict[str, Any] = {
        "id": "p-1",
        "finding_id": "f-1",
        "policy": "stop-idle",
        "scope": SCOPE,
        "resource_id": "i-1",
        "plan": PLAN,
        "state": ProposalState.PENDING,
        "created_at": NOON,
        "expires_at": NOON + timedelta(days=7),
    }
    return Proposal(**fields | changes)


def record(**changes: Any) -> ActionRecord:
    """The action that stops i-1."""
    fields: dict[str, Any] = {
        "id": "a-1",
        "finding_id": "f-1",
        "proposal_id": "p-1",
        "policy": "stop-idle",
        "scope": SCOPE,
        "resource_id": "i-1",
        "plan": PLAN,
        "run_id": "r-1",
        "state": ActionState.INTENDED,
        "started_at": NOON,
        "changed_at": NOON,
    }
    return ActionRecord(**fields | changes)


def loaded(
    *names: str, problems: tuple[str, ...] = (), kinds: tuple[str, ...] = ("ec2.instance",)
) -> events.PoliciesLoaded:
    """These policies were loaded, proposing ones, of instances alone."""
    return events.PoliciesLoaded(
        policies=tuple((name, "propose") for name in names), problems=problems, kinds=frozenset(kinds)
    )


def judged(**changes: Any) -> events.PolicyJudged:
    """stop-idle was judged on three instances: one verdict of each outcome."""
    fields: dict[str, Any] = {
        "run_id": "r-1",
        "policy": "stop-idle",
        "kind": "ec2.instance",
        "scope": SCOPE,
        "verdicts": {"compliant": 1, "violation": 1, "unknown": 1},
        "unknown": {"not-enough-data": 1},
        "population": 3,
        "seconds": 0.02,
    }
    return events.PolicyJudged(**fields | changes)


def lost(**changes: Any) -> events.JudgementLost:
    """What stop-idle would have said was lost with a worker."""
    fields: dict[str, Any] = {
        "run_id": "r-1",
        "policy": "stop-idle",
        "kind": "ec2.instance",
        "scope": SCOPE,
        "problem": Cause(reason="worker-lost", detail="worker 4711 ended with -9"),
    }
    return events.JudgementLost(**fields | changes)


def listed(**changes: Any) -> events.Listed:
    """Three instances were listed, completely."""
    fields: dict[str, Any] = {
        "run_id": "r-1",
        "kind": "ec2.instance",
        "scope": SCOPE,
        "resources": 3,
        "problem": None,
        "seconds": 0.3,
    }
    return events.Listed(**fields | changes)


def sweep_finished(**changes: Any) -> events.SweepFinished:
    """The sweep r-1 of stop-idle ended well."""
    fields: dict[str, Any] = {
        "run_id": "r-1",
        "policies": ("stop-idle",),
        "seconds": 1.5,
        "complete": True,
        "findings": 1,
    }
    return events.SweepFinished(**fields | changes)


def called(**changes: Any) -> events.CloudCalled:
    """DescribeInstances was answered."""
    fields: dict[str, Any] = {
        "service": "ec2",
        "operation": "DescribeInstances",
        "outcome": "ok",
        "seconds": 0.12,
        "scope": SCOPE,
    }
    return events.CloudCalled(**fields | changes)


def waited(**changes: Any) -> events.CloudWaited:
    """A call to EC2 waited for its turn."""
    fields: dict[str, Any] = {"service": "ec2", "scope": SCOPE, "seconds": 0.5}
    return events.CloudWaited(**fields | changes)


def lowered(**changes: Any) -> events.LimitLowered:
    """EC2 throttled us."""
    fields: dict[str, Any] = {
        "service": "ec2",
        "scope": SCOPE,
        "limit": "non-mutating",
        "calls_per_second": 10.0,
        "burst": 80.0,
    }
    return events.LimitLowered(**fields | changes)


def discovered(*problems: DiscoveryProblem, **changes: Any) -> events.ScopesDiscovered:
    """Three scopes, one of which waits to be accepted."""
    fields: dict[str, Any] = {"accepted": 2, "waiting": 1, "problems": problems}
    return events.ScopesDiscovered(**fields | changes)


def counted(**changes: Any) -> events.StoreCounted:
    """The store holds two findings and one proposal."""
    fields: dict[str, Any] = {
        "findings": {("stop-idle", "medium", SCOPE.account): 2},
        "proposals": {"stop-idle": 1},
        "oldest_proposal": {"stop-idle": NOON.timestamp()},
        "exemptions": {("*", "active"): 1, ("*", "expired"): 0, ("*", "revoked"): 0},
        "paused": frozenset[tuple[str, str]](),
        "savings": {"stop-idle": 61.25},
        "savings_unknown": {"stop-idle": 1},
        "notices": {"stop-idle": 1},
        "oldest_notice": {"stop-idle": NOON.timestamp()},
    }
    return events.StoreCounted(**fields | changes)


def sweep() -> Iterator[object]:
    """All that a sweep reports, good and bad."""
    yield events.SweepStarted(run_id="r-1", policies=("stop-idle",), scopes=(SCOPE,))
    yield called()
    yield called(outcome="throttled")
    yield lowered()
    yield waited()
    yield listed()
    yield listed(kind="ec2.volume", problem=Cause(reason="throttled", detail="page 2 was not answered"))
    yield events.MetricsRequested(run_id="", scope=SCOPE, requested={"stop-idle": 4}, shared=4)
    yield events.LeasesUsed(run_id="", verdicts=9, series=9)
    yield events.MetricsBudgeted(run_id="", granted=4, spent=4, budget=1000, refused=0)
    yield judged()
    yield lost()
    yield events.RuleFailed(run_id="r-1", policy="stop-idle", resource="i-2", reason="rule-raised", detail="KeyError")
    for phase in ("gather", "judge", "settle", "act"):
        yield events.PhaseFinished(run_id="r-1", phase=phase, seconds=0.4)
    yield events.FindingChanged(run_id="r-1", finding=finding(), was=None)
    yield events.FindingsOrphaned(policy="stop-old", scope=SCOPE, reason="policy-removed", findings=2)
    yield events.ProposalMade(run_id="r-1", proposal=proposal())
    yield events.ProposalEnded(run_id="r-1", proposal=proposal(state=ProposalState.EXPIRED))
    yield events.ActionHeld(run_id="r-1", policy="stop-idle", resource="i-1", guard="grace", detail="1 hour left")
    yield events.LimitTripped(run_id="r-1", policy="stop-idle", batch=9, detail="9 actions due, 5 allowed")
    yield events.PolicyCautious(run_id="r-1", policy="stop-idle", detail="40 violations, and at most 3 before")
    yield events.PolicyStopped(run_id="r-1", policy="stop-idle", detail="its latest 3 actions failed")
    yield events.ActionIntended(run_id="r-1", record=record())
    yield events.ActionStepped(run_id="r-1", record=record(state=ActionState.WAITING))
    yield events.ActionEnded(run_id="r-1", record=record(state=ActionState.SUCCEEDED), outcome="succeeded")
    yield events.ActionEnded(run_id="r-1", record=record(error="access-denied"), outcome="failed")
    yield sweep_finished()


def exemptions() -> Iterator[object]:
    """A file of exemptions is refused, one ends soon, another did, and somebody pauses an account for lunch."""
    yield events.SettingsEdited(file="cloudwarden.toml", differing=("freeze",))
    yield events.ExemptionsRead(file="exemptions.toml", exemptions=1, changed=0, problems=("exemptions.toml: no",))
    fields: dict[str, Any] = {
        "exemption": "x-1",
        "policy": "stop-idle",
        "selects": "i-1",
        "owner": "ada",
        "expires_at": NOON,
        "source": "store",
    }
    yield events.ExemptionEnding(**fields)
    yield events.ExemptionExpired(**fields)
    lunch = Pause(account=SCOPE.account, by="ada", at=NOON, reason="lunch", origin="cli ada@box")
    yield events.PauseBegan(pause=lunch)
    yield events.PauseEnded(pause=lunch)


def notices() -> Iterator[object]:
    """A message is accepted, one is not, one is given up, and the courier stumbles."""
    yield events.NoticesDelivered(channel="ops", owner="team-x", notices=2, findings=("f-1", "f-2"))
    yield events.NoticesFailed(channel="", owner="", notices=1, attempts=3, detail="no owner is known")
    fields: dict[str, Any] = {"channel": "ops", "notice": "n-1", "kind": "news", "finding_id": "f-1"}
    yield events.NoticeGivenUp(**fields, policy="stop-idle", detail="channel ops: its service answered 503")
    yield events.CourierFailed(detail="KeyError")


def busy_day() -> Iterator[object]:
    """Every event that there is, at least once."""
    yield events.DaemonStarted(version="1.2.3", address="http://127.0.0.1:9464")
    yield loaded("stop-idle")
    yield events.ScopesFound(account=SCOPE.account, name="shop", regions=(SCOPE.region,), accepted=False)
    yield events.ScopesUntold(detail="no credentials")
    yield events.ScopesLeft(account=SCOPE.account, name="shop", regions=(SCOPE.region,))
    yield discovered(DiscoveryProblem(source="organization", cause=Cause(reason="throttled", detail="no answer")))
    yield from sweep()
    yield judged(unknown={"timeout": 1}, unread=1, cause=Cause(reason="timeout", detail="GetMetricData: no answer"))
    yield counted()
    yield from exemptions()
    yield from notices()
    yield events.SweepFailed(run_id="r-2", policies=("stop-idle",), detail="the database is locked")
    yield events.JournalFailed(run_id="r-2", detail="the disk is full")
    yield events.OldRemoved(actions=1, proposals=2, findings=3, entries=1000, notices=4, trust=5, policies=6)
    yield events.RetentionFailed(detail="the disk is full")
    yield events.JournalShipped(target="s3://audit/journal", entries=3, unshipped=0)
    yield events.ShippingFailed(target="s3://audit/journal", detail="no answer", unshipped=4)
    yield events.RollbackFound(target="s3://audit/journal", detail="the copy knows entries up to 9")
    yield events.RunMissed(policy="stop-idle")
    yield events.ClockJumped(seconds=3600.0)
    yield events.WorkerLost(pid=4711, scopes=17, detail="worker 4711 ended with -9")
    yield events.DaemonStopped(reason="asked to stop")
