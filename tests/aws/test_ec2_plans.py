"""What EC2's actions would call, how that is proven, and how it is undone."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudwarden import Action, PermanentError, Plan, Violation
from cloudwarden.aws import ec2, rds
from cloudwarden.aws.ec2.paths import literal
from cloudwarden.core.action import Call, Step, Wait
from cloudwarden.core.errors import PolicyError
from cloudwarden.core.fingerprint import fingerprint
from cloudwarden.testing import database, ingress, instance, security_group, volume

NOTHING_SPECIAL = Violation(summary="for a test")
SSH = ingress("0.0.0.0/0", 22, description="anyone")
WEB = ingress("0.0.0.0/0", 443)


def a_call(step: Step) -> Call:
    """The step, which must be a call."""
    assert isinstance(step, Call)
    return step


def arguments(call: Call) -> Any:
    """A call's arguments, to look into."""
    return call.arguments


def tags(plan: Plan, step: int = 0) -> dict[str, str]:
    """The tags that a plan's call would set."""
    return {each["Key"]: each["Value"] for each in arguments(plan.calls[step])["Tags"]}


@pytest.mark.parametrize(
    ("action", "operation", "undone_by", "proven_by"),
    [
        (ec2.Stop(), "stop_instances", "start_instances", {"stopping", "stopped"}),
        (ec2.Start(), "start_instances", "stop_instances", {"pending", "running"}),
    ],
)
def test_stopping_and_starting_are_each_other_s_inverse(
    action: Action[ec2.Instance], operation: str, undone_by: str, proven_by: set[str]
) -> None:
    """One call each, on this instance alone, proven by its state."""
    plan = action.plan(instance(id="i-7"), NOTHING_SPECIAL)
    assert [(call.operation, call.arguments) for call in plan.calls] == [(operation, {"InstanceIds": ["i-7"]})]
    assert [step.operation for step in plan.inverse if isinstance(step, Call)] == [undone_by]
    proof = plan.calls[0].proof
    assert {state for state in ("pending", "running", "stopping", "stopped") if proof.shown_by(state)} == proven_by


@pytest.mark.parametrize(
    "steps",
    [
        ec2.Stop().plan(instance(id="i-7"), NOTHING_SPECIAL).inverse[1:],
        ec2.Start().plan(instance(id="i-7"), NOTHING_SPECIAL).steps,
    ],
)
def test_a_start_ends_when_the_instance_runs(steps: tuple[Step, ...]) -> None:
    """EC2 answers `pending`, and may give up after that: without a key's use, or without capacity."""
    call, wait = steps
    assert (a_call(call).operation, isinstance(wait, Wait)) == ("start_instances", True)
    assert isinstance(wait, Wait)
    assert (wait.read.arguments, wait.until) == ({"InstanceIds": ["i-7"]}, ("running",))
    assert "stopped" in wait.fails_on


def test_whoever_starts_an_instance_may_grant_the_use_of_its_volumes_keys() -> None:
    """By the action's own permissions, or those of its undoing."""
    assert "kms:CreateGrant" in ec2.Start.permissions
    assert "kms:CreateGrant" in ec2.Stop.undo_permissions


def test_only_the_offending_rules_are_revoked() -> None:
    """And the inverse authorizes the same ones, with their descriptions."""
    group = security_group(SSH, WEB)
    plan = ec2.RevokeIngress().plan(group, Violation(summary="", offending=(SSH.key,)))
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    assert plan.calls[0].arguments["IpPermissions"] == [{**permission, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    assert a_call(plan.inverse[0]).arguments["IpPermissions"] == [
        {**permission, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "anyone"}]}
    ]


def test_a_rule_of_another_account_s_group_is_revoked_with_that_account() -> None:
    """EC2 does not find a peer's group by its id alone."""
    rule = ec2.IngressRule(protocol="-1", source="sg-9", source_account="999988887777")
    plan = ec2.RevokeIngress().plan(security_group(rule), Violation(summary="", offending=(rule.key,)))
    pair = {"GroupId": "sg-9", "UserId": "999988887777"}
    assert plan.calls[0].arguments["IpPermissions"] == [{"IpProtocol": "-1", "UserIdGroupPairs": [pair]}]


