"""Builders of what the store keeps, and a store of each sort."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import blank_stores
from cloudwarden.core.action import Call, Plan, Proof, Read, Shows
from cloudwarden.core.exemption import Exemption
from cloudwarden.core.finding import ActionRecord, ActionState, Finding, Proposal, ProposalState, State
from cloudwarden.core.notice import Notice, NoticeKind
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Severity, Violation
from cloudwarden.store import SqlStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCOPE = Scope(account="111122223333", region="eu-west-1")


@pytest.fixture
def noon() -> datetime:
    """An instant."""
    return NOON


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database file that does not exist yet."""
    return f"sqlite:///{tmp_path}/cloudwarden.db"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file that `url` names."""
    return tmp_path / "cloudwarden.db"


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, path: Path) -> Iterator[SqlStore]:
    """An empty store, in memory and in a file: whatever holds for one must hold for the other."""
    made = blank_stores.in_memory if request.param == "memory" else partial(blank_stores.in_file, path)
    opened = made(busy_timeout_seconds=0.1)
    yield opened
    opened.close()


@pytest.fixture
def file_store(path: Path) -> Iterator[SqlStore]:
    """An empty store in a file."""
    opened = blank_stores.in_file(path, busy_timeout_seconds=0.1)
    yield opened
    opened.close()


@pytest.fixture
def plan() -> Plan:
    """A plan of one call."""
    read = Read(service="ec2", operation="describe_instances", arguments={"InstanceIds": ["i-1"]}, path="State")
    proof = Proof(read=read, shows=Shows.VALUE, values=("stopped",))
    stop = Call(service="ec2", operation="stop_instances", arguments={"InstanceIds": ["i-1"]}, proof=proof)
    return Plan(action="stop", summary="stop i-1", steps=(stop,))


@pytest.fixture
def finding() -> Callable[..., Finding]:
    """Builds a finding: `finding("f1", state=State.DUE)`."""

    def build(finding_id: str = "f1", **changes: Any) -> Finding:
        fields: dict[str, Any] = {
            "policy": "stop-idle",
            "kind": "ec2.instance",
            "scope": SCOPE,
            "resource_id": f"i-{finding_id}",
            "arn": f"arn:aws:ec2:eu-west-1:111122223333:instance/i-{finding_id}",
            "name": None,
            "severity": Severity.MEDIUM,
            "state": State.OPEN,
            "violation": Violation(summary="idle"),
            "readings": (),
            "first_seen": NOON,
            "last_seen": NOON,
            "state_since": NOON,
        }
        return Finding(id=finding_id, **fields | changes)

    return build


@pytest.fixture
def proposal(plan: Plan) -> Callable[..., Proposal]:
    """Builds a proposal for finding f1: `proposal("p1", state=ProposalState.APPROVED)`."""

    def build(proposal_id: str = "p1", **changes: Any) -> Proposal:
        fields: dict[str, Any] = {
            "finding_id": "f1",
            "policy": "stop-idle",
            "scope": SCOPE,
            "resource_id": "i-f1",
            "plan": plan,
            "state": ProposalState.PENDING,
            "created_at": NOON,
            "expires_at": NOON.replace(day=8),
        }
        return Proposal(id=proposal_id, **fields | changes)

    return build


@pytest.fixture
def action(plan: Plan) -> Callable[..., ActionRecord]:
    """Builds an action on finding f1: `action("a1", state=ActionState.FAILED)`."""

    def build(action_id: str = "a1", **changes: Any) -> ActionRecord:
        fields: dict[str, Any] = {
            "finding_id": "f1",
            "proposal_id": None,
            "policy": "stop-idle",
            "scope": SCOPE,
            "resource_id": "i-f1",
            "plan": plan,
            "run_id": "r1",
            "state": ActionState.INTENDED,
            "started_at": NOON,
            "changed_at": NOON,
        }
        return ActionRecord(id=action_id, **fields | changes)

    return build


@pytest.fixture
def notice() -> Callable[..., Notice]:
    """Builds a pending notice of finding f1: `notice("n1", state=NoticeState.DELIVERED)`."""

    def build(notice_id: str = "n1", **changes: Any) -> Notice:
        fields: dict[str, Any] = {
            "kind": NoticeKind.FIRST,
            "finding_id": "f1",
            "policy": "stop-idle",
            "scope": SCOPE,
            "resource_id": "i-f1",
            "name": None,
            "summary": "idle",
            "leads": (),
            "created_at": NOON,
            "due_at": NOON,
            "next_attempt_at": NOON,
        }
        return Notice(id=notice_id, **fields | changes)

    return build


@pytest.fixture
def exemption() -> Callable[..., Exemption]:
    """Builds an exemption made at noon for a month: `exemption("e1", revoked_at=...)`."""

    def build(exemption_id: str = "e1", **changes: Any) -> Exemption:
        fields: dict[str, Any] = {
            "policy": "stop-idle",
            "resource": "i-*",
            "owner": "ada",
            "reason": "load test",
            "created_at": NOON,
            "expires_at": NOON.replace(month=4),
        }
        return Exemption(id=exemption_id, **fields | changes)

    return build
