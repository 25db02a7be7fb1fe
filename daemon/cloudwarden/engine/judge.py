"""Judge: a policy, a resource, an instant and what was gathered make a verdict, or say what is still needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from cloudwarden.core.detail import asked_by, read_tags
from cloudwarden.core.errors import PermanentError, TemporaryError
from cloudwarden.core.evidence import Answers, Inquiry, Query, Unanswered, Unreadable
from cloudwarden.core.exemption import exempting_tag
from cloudwarden.core.metric import MetricQuery
from cloudwarden.core.plain import exact, said
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource
from cloudwarden.core.verdict import Outcome, Reason, Verdict, Violation
from cloudwarden.ports import Cutoff, RuleCutOff


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """No verdict yet: the rule asked for these."""

    queries: tuple[Query[object], ...]

    @property
    def series(self) -> int:
        """How many metric series are among them."""
        return sum(isinstance(query, MetricQuery) for query in self.queries)


def evaluate(
    policy: AnyPolicy, resource: Resource, *, now: datetime, answers: Answers, cutoff: Cutoff
) -> Verdict | Needs:
    """What the policy says of the resource at `now`, as far as `answers` go. Never raises for what a rule does."""
    inquiry = Inquiry(now=now, answers=answers)
    verdict: Verdict | None = None
    try:
        verdict = _judged(policy, resource, inquiry, cutoff)
    except Unanswered:
        pass
    except RuleCutOff:
        verdict = Verdict.unknown(Reason.RULE_CUT_OFF, f"rule {policy.rule.name!r} did not end in time")
    except TemporaryError as error:
        verdict = Verdict.unknown(Reason.RULE_TEMPORARY, said(error, str))
    except PermanentError as error:
        verdict = Verdict.unknown(Reason.RULE_PERMANENT, said(error, str))
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a rule is someone else's code: whatever it raises is unknown
        verdict = Verdict.unknown(Reason.RULE_RAISED, f"rule {policy.rule.name!r} raised {said(error, repr)}")
    if inquiry.asked:
        return Needs(queries=tuple(inquiry.asked))
    if inquiry.cause is not None or verdict is None:
        return Verdict(outcome=Outcome.UNKNOWN, cause=inquiry.cause, readings=tuple(inquiry.readings))
    return verdict


def _judged(policy: AnyPolicy, resource: Resource, inquiry: Inquiry, cutoff: Cutoff) -> Verdict:
    """The verdict, and for a violation what its tags say: only those matter, and tags may cost a call."""
    seen = asked_by(resource, inquiry)
    verdict = _verdict(policy, _run(policy, seen, inquiry, cutoff), inquiry)
    if verdict.violation is None:
        return verdict
    tags = read_tags(resource, inquiry)
    if isinstance(tags, Unreadable):
        if policy.exempt:
            inquiry.cannot_tell(tags.cause)
        return replace(verdict, untagged=tags.cause, holds_until=inquiry.holds_until)
    tagged = replace(resource, tags=tags)
    exempting = exempting_tag(policy.exempt, tagged)
    # Tags that were asked for may be others at any moment, and the description does not show it.
    return replace(verdict, exempting_tag=exempting, tags=tags, holds_until=inquiry.holds_until)


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
    if isinstance(result, Violation) and (violation := _plain(result)) is not None:
        return Verdict(
            outcome=Outcome.VIOLATION,
            violation=violation,
            readings=readings,
            holds_until=inquiry.holds_until,
        )
    detail = f"rule {policy.rule.name!r} returned {said(result, repr):.80}: return a Violation, of texts alone, or None"
    return Verdict.unknown(Reason.RULE_NONSENSE, detail, readings)


def _plain(given: Violation) -> Violation | None:
    """The same as another process can read it; None when it is not made of texts.

    An author's own class of texts (an enumeration, say) is known in no process but this one.
    """
    offending: object = given.offending
    if not isinstance(offending, tuple | list) or not all(isinstance(one, str) for one in (given.summary, *offending)):
        return None
    return Violation(summary=exact(given.summary), offending=tuple(exact(one) for one in offending))