@pytest.mark.parametrize("offending", [(), ("tcp/3389-3389/0.0.0.0/0",)])
def test_a_violation_that_names_no_rule_of_the_group_cannot_be_planned(offending: tuple[str, ...]) -> None:
    """The action does not guess which rules were meant."""
    with pytest.raises(PermanentError, match="names no ingress rule of sg-"):
        ec2.RevokeIngress().plan(security_group(SSH), Violation(summary="", offending=offending))


def test_revoking_is_proven_only_when_none_of_the_rules_is_left() -> None:
    """And authorizing again only when all of them are there."""
    rules = (SSH, ingress("::/0", protocol="-1"))
    plan = ec2.RevokeIngress().plan(
        security_group(*rules), Violation(summary="", offending=tuple(r.key for r in rules))
    )
    ssh: dict[str, object] = {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
        "Ipv6Ranges": [],
    }
    everything: dict[str, object] = {"IpProtocol": "-1", "IpRanges": [], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    other: dict[str, object] = {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
    }

    def proven(step: Step, permissions: list[dict[str, object]]) -> bool:
        proof = a_call(step).proof
        return proof.shown_by(jmespath.search(proof.read.path, {"SecurityGroups": [{"IpPermissions": permissions}]}))

    left: list[list[dict[str, object]]] = [[], [other], [ssh], [everything], [ssh, everything, other]]
    assert [proven(plan.steps[0], permissions) for permissions in left] == [True, True, False, False, False]
    assert [proven(plan.inverse[0], permissions) for permissions in left] == [False, False, False, False, True]


def test_a_volume_is_deleted_only_after_its_snapshot_is_complete() -> None:
    """Snapshot, wait, delete; nothing can bring the same id back, so there is no inverse."""
    plan = ec2.SnapshotThenDelete().plan(volume(id="vol-7"), NOTHING_SPECIAL)
    snapshot, wait, delete = plan.steps
    assert (a_call(snapshot).operation, a_call(delete).operation) == ("create_snapshot", "delete_volume")
    assert isinstance(wait, Wait)
    assert (wait.read.arguments, wait.until, wait.fails_on) == (
        {"SnapshotIds": ["${snapshot_id}"]},
        ("completed",),
        ("error",),
    )
    assert plan.inverse == ()


def test_a_snapshot_carries_the_volume_s_tags_and_the_action_s_id() -> None:
    """Not those of AWS, which nobody else may set."""
    carried = ec2.SnapshotThenDelete().plan(volume(tags={"owner": "a", "aws:backup": "b"}), NOTHING_SPECIAL)
    (specification,) = arguments(carried.calls[0])["TagSpecifications"]
    assert specification == {
        "ResourceType": "snapshot",
        "Tags": [{"Key": "cloudwarden:action-id", "Value": "${action_id}"}, {"Key": "owner", "Value": "a"}],
    }


def test_a_snapshot_of_a_volume_full_of_tags_still_carries_the_action_s_id() -> None:
    """EC2 takes fifty tags, and without that one a lost answer could not be found again."""
    plan = ec2.SnapshotThenDelete().plan(volume(tags={f"k{n:02}": "v" for n in range(50)}), NOTHING_SPECIAL)
    (specification,) = arguments(plan.calls[0])["TagSpecifications"]
    assert len(specification["Tags"]) == 50
    assert specification["Tags"][0]["Key"] == "cloudwarden:action-id"


def test_a_lost_snapshot_answer_is_recovered_from_the_proof() -> None:
    """The proof's reading leads to the very value that the call would have kept."""
    snapshot = ec2.SnapshotThenDelete().plan(volume(), NOTHING_SPECIAL).calls[0]
    answer = jmespath.search(snapshot.proof.read.path, {"Snapshots": [{"SnapshotId": "snap-3", "State": "pending"}]})
    assert (answer, snapshot.keeps) == ("snap-3", {"snapshot_id": "SnapshotId"})
    assert not snapshot.proof.shown_by(jmespath.search(snapshot.proof.read.path, {"Snapshots": []}))


def test_a_volume_being_deleted_proves_its_deletion_and_a_living_one_does_not() -> None:
    """EC2 shows the state `deleting` for a while."""
    proof = ec2.SnapshotThenDelete().plan(volume(), NOTHING_SPECIAL).calls[1].proof
    shown = [
        jmespath.search(proof.read.path, {"Volumes": [{"VolumeId": "v", "State": state}]})
        for state in ("deleting", "deleted", "available")
    ]
    assert [proof.shown_by(answer) for answer in (None, *shown)] == [True, True, True, False]


def test_tags_that_are_there_keep_their_values() -> None:
    """Adding `owner=unknown` must not take a resource from its owner."""
    action: ec2.AddTags[ec2.Volume] = ec2.AddTags(tags={"owner": "unknown", "cost-center": "0"})
    assert tags(action.plan(volume(tags={"owner": "alice"}), NOTHING_SPECIAL)) == {"cost-center": "0"}


@pytest.mark.parametrize(
    ("overwrite", "offending"), [(True, ()), (False, ("owner",))], ids=["overwrite", "named as offending"]
)
def test_a_wrong_value_is_replaced_and_the_inverse_restores_it(overwrite: bool, offending: tuple[str, ...]) -> None:  # noqa: FBT001
    """And deletes what was added."""
    action: ec2.AddTags[ec2.Volume] = ec2.AddTags(tags={"owner": "b", "new": "1"}, overwrite=overwrite)
    plan = action.plan(volume(tags={"owner": "a"}), Violation(summary="", offending=offending))
    assert tags(plan) == {"owner": "b", "new": "1"}
    assert [(a_call(step).operation, a_call(step).arguments["Tags"]) for step in plan.inverse] == [
        ("create_tags", [{"Key": "owner", "Value": "a"}]),
        ("delete_tags", [{"Key": "new", "Value": "1"}]),
    ]


def test_adding_tags_that_are_all_there_cannot_be_planned() -> None:
    """Nothing would be repaired, at every sweep again."""
    action = ec2.AddTags[ec2.Instance](tags={"owner": "x"})
    with pytest.raises(PermanentError, match="has all of the tags owner"):
        action.plan(instance(tags={"owner": "a"}), NOTHING_SPECIAL)


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ({}, "at least one"),
        ({"aws:name": "x"}, "for AWS alone"),
        ({"AWS:name": "x"}, "for AWS alone"),
        ({"": "x"}, "1 to 128"),
        ({"k": "v" * 257}, "at most 256"),
        ({f"k{n}": "" for n in range(51)}, "at most 50"),
    ],
)
def test_tags_that_ec2_would_refuse_are_refused_in_the_policy_file(refused: dict[str, str], why: str) -> None:
    """Long before a call is made."""
    with pytest.raises(PolicyError, match=why):
        ec2.AddTags(tags=refused)


