"""Surveys: what gathering and judging tell of a scope, and what they leave out."""

from __future__ import annotations

from cloudwarden import minutes
from cloudwarden.core.errors import Throttled
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause, Outcome, Verdict, Violation
from cloudwarden.engine.events import JudgementLost, PolicyJudged
from cloudwarden.engine.settle import Settler
from cloudwarden.engine.survey import DOUBTS_TOLD, Assignment, blind, judgement
from cloudwarden.engine.sweep import assigned
from cloudwarden.testing import instance
from world import NOON, SCOPE, World, stop_idle

COMPLIANT = Verdict(outcome=Outcome.COMPLIANT)
VIOLATION = Verdict(outcome=Outcome.VIOLATION, violation=Violation(summary="idle"))
UNKNOWN = Verdict.unknown("throttled", "Rate exceeded")
OTHER = Scope(account=SCOPE.account, region="eu-west-1")


def test_compliant_resources_are_counted_and_not_told() -> None:
    """An estate of a million compliant resources costs a number."""
    made = judgement(stop_idle(), SCOPE, None, [(instance(id="i-1"), COMPLIANT)], frozenset())
    assert (made.told, dict(made.verdicts), made.population) == ((), {Outcome.COMPLIANT: 1}, 1)


def test_remembered_resources_are_told_whatever_the_verdict() -> None:
    """A finding must hear that its resource is compliant now, or cannot be judged."""
    verdicts = [(instance(id="i-1"), COMPLIANT), (instance(id="i-2"), UNKNOWN), (instance(id="i-3"), COMPLIANT)]
    made = judgement(stop_idle(), SCOPE, None, verdicts, frozenset({"i-1", "i-2"}))
    assert [resource.id for resource, _ in made.told] == ["i-1", "i-2"]


def test_violations_are_told() -> None:
    """Each of them, with its verdict."""
    made = judgement(stop_idle(), SCOPE, None, [(instance(id="i-1"), VIOLATION)], frozenset())
    assert [(resource.id, verdict) for resource, verdict in made.told] == [("i-1", VIOLATION)]


def test_unknown_verdicts_are_all_counted_and_some_told() -> None:
    """With the rule's own fault among them, however late it comes."""
    fault = Verdict.unknown("rule-raised", "KeyError")
    verdicts = [(instance(id=f"i-{number}"), UNKNOWN) for number in range(DOUBTS_TOLD + 5)]
    made = judgement(stop_idle(), SCOPE, None, [*verdicts, (instance(id="i-bad"), fault)], frozenset())
    assert dict(made.unknown) == {"throttled": DOUBTS_TOLD + 5, "rule-raised": 1}
    assert len(made.doubts) == DOUBTS_TOLD + 1
    assert made.fault is not None
    assert made.fault.resource_id == "i-bad"


def test_population_of_an_incomplete_listing_is_not_known() -> None:
    """A share of it would be a share of anything."""
    cause = Cause(reason="throttled", detail="Rate exceeded")
    assert judgement(stop_idle(), SCOPE, cause, [(instance(), COMPLIANT)], frozenset()).population is None


def test_what_the_cloud_did_not_tell_is_counted_with_why() -> None:
    """In the words of the commonest reason. What was told, and is not enough, is none of it."""
    enough, denied = Verdict.unknown("not-enough-data", ""), Verdict.unknown("access-denied", "GetMetricData")
    few = judgement(stop_idle(), SCOPE, None, [(instance(), one) for one in (enough, COMPLIANT)], frozenset())
    assert (few.unread, few.unread_cause) == (0, None)
    verdicts = [(instance(), one) for one in (*[enough] * 5, UNKNOWN, denied, denied)]
    made = judgement(stop_idle(), SCOPE, None, verdicts, frozenset())
    assert (made.unread, made.unread_cause) == (3, denied.cause)


def test_blind_survey_judges_nothing_and_is_incomplete() -> None:
    """Whoever was to look is lost: that proves nothing about any resource."""
    policy, cause = stop_idle(), Cause(reason="worker-lost", detail="killed")
    survey = blind(Assignment(run_id="r", scope=SCOPE, policies=(policy.name,)), {policy.name: policy}, cause, NOON)
    (made,) = survey.judgements
    assert (made.problem, made.lost, made.population, made.told) == (cause, True, None, ())


def test_assignments_carry_what_is_remembered_of_their_scope() -> None:
    """And nothing of other scopes."""
    remembered = {"stop-idle": frozenset({(SCOPE, "i-1"), (OTHER, "i-2")})}
    made = {one.scope: one.remembered for one in assigned([stop_idle()], [SCOPE, OTHER], remembered, "r")}
    assert made == {SCOPE: {"stop-idle": {"i-1"}}, OTHER: {"stop-idle": {"i-2"}}}


def test_finding_made_since_the_sweep_began_is_not_gone(world: World) -> None:
    """Settling concludes nothing from the absence of a resource that nobody asked about."""
    world.add("i-idle")
    world.sweep()
    empty = [judgement(stop_idle(), SCOPE, None, (), frozenset())]
    for remembered, states in (((), {"i-idle"}), ({(SCOPE, "i-idle")}, set())):
        with world.store.transaction() as tx:
            settler = Settler(
                tx, now=NOON, run_id="r", mode_of=lambda policy, _: policy.mode, saving_of=lambda *_: None
            )
            settler.settle(stop_idle(), empty, remembered)
            settler.finish()
        assert set(world.states()) == states


def test_scope_that_fails_leaves_the_other_alone(world: World) -> None:
    """One judgement for each scope, each with its own completeness."""
    world.scopes.append(OTHER)
    world.add("i-idle")
    world.sweep()
    world.cloud.fails[f"ec2.instance {OTHER}"] = Throttled("Rate exceeded")
    result = world.sweep(after=minutes(15))
    assert {one.scope: one.problem is None for one in result.judgements} == {SCOPE: True, OTHER: False}
    assert set(world.states()) == {"i-idle"}


def test_what_is_lost_of_a_scope_is_told_by_nobody_else(world: World) -> None:
    """Its listing may have been complete: each policy's loss is reported, with why, and the sweep is not complete."""
    world.scopes.append(OTHER)
    world.lost[OTHER] = Cause(reason="worker-lost", detail="killed")
    assert not world.sweep().complete
    assert [event.scope for event in world.reports.of(PolicyJudged) if isinstance(event, PolicyJudged)] == [SCOPE]
    (lost,) = world.reports.of(JudgementLost)
    assert isinstance(lost, JudgementLost)
    told = (lost.policy, lost.kind, lost.scope, lost.problem)
    assert told == ("stop-idle", "ec2.instance", OTHER, world.lost[OTHER])


def test_what_a_listing_tells_is_not_told_as_lost(world: World) -> None:
    """It is judged on what was listed, and the listing says what is missing."""
    world.cloud.fails[f"ec2.instance {SCOPE}"] = Throttled("Rate exceeded")
    world.sweep()
    assert (len(world.reports.of(PolicyJudged)), world.reports.of(JudgementLost)) == (1, [])
