"""An installation in a directory, its store, and a way to speak to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import blank_stores
from cloudwarden.cli import app
from cloudwarden.core.action import Call, Plan, Proof, Read, Shows
from cloudwarden.core.finding import Finding, Proposal, ProposalState, State
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Reading, Severity, Violation
from cloudwarden.store import SqlStore

Invoke = Callable[..., Result]
SCOPE = Scope(account="111122223333", region="eu-west-1")

POLICY = '''
"""A policy for tests."""

from cloudwarden import PROPOSE, Policy, every
from cloudwarden.aws import ec2
from cloudwarden.library.compute import Idle, idle

stop_idle_instances = Policy(
    name="stop-idle-instances", rule=idle, params=Idle(), schedule=every(minutes=15), mode=PROPOSE, action=ec2.Stop()
)
'''


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a settings file and one policy; nothing else of this machine is in force."""
    for name in ("CLOUDWARDEN_CONFIG", "CLOUDWARDEN_DATABASE", "CLOUDWARDEN_POLICIES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "idle.py").write_text(POLICY)
    settings = f'policies = "{tmp_path}/policies"\ndatabase = "sqlite:///{tmp_path}/cloudwarden.db"\n'
    (tmp_path / "cloudwarden.toml").write_text(settings)
    return tmp_path


@pytest.fixture
def store(home: Path) -> Iterator[SqlStore]:
    """The installation's store."""
    opened = blank_stores.in_file(home / "cloudwarden.db")
    yield opened
    opened.close()


@pytest.fixture
def cli(store: SqlStore, cli_without_store: Invoke) -> Invoke:
    """Run a verb against the installation, of which a daemon has begun the record."""
    del store
    return cli_without_store


@pytest.fixture
def cli_without_store(home: Path) -> Invoke:
    """Run a verb against the installation on its first day: there is no database."""

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, ["--config", str(home / "cloudwarden.toml"), *words])

    return invoke


def plan(resource: str) -> Plan:
    """A plan that stops an instance."""
    read = Read(service="ec2", operation="describe_instances", arguments={"InstanceIds": [resource]}, path="x")
    call = Call(
        service="ec2",
        operation="stop_instances",
        arguments={"InstanceIds": [resource]},
        proof=Proof(read=read, shows=Shows.SOMETHING),
    )
    return Plan(action="stop-instance", summary=f"stop instance {resource}", steps=(call,))


@pytest.fixture
def keep(store: SqlStore) -> Callable[..., Finding]:
    """Put a finding into the store, with a pending proposal `p-<resource>` when it is proposed."""

    def kept(
        resource: str = "i-1",
        *,
        policy: str = "stop-idle-instances",
        state: State = State.PROPOSED,
        name: str | None = None,
    ) -> Finding:
        now = datetime.now(UTC)
        finding = Finding(
            id=f"f-{resource}",
            policy=policy,
            kind="ec2.instance",
            scope=SCOPE,
            resource_id=resource,
            arn=f"arn:aws:ec2:eu-west-1:111122223333:instance/{resource}",
            name=name,
            severity=Severity.MEDIUM,
            state=state,
            violation=Violation(summary="idle for six hours"),
            readings=(Reading(question="CPU below 5 %", answer="yes: at most 1 %"),),
            first_seen=now,
            last_seen=now,
            state_since=now,
        )
        proposal = Proposal(
            id=f"p-{resource}",
            finding_id=finding.id,
            policy=policy,
            scope=SCOPE,
            resource_id=resource,
            plan=plan(resource),
            state=ProposalState.PENDING,
            created_at=now,
            expires_at=now + timedelta(days=7),
        )
        with store.transaction() as tx:
            tx.findings.save([finding])
            tx.proposals.save([proposal] if state is State.PROPOSED else [])
        return finding

    return kept