def test_equal_tags_make_equal_actions_whatever_their_order() -> None:
    """A policy's fingerprint, to which an operator's trust is bound, is made of the action."""
    one: ec2.AddTags[ec2.Volume] = ec2.AddTags(tags={"a": "1", "b": "2"})
    other: ec2.AddTags[ec2.Volume] = ec2.AddTags(tags={"b": "2", "a": "1"})
    assert (one, repr(one), hash(one)) == (other, repr(other), hash(other))
    assert fingerprint(one) == fingerprint(other)


@given(key=st.text(min_size=1, max_size=20), value=st.text(max_size=20))
def test_any_tag_can_be_looked_for_in_an_answer(key: str, value: str) -> None:
    """Quotes, backticks and backslashes in a tag do not break its proof."""
    path = f"Tags[?Key=={literal(key)} && Value=={literal(value)}].Key"
    assert jmespath.search(path, {"Tags": [{"Key": key, "Value": value}, {"Key": key, "Value": value + "x"}]}) == [key]


A_TAG: ec2.AddTags[ec2.Volume] = ec2.AddTags(tags={"b": "`", "a": "'"})
RULES = (SSH, ingress("pl-1", (1, 9)), ingress("::/0", protocol="-1"))
PLANS = [
    ec2.Stop().plan(instance(tags={"a": "1"}), NOTHING_SPECIAL),
    ec2.Start().plan(instance(tags={"a": "1"}), NOTHING_SPECIAL),
    ec2.RevokeIngress().plan(
        security_group(*RULES), Violation(summary="", offending=tuple(rule.key for rule in RULES))
    ),
    ec2.SnapshotThenDelete().plan(volume(tags={"b": "2", "a": "1"}), NOTHING_SPECIAL),
    A_TAG.plan(volume(), NOTHING_SPECIAL),
]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.action)
def test_a_plan_survives_being_stored(plan: Plan) -> None:
    """What an approval is bound to is the same before and after."""
    assert Plan.from_json(plan.to_json()).hash == plan.hash
    assert json.loads(plan.to_json()) == json.loads(json.dumps(asdict(plan)))


