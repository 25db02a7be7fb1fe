"""Rules and policies: what their signatures and values refuse, and when trust must end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cloudwarden import OBSERVE, PROPOSE, Keeper, Limit, NoParams, Now, Resource, Violation, every, rule
from cloudwarden.aws import ec2
from cloudwarden.core.action import Plan
from cloudwarden.core.errors import PolicyError, RuleError
from cloudwarden.testing import instance
from world import stop_idle


def no_params(instance: ec2.Instance) -> Violation | None:
    """Too few parameters."""


def wrong_evidence(instance: ec2.Instance, params: NoParams, now: str) -> Violation | None:
    """A parameter of no kind of evidence."""


def wrong_resource(instance: dict, params: NoParams) -> Violation | None:  # type: ignore[type-arg]
    """A first parameter that is no resource."""


def unannotated(instance, params) -> Violation | None:  # type: ignore[no-untyped-def]
    """Nothing says what to gather."""


def with_default(instance: ec2.Instance, params: NoParams, now: Now | None = None) -> Violation | None:
    """A default would hide that evidence was not gathered."""


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (no_params, "1 parameters"),
        (wrong_evidence, "'now' is annotated with str"),
        (wrong_resource, "'instance' is annotated with dict"),
        (unannotated, "annotate 'instance'"),
        (with_default, "now must be"),
    ],
)
def test_signature_that_says_too_little_is_refused(function: Callable[..., Any], says: str) -> None:
    """The message names the parameter and what to write."""
    with pytest.raises(RuleError, match=says):
        rule(function)


@rule
def any_kind(resource: Resource, params: NoParams) -> Violation | None:
    """A rule for every kind."""


def test_rule_for_every_kind_is_narrowed() -> None:
    """`on` binds it to one kind, and refuses one that it cannot judge."""
    assert any_kind.on(ec2.Instance).resource is ec2.Instance
    with pytest.raises(RuleError, match="SecurityGroup"):
        stop_idle().rule.on(ec2.SecurityGroup)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "Stop Idle"}, "name"),
        ({"action": None, "mode": PROPOSE}, "needs an action"),
        ({"action": ec2.Stop}, "parentheses"),
        ({"action": ec2.SnapshotThenDelete()}, "another kind"),
        ({"params": NoParams()}, "NoParams is not what the rule takes"),
        ({"grace": timedelta(-1)}, "grace"),
        ({"grace": timedelta(365_001)}, "grace: write a duration of at most 365000 days"),
        ({"proposals_last": timedelta.max}, "proposals_last: write a duration of at most"),
        ({"respects": timedelta.max}, "respects: write a duration of at most"),
        ({"max_exemption": timedelta.max}, "max_exemption: write a duration of at most"),
        ({"schedule": 5}, "schedule"),
        ({"exempt": ["keep"]}, "exempt"),
        ({"mode": "propose"}, "mode"),
        ({"max_dependants": -1}, "max_dependants: write 0 or more"),
        ({"wasteful": True}, "wasteful: its action says what is saved"),
    ],
)
def test_value_that_makes_no_sense_is_refused(wrong: dict[str, object], says: str) -> None:
    """The message names the field and what to write."""
    with pytest.raises(PolicyError, match=says):
        stop_idle(**wrong)


def test_every_wrong_value_is_named_at_once() -> None:
    """Nobody mends one field only to hear of the next."""
    with pytest.raises(PolicyError, match=r"grace.*exempt"):
        stop_idle(grace=timedelta(-1), exempt=["keep"])


@pytest.mark.parametrize("wrong", [{"per_run": 0}, {"share": 0.0}, {"share": 1.5}])
def test_limit_must_limit(wrong: dict[str, Any]) -> None:
    """A limit of nothing, or of more than everything, is a mistake."""
    with pytest.raises(PolicyError, match="Limit"):
        Limit(**wrong)


def test_fingerprint_changes_with_what_the_policy_does() -> None:
    """Params, action, and whom it spares count; when and how many do not."""
    policy = stop_idle()
    other = replace(policy, params=policy.params.model_copy(update={"max_cpu_percent": 9.0}))
    assert other.fingerprint != policy.fingerprint
    assert replace(policy, action=None, mode=OBSERVE).fingerprint != policy.fingerprint
    wider_ones: list[dict[str, Any]] = [{"exempt": ()}, {"touches": [Keeper.EKS]}, {"max_dependants": 99}]
    for wider in (*wider_ones, {"alternatives": [ec2.Start()]}):
        assert replace(policy, **wider).fingerprint != policy.fingerprint
    times: list[dict[str, Any]] = [{"grace": timedelta(5)}, {"limit": Limit(per_run=50)}, {"schedule": every(days=1)}]
    for other_time in times:
        assert replace(policy, **other_time).fingerprint == policy.fingerprint


def test_plan_survives_json_with_its_hash() -> None:
    """What the store keeps is what was approved."""
    plan = ec2.Stop().plan(instance(id="i-1"), Violation(summary="idle"))
    again = Plan.from_json(plan.to_json())
    assert (again, again.hash) == (plan, plan.hash)


A_TAG: ec2.AddTags[ec2.Instance] = ec2.AddTags(tags={"idle": "yes"})
ANOTHER: ec2.AddTags[ec2.Instance] = ec2.AddTags(tags={"owner-asked": "yes"})


class AskOwner(ec2.AddTags[ec2.Instance]):
    """A tag under a name of its own."""

    name = "ask-owner"


@pytest.mark.parametrize("given", [{"action": A_TAG, "alternatives": [ANOTHER]}, {"alternatives": [A_TAG, ANOTHER]}])
def test_two_actions_of_one_name_are_refused(given: dict[str, Any]) -> None:
    """Nobody could choose one of them, and the other would be looked up for what was approved."""
    with pytest.raises(PolicyError, match=r"2 actions are named 'add-tags'.* class Other\(AddTags\): name = "):
        stop_idle(**given)


def test_an_action_may_be_given_a_name_of_its_own() -> None:
    """Then the two are told apart, in plans too."""
    policy = stop_idle(action=A_TAG, alternatives=[AskOwner(tags={"owner-asked": "yes"})])
    assert list(policy.actions) == ["add-tags", "ask-owner"]
    plan = policy.actions["ask-owner"].plan(instance(), Violation(summary="idle"))
    assert plan.action == "ask-owner"
