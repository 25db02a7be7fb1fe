"""Looking for what depends on a resource, whatever its kind, through the engine and a given source of evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import ClassVar, cast

from cloudwarden import every
from cloudwarden.aws.cloudwatch import CloudWatchEvidence
from cloudwarden.aws.details import AwsEvidence, DetailEvidence
from cloudwarden.aws.session import Sessions
from cloudwarden.core.action import Action, Plan
from cloudwarden.core.blast import BlastRadius
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource
from cloudwarden.core.saving import NO_PRICES
from cloudwarden.core.verdict import Violation
from cloudwarden.engine.cutoff import SignalCutoff
from cloudwarden.engine.gather import Case, Gatherer
from cloudwarden.engine.prospects import Prospects
from cloudwarden.memory import MemoryCloud
from cloudwarden.ports import EvidenceSource
from stub_sessions import Heard


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal(Action[Resource]):
    """An action on a resource of any kind, which says nothing of its own about what it disturbs."""

    name: ClassVar[str] = "remove"
    permissions: ClassVar[tuple[str, ...]] = ()

    def plan(self, resource: Resource, violation: Violation) -> Plan:
        """No call at all."""
        del violation
        return Plan(action=self.name, summary=f"remove {resource.id}", steps=())


def aws_evidence(sessions: Sessions) -> AwsEvidence:
    """What answers questions in earnest."""
    return AwsEvidence(metrics=CloudWatchEvidence(sessions), details=DetailEvidence(sessions))


def radii(evidence: EvidenceSource, *resources: Resource, action: Action[Resource] | None = None) -> list[BlastRadius]:
    """What depends on each of the resources."""
    chosen = action or Removal()
    # A policy is bound to one kind, and of this one nothing but its actions is looked at.
    policy = cast("AnyPolicy", SimpleNamespace(actions={chosen.name: chosen}, schedule=every(minutes=15)))
    gatherer = Gatherer(
        inventory=MemoryCloud(), evidence=evidence, cutoff=SignalCutoff(1.0), reporter=Heard(), threads=2
    )
    cases = [Case(policy=policy, resource=resource) for resource in resources]
    found = Prospects(gatherer=gatherer, prices=NO_PRICES).of(cases, datetime.now(UTC))
    return [prospects[chosen.name].radius for prospects in found]


def told(radius: BlastRadius) -> dict[str, str]:
    """Who depends, and why."""
    return {f"{one.kind} {one.id}": one.why for one in radius.dependants}
