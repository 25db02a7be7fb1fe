"""Which accounts a role's policies list, statement by statement."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudwarden.aws.access.assumable import Assumable, assumable
from cloudwarden.aws.access.statements import covers, statements
from cloudwarden.core.errors import MalformedAnswer

WEB, DATA = "111111111111", "222222222222"
MEMBER = f"arn:aws:iam::{WEB}:role/cloudwarden-member"
AUDIT = f"arn:aws:iam::{WEB}:role/security/audit"
DEPLOY = f"arn:aws:iam::{WEB}:role/deploy"


def allow(*resources: str, action: Any = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": action, "Resource": list(resources), **more}


def deny(*resources: str, action: Any = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    """A statement that denies."""
    return allow(*resources, action=action, **more) | {"Effect": "Deny"}


def inverse(statement: dict[str, Any], element: str) -> dict[str, Any]:
    """The statement with NotAction instead of Action, or NotResource instead of Resource."""
    return {f"Not{name}" if name == element else name: value for name, value in statement.items()}


def read(*written: dict[str, Any], member: str = "cloudwarden-member", partition: str = "aws") -> Assumable:
    """What the statements of one policy come to."""
    return assumable(
        statements("p", {"Version": "2012-10-17", "Statement": list(written)}),
        partition=partition,
        member=lambda id_: f"arn:{partition}:iam::{id_}:role/{member}",
    )


@pytest.mark.parametrize(
    ("action", "found"),
    [
        ("sts:AssumeRole", True),
        ("STS:assumerole", True),
        ("sts:Assume*", True),
        ("sts:*", True),
        ("*", True),
        ("*:*", True),
        ("s?s:AssumeRole", True),
        (["s3:GetObject", "sts:AssumeRole"], True),
        ("sts:AssumeRoleWithSAML", False),
        ("sts:AssumeRol", False),
        ("sts:[A]ssumeRole", False),
        (["sts:TagSession", "iam:*"], False),
    ],
)
def test_an_action_counts_as_iam_means_it(action: object, found: bool) -> None:  # noqa: FBT001  # a column
    """Whatever its case and its wildcards, of which there are two."""
    assert bool(read(allow(AUDIT, action=action)).roles) is found


@pytest.mark.parametrize(
    ("resource", "role"),
    [
        (AUDIT, AUDIT),
        (f"arn:*:iam::{WEB}:role/deploy", DEPLOY),
        (f"arn:aws:iam::{WEB}:role/*", MEMBER),
        (f"arn:aws:iam::{WEB}:*", MEMBER),
        (f"arn:aws:iam::{WEB}:role/cloudwarden-membe?", MEMBER),
        (MEMBER, MEMBER),
    ],
)
def test_a_role_of_an_account_that_is_written_out_is_found(resource: str, role: str) -> None:
    """By its whole name, or as the member role, for which wildcards stand."""
    found = read(allow(resource))
    assert (found.roles, found.doubts, found.unnamed) == ({WEB: role}, (), ())


def test_the_member_role_s_path_belongs_to_its_name() -> None:
    """As IAM compares them."""
    assert read(allow(f"arn:aws:iam::{WEB}:role/ops/*"), member="ops/reader").roles
    assert read(allow(f"arn:aws:iam::{WEB}:role/read*"), member="ops/reader").doubts[0].account == WEB


@pytest.mark.parametrize(
    "name", ["role/audit-*", "role/${aws:PrincipalTag/team}", "role/"], ids=["wildcards", "a variable", "no name"]
)
def test_a_name_that_stands_for_no_known_role_leaves_its_account_in_doubt(name: str) -> None:
    """It is neither found nor gone."""
    found = read(allow(f"arn:aws:iam::{WEB}:{name}"))
    (doubt,) = found.doubts
    assert (found.roles, doubt.account, doubt.reason) == ({}, WEB, "no-role")
    assert name in doubt.detail


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        "arn:*",
        "arn:aws:iam::*",
        "arn:aws:iam::*:role/cloudwarden-member",
        "arn:aws:iam::11111111111?:role/x",
        "arn:aws:iam::${aws:PrincipalAccount}:role/x",
        f"arn:aws-cn:iam::{WEB}:role/x",
    ],
)
def test_what_names_no_account_is_told(resource: str) -> None:
    """Nothing is discovered by it, beside what is."""
    found = read(allow(AUDIT), allow(resource, Sid="Wide"))
    assert found.roles == {WEB: AUDIT}
    (told,) = found.unnamed
    assert told.startswith(f"p, statement Wide: {resource} names no account")


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:s3:::bucket/*",
        f"arn:aws:iam::{WEB}:user/ada",
        f"arn:aws:iam::{WEB}:user/*",
        "arn:aws:iam::x",
        "arn:aws:s3*",
    ],
)
def test_what_is_no_role_is_no_matter(resource: str) -> None:
    """One statement may allow all actions on a bucket."""
    assert read(allow(resource, action="*")) == read()


@pytest.mark.parametrize("denied", [AUDIT, f"arn:aws:iam::{WEB}:role/security/*", f"arn:aws:iam::{WEB}:*", "*"])
@pytest.mark.parametrize("action", ["sts:AssumeRole", "sts:*"])
def test_a_deny_takes_away_wherever_it_stands(denied: str, action: str) -> None:
    """By one pattern, before or after what is allowed; another account's role stays."""
    other = f"arn:aws:iam::{DATA}:role/audit"
    left = {} if denied == "*" else {DATA: other}
    for written in (
        (allow(AUDIT, other), deny(denied, action=action)),
        (deny(denied, action=action), allow(AUDIT, other)),
    ):
        found = read(*written)
        assert (found.roles, found.doubts, found.not_understood) == (left, (), ())


