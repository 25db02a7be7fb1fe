"""Judge: a policy, a resource, an instant and what was gathered make a verdict, or say what is still needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cloudwarden.core.errors import PermanentError, TemporaryError
from cloudwarden.core.evidence import Answers, Inquiry, Query, Unanswered
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource
from cloudwarden.core.verdict import Outcome, Reason, Verdict, Violation
from cloudwarden.ports import Cutoff, RuleCutOff


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """No verdict yet: the rule asked for these."""

    queries: tuple[Query[object], ...]


def evaluate(
    policy: AnyPolicy, resource: Resource, *, now: datetime, answers: Answers, cutoff: Cutoff
) -> Verdict | Needs:
    """What the policy says of the resource at `now`, as far as `answers` go. Never raises for what a rule does."""
    inquiry = Inquiry(now=now, answers=answers)
    result: object = None
    failure: Verdict | None = None
    try:
        result = _run(policy, resource, inquiry, cutoff)
    except Unanswered:
        pass
    except RuleCutOff:
        failure = Verdict.unknown(Reason.RULE_CUT_OFF, f"rule {policy.rule.name!r} did not end in time")
    except TemporaryError as error:
        failure = Verdict.unknown(Reason.RULE_TEMPORARY, str(error))
    except PermanentError as error:
        failure = Verdict.unknown(Reason.RULE_PERMANENT, str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a rule is someone else's code: whatever it raises is unknown
        failure = Verdict.unknown(Reason.RULE_RAISED, f"rule {policy.rule.name!r} raised {error!r}")
    if inquiry.asked:
        return Needs(queries=tuple(inquiry.asked))
    if inquiry.cause is not None:
        return Verdict(outcome=Outcome.UNKNOWN, cause=inquiry.cause, readings=tuple(inquiry.readings))
    return failure or _verdict(policy, result, inquiry)


def _run(policy: AnyPolicy, resource: Resource, inquiry: Inquiry, cutoff: Cutoff) -> object:
    evidence = [kind(resource, inquiry) for kind in policy.rule.evidence]
    cutoff.begin()
    try:
        return policy.rule.function(resource, policy.params, *evidence)
    finally:
        cutoff.end()


def _verdict(policy: AnyPolicy, result: object, inquiry: Inquiry) -> Verdict:
    readings = tuple(inquiry.readings)
    if result is None:
        return Verdict(outcome=Outcome.COMPLIANT, readings=readings, holds_until=inquiry.holds_until)
    if isinstance(result, Violation):
        return Verdict(outcome=Outcome.VIOLATION, violation=result, readings=readings, holds_until=inquiry.holds_until)
    return Verdict.unknown(
        Reason.RULE_NONSENSE, f"rule {policy.rule.name!r} returned {result!r:.80}: return a Violation or None", readings
    )
