"""What a policy says of a resource at one instant: compliant, violation, or unknown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from cloudwarden.core.resource import Resource, Tags


class Severity(StrEnum):
    """How much a violation matters to whoever owns the policy."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """Why a resource breaks a policy.

    `summary` is one line for a person. `offending` names the parts of the resource at fault, by the keys that
    its kind gives them (an ingress rule's `key`, say), so that an action can repair those and nothing else.
    """

    summary: str
    offending: tuple[str, ...] = ()


class Reason(StrEnum):
    """The bounded list of why a verdict is unknown that does not come from the cloud."""

    NOT_ENOUGH_DATA = "not-enough-data"
    BUDGET = "budget"
    LISTING_INCOMPLETE = "listing-incomplete"
    RULE_RAISED = "rule-raised"
    RULE_NONSENSE = "rule-nonsense"
    RULE_CUT_OFF = "rule-cut-off"
    RULE_ASKED_TOO_OFTEN = "rule-asked-too-often"
    RULE_TEMPORARY = "rule-says-try-later"
    RULE_PERMANENT = "rule-says-never"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Why something is unknown: a bounded word for metrics, and a sentence for a person."""

    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One question that a rule asked of its evidence, and the answer it got; both for a person."""

    question: str
    answer: str


class Outcome(StrEnum):
    """The three values of a verdict."""

    COMPLIANT = "compliant"
    VIOLATION = "violation"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What one policy says of one resource at one instant.

    `violation` is set when the outcome is a violation, `cause` when it is unknown. `holds_until` is the instant
    before which the verdict cannot change unless the resource's description, the params or the rule do; None
    is "as long as they stay". `exempting_tag` names the tag that takes a violation out of the policy. `tags`
    are a violating resource's, wherever they were read; `untagged` is why they could not be.
    """

    outcome: Outcome
    violation: Violation | None = None
    cause: Cause | None = None
    readings: tuple[Reading, ...] = ()
    holds_until: datetime | None = None
    exempting_tag: str | None = None
    tags: Tags | None = None
    untagged: Cause | None = None

    def tagged(self, resource: Resource) -> Resource:
        """The resource that it is about, with its tags, wherever they were read."""
        return resource if self.tags is None else replace(resource, tags=self.tags)

    @classmethod
    def unknown(cls, reason: str, detail: str, readings: tuple[Reading, ...] = ()) -> Verdict:
        """A verdict that says only why it cannot say more."""
        return cls(outcome=Outcome.UNKNOWN, cause=Cause(reason=reason, detail=detail), readings=readings)