def test_a_deny_of_one_of_two_roles_leaves_the_other() -> None:
    """It is how the right one is chosen, too."""
    assert read(allow(AUDIT, DEPLOY), deny(DEPLOY)).roles == {WEB: AUDIT}


def test_a_deny_of_something_else_takes_nothing() -> None:
    """Neither another action nor another role."""
    assert read(allow(AUDIT), deny("*", action="iam:*"), deny(DEPLOY)).roles == {WEB: AUDIT}


def test_conditions_are_for_aws_to_weigh() -> None:
    """Of what allows and of what denies: the role is tried, and nothing is read as gone."""
    condition = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    found = read(allow(AUDIT, Condition=condition), deny("*", Condition=condition))
    assert (found.roles, found.not_understood) == ({WEB: AUDIT}, ())


@pytest.mark.parametrize("element", ["Action", "Resource"])
def test_a_deny_that_is_not_understood_takes_nothing_and_is_told(element: str) -> None:
    """AWS may refuse the role, and then says so."""
    found = read(allow(AUDIT), inverse(deny(DEPLOY), element))
    assert found.roles == {WEB: AUDIT}
    assert f"Not{element} is not understood" in found.not_understood[0]


def test_a_deny_with_a_variable_is_told() -> None:
    """It takes what it names beside that."""
    found = read(allow(AUDIT), deny(f"arn:aws:iam::{WEB}:role/${{aws:username}}"))
    assert (found.roles, len(found.not_understood)) == ({WEB: AUDIT}, 1)


@pytest.mark.parametrize(
    "written", [inverse(deny("arn:aws:s3:::b"), "Action"), inverse(deny("*", Condition={"a": {}}), "Action")]
)
def test_a_deny_that_is_about_no_role_or_conditional_is_not_told(written: dict[str, Any]) -> None:
    """Whoever denies whole regions by NotAction does it with a condition."""
    assert read(allow(AUDIT), written) == read(allow(AUDIT))


def test_what_is_allowed_by_inverses_is_not_guessed() -> None:
    """An account that one may name is in doubt; where none is named, that is told."""
    found = read(inverse(allow(AUDIT, "*", action="iam:*"), "Action"), inverse(allow(DEPLOY), "Resource"))
    assert found.roles == {}
    assert [(one.account, "NotAction is not understood" in one.detail) for one in found.doubts] == [(WEB, True)]
    assert ["NotResource" in one for one in found.unnamed] == [False, True]