def test_the_order_of_tags_does_not_change_a_plan() -> None:
    """AWS lists tags in any order, and an approval must outlive that."""
    one, other = volume(tags={"a": "1", "b": "2"}), volume(tags={"b": "2", "a": "1"})
    action = ec2.SnapshotThenDelete()
    assert action.plan(one, NOTHING_SPECIAL).hash == action.plan(other, NOTHING_SPECIAL).hash


ACTIONS: tuple[type[Action[Any]], ...] = (
    ec2.Stop,
    ec2.Start,
    ec2.RevokeIngress,
    ec2.SnapshotThenDelete,
    ec2.AddTags,
)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.action)
def test_an_action_declares_the_permission_of_every_call_it_plans(plan: Plan) -> None:
    """`stop_instances` needs `ec2:StopInstances`, and each proof and wait needs its reading."""
    (action,) = [action for action in ACTIONS if action.name == plan.action]
    reads = [step.read if isinstance(step, Wait) else step.proof.read for step in plan.steps]
    operations = [call.operation for call in plan.calls] + [read.operation for read in reads]
    needed = {f"ec2:{operation.title().replace('_', '')}" for operation in operations}
    assert needed <= set(action.permissions)


def test_what_a_stop_loses_is_told() -> None:
    """An instance that starts again has nothing on its instance store, and mostly another address."""
    plan = ec2.Stop().plan(instance(id="i-7"), NOTHING_SPECIAL)
    assert "instance store" in plan.irreversible
    assert "IPv4" in plan.irreversible


def test_no_more_tags_are_planned_than_a_resource_carries() -> None:
    """EC2 would refuse the call with TagLimitExceeded; AWS's own do not count."""
    full = {f"k{number}": "v" for number in range(50)}
    action = ec2.AddTags[ec2.Instance](tags={"owner": "a"})
    with pytest.raises(PermanentError, match="51"):
        action.plan(instance(tags=full), NOTHING_SPECIAL)
    del full["k0"]
    assert action.plan(instance(tags={**full, "aws:cloudformation:stack-name": "s"}), NOTHING_SPECIAL).steps


@pytest.mark.parametrize(
    ("plan", "refused"),
    [
        (ec2.Stop().plan(instance(id="i-7"), NOTHING_SPECIAL), "stopping"),
        (rds.Stop().plan(database(), NOTHING_SPECIAL), "stopping"),
        (rds.Start().plan(database(), NOTHING_SPECIAL), "starting"),
    ],
)
def test_an_inverse_waits_while_aws_would_refuse_it(plan: Plan, refused: str) -> None:
    """IncorrectInstanceState and InvalidDBInstanceState: what was called proves itself before it is done."""
    wait = plan.inverse[0]
    assert isinstance(wait, Wait)
    assert plan.calls[0].proof.shown_by(refused)
    assert wait.until == tuple(one for one in plan.calls[0].proof.values if one != refused)
    assert wait.read == plan.calls[0].proof.read
