"""Which resources lack tags, or have wrong values in them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cloudwarden import Resource
from cloudwarden.aws import ec2
from cloudwarden.library.tagging import RequiredTags, required_tags
from cloudwarden.testing import instance, security_group, volume

OWNER = RequiredTags(keys=("owner", "cost-center"))


@pytest.mark.parametrize("build", [instance, security_group, volume])
def test_a_resource_of_any_kind_that_lacks_a_tag_is_a_violation(build: type[Resource]) -> None:
    """Only the missing keys are named."""
    violation = required_tags(build(tags={"owner": "a"}), OWNER)  # type: ignore[call-arg, arg-type]
    assert violation is not None
    assert (violation.summary, violation.offending) == ("lacks tag cost-center", ("cost-center",))


def test_a_resource_with_all_of_the_tags_is_compliant() -> None:
    """Others beside them do not matter."""
    assert required_tags(volume(tags={"owner": "a", "cost-center": "7", "x": ""}), OWNER) is None


@pytest.mark.parametrize("key", ["Owner", "OWNER", "owner "])
def test_keys_are_compared_case_and_all(key: str) -> None:
    """As AWS does."""
    violation = required_tags(volume(tags={key: "a"}), RequiredTags(keys=("owner",)))
    assert violation is not None


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_a_blank_value_is_wrong(blank: str) -> None:
    """It says nothing about whose the resource is."""
    violation = required_tags(volume(tags={"owner": blank}), RequiredTags(keys=("owner",)))
    assert violation is not None
    assert violation.summary == "has a wrong value in tag owner"


def test_a_value_must_match_the_pattern_as_a_whole() -> None:
    """A part of it does not count."""
    team = RequiredTags(keys=("owner",), pattern="team-[a-z]+")
    judged = [required_tags(volume(tags={"owner": value}), team) for value in ("team-a", "my team-a", "team-a1")]
    assert [violation is None for violation in judged] == [True, False, False]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [({"keys": ()}, "keys"), ({"keys": ("a",), "pattern": "("}, "is not a regular expression"), ({}, "keys")],
)
def test_params_that_make_no_sense_are_refused(wrong: dict[str, object], why: str) -> None:
    """With what is wrong with them."""
    with pytest.raises(ValidationError, match=why):
        RequiredTags.model_validate(wrong)


def test_the_rule_is_bound_to_one_kind() -> None:
    """A policy judges one kind; the rule knows which."""
    assert required_tags.on(ec2.Volume).resource is ec2.Volume