def test_an_account_that_is_named_elsewhere_is_not_in_doubt() -> None:
    """What is not understood takes nothing from what is."""
    found = read(inverse(allow(DEPLOY), "Action"), allow(AUDIT, f"arn:aws:iam::{WEB}:role/x-*"))
    assert (found.roles, found.doubts) == ({WEB: AUDIT}, ())


def test_of_several_roles_the_member_role_is_taken() -> None:
    """Without it nobody can tell which one is meant, and both are named."""
    assert read(allow(AUDIT, DEPLOY, MEMBER)).roles == {WEB: MEMBER}
    (doubt,) = read(allow(AUDIT), allow(DEPLOY), allow(AUDIT)).doubts
    assert (doubt.account, doubt.reason) == (WEB, "several-roles")
    assert AUDIT in doubt.detail
    assert DEPLOY in doubt.detail


def test_of_many_patterns_a_few_are_told() -> None:
    """A policy may list hundreds."""
    (told,) = read(allow(*(f"arn:aws:iam::*:role/x{number}" for number in range(40)))).unnamed
    assert ("role/x4" in told, "role/x5" in told, "35 more" in told) == (True, False, True)


def test_other_partitions_have_their_own_arns() -> None:
    """In China a role of the commercial partition names no account."""
    found = read(allow(f"arn:aws-cn:iam::{WEB}:role/x", AUDIT), partition="aws-cn")
    assert (found.roles, len(found.unnamed)) == ({WEB: f"arn:aws-cn:iam::{WEB}:role/x"}, 1)


@pytest.mark.parametrize(
    "document",
    [
        None,
        "%7B",
        {},
        {"Statement": "x"},
        {"Statement": [allow(AUDIT), "x"]},
        {"Statement": allow(AUDIT) | {"Effect": "Permit"}},
        {"Statement": {"Effect": "Allow", "Resource": "*"}},
        {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole"}},
        {"Statement": {"Effect": "Allow", "Action": [1], "Resource": "*"}},
        {"Statement": {"Effect": "Allow", "Action": [], "Resource": "*"}},
    ],
)
def test_what_is_no_policy_is_no_empty_policy(document: object) -> None:
    """A shorter list is never read into what cannot be read."""
    with pytest.raises(MalformedAnswer, match="p"):
        list(statements("p", document))


def test_one_statement_needs_no_list() -> None:
    """Nor does one action, or one resource."""
    one = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": AUDIT}
    assert [each.label for each in statements("p", {"Statement": one})] == ["p, statement 1"]


def _literally(pattern: str, text: str) -> bool:
    """What IAM documents of its wildcards, written as it reads."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(_literally(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and _literally(pattern[1:], text[1:])


@given(pattern=st.text("ab*?[]!.", max_size=7), text=st.text("ab[]!.", max_size=7))
def test_wildcards_mean_what_iam_says(pattern: str, text: str) -> None:
    """Made of what has a meaning elsewhere too."""
    assert covers(pattern, text) is _literally(pattern, text)


NAMES = ("role/a", "role/b", "role/cloudwarden-member", "role/*", "role/c*")
ARNS = st.lists(
    st.sampled_from([f"arn:aws:iam::{id_}:{name}" for id_ in (WEB, DATA, "*") for name in NAMES]), min_size=1
)


@given(allows=st.lists(ARNS, max_size=4), denies=st.lists(ARNS, max_size=2), chance=st.randoms(use_true_random=False))
def test_order_is_no_matter_and_nothing_denied_is_found(
    allows: list[list[str]], denies: list[list[str]], chance: Random
) -> None:
    """An account is found, in doubt, or neither; a role that is found is allowed, and no Deny is about it."""
    written = [*(allow(*one) for one in allows), *(deny(*one) for one in denies)]
    found, again = read(*written), read(*chance.sample(written, k=len(written)))
    doubted = {one.account for one in found.doubts}
    assert (again.roles, {one.account for one in again.doubts}) == (found.roles, doubted)
    assert set(found.roles) <= {WEB, DATA} - doubted
    for role in found.roles.values():
        assert any(covers(pattern, role) for one in allows for pattern in one)
        assert not any(covers(pattern, role) for one in denies for pattern in one)
