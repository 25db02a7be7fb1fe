"""What takes a resource out of a policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloudwarden import tagged
from cloudwarden.core.exemption import HANDS_OFF, Exemption, exempted_by, exempting_tag
from cloudwarden.testing import instance

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "tags",
    [{HANDS_OFF: "true"}, {HANDS_OFF: "True"}, {"Cloudwarden:Hands-Off": "true"}],
    ids=["as documented", "another case of the value", "another case of the key, which IAM takes for the same"],
)
def test_hands_off_exempts_from_every_policy(tags: dict[str, str]) -> None:
    """No policy needs to name the tag."""
    assert exempting_tag((), instance(tags=tags)) == "tag cloudwarden:hands-off=true"


@pytest.mark.parametrize("value", ["false", "", "no"])
def test_hands_off_with_another_value_exempts_from_nothing(value: str) -> None:
    """An owner who writes "false" means it."""
    assert exempting_tag((), instance(tags={HANDS_OFF: value})) is None


def test_a_tag_of_the_policy_exempts_whatever_its_value_unless_one_is_given() -> None:
    """The answer is in words."""
    box = instance(tags={"keep": "yes"})
    assert exempting_tag((tagged("keep"),), box) == "tag keep"
    assert exempting_tag((tagged("keep", "yes"),), box) == "tag keep=yes"
    assert exempting_tag((tagged("keep", "no"),), box) is None


@pytest.mark.parametrize(
    ("policy", "resource", "covered"),
    [
        ("stop", "i-1", True),
        ("*", "i-*", True),
        ("stop", "arn:aws:ec2:*:instance/i-1", True),
        ("other", "i-1", False),
        ("stop", "i-2", False),
    ],
)
def test_a_persons_exemption_covers_what_it_names_until_it_ends(policy: str, resource: str, *, covered: bool) -> None:
    """By id, ARN or pattern, and by the policy's name or all of them."""
    made = Exemption(
        id="x-1",
        policy=policy,
        resource=resource,
        owner="ada",
        reason="a migration",
        created_at=NOON,
        expires_at=NOON + timedelta(days=1),
    )
    box = instance(id="i-1")
    words = "exemption x-1 by ada until 2026-03-03: a migration"
    assert exempted_by("stop", box, None, [made], NOON) == (words if covered else None)
    assert exempted_by("stop", box, None, [made], made.expires_at) is None
