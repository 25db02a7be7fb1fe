"""What takes a resource out of a policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cloudwarden import tagged
from cloudwarden.core.exemption import HANDS_OFF, Exemption, Subject, exempting_tag, ruling
from cloudwarden.testing import bucket, instance

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
        ("stop", "i-[12]", False),
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
    subject = Subject.of(box, box.tags, None)
    assert ruling("stop", subject, [made], NOON).by == (words if covered else None)
    assert ruling("stop", subject, [made], made.expires_at).by is None


def made(**changes: object) -> Exemption:
    """An exemption of a day, of everything that the changes do not narrow."""
    whole = Exemption(id="x-1", owner="ada", reason="a migration", created_at=NOON, expires_at=NOON + timedelta(days=1))
    return replace(whole, **changes)  # type: ignore[arg-type]  # a test's changes


@pytest.mark.parametrize(
    ("selectors", "covered"),
    [
        ({"account": "111122223333"}, True),
        ({"account": "999922223333"}, False),
        ({"region": "eu-*"}, True),
        ({"region": "us-*"}, False),
        ({"resource": "web-?"}, True),
        ({"resource": "WEB-?"}, False),
        ({"tag": tagged("team", "shop")}, True),
        ({"tag": tagged("team", "bank")}, False),
        ({"tag": tagged("team"), "region": "eu-west-1", "account": "111122223333", "policy": "stop"}, True),
        ({"tag": tagged("team"), "region": "us-east-1"}, False),
        ({"tag": tagged("team"), "policy": "other"}, False),
    ],
)
def test_all_that_an_exemption_selects_by_must_hold(selectors: dict[str, object], *, covered: bool) -> None:
    """Account, region, name and tag narrow it together."""
    box = replace(instance(id="i-1", account="111122223333", region="eu-west-1", tags={"team": "shop"}), name="web-1")
    ruled = ruling("stop", Subject.of(box, box.tags, None), [made(**selectors)], NOON)
    assert (ruled.exemption == "x-1", ruled.doubt) == (covered, None)


@pytest.mark.parametrize(
    ("region", "covered"), [("us-west-2", True), ("us-*", True), ("global", True), ("*", True), ("eu-west-1", False)]
)
def test_a_bucket_is_exempt_by_the_region_that_it_is_kept_in(region: str, *, covered: bool) -> None:
    """Though it is listed with those of all regions."""
    logs = bucket(id="logs", bucket_region="us-west-2")
    ruled = ruling("close", Subject.of(logs, {}, None), [made(region=region)], NOON)
    assert (ruled.exemption == "x-1", ruled.doubt) == (covered, None)


def test_a_bucket_of_which_nobody_knows_the_region_leaves_a_doubt() -> None:
    """Unless something else settles it; of both that are not known, both are said."""
    lost = Subject.of(bucket(id="logs", bucket_region=None), None, None)
    here = made(region="us-west-2")
    words = "the region that it is kept in is not known, so nobody can tell whether exemption x-1"
    assert (ruling("close", lost, [here], NOON).held or "").startswith(words)
    both = replace(here, tag=tagged("team"))
    assert "not known and its tags were not read, so" in (ruling("close", lost, [both], NOON).held or "")
    assert ruling("close", replace(lost, tags={}), [both], NOON).held is None
    assert ruling("close", lost, [replace(here, account="999922223333")], NOON).held is None
    assert ruling("close", lost, [replace(here, region="*")], NOON).exemption == "x-1"


def test_an_exemption_counts_though_our_clock_is_behind_its_makers() -> None:
    """Somebody's machine is ahead, or ours was set back since: what was decided is in force from then on."""
    box = instance(id="i-1")
    ruled = ruling("stop", Subject.of(box, box.tags, None), [made(resource="i-1")], NOON - timedelta(hours=6))
    assert ruled.exemption == "x-1"


def test_tags_that_nobody_read_leave_a_doubt() -> None:
    """Not exempt is not concluded from them, unless something else settles it."""
    box = instance(id="i-1", account="111122223333")
    unread = Subject.of(box, None, None)
    by_tag = made(tag=tagged("team"))
    ruled = ruling("stop", unread, [by_tag], NOON)
    assert ruled.by is None
    assert "nobody can tell whether exemption x-1" in (ruled.held or "")
    assert ruling("stop", unread, [replace(by_tag, account="999922223333")], NOON).held is None
    assert ruling("stop", unread, [by_tag, made(id="x-2", resource="i-1")], NOON).exemption == "x-2"
    assert ruling("stop", unread, [by_tag], by_tag.expires_at).held is None


def test_what_an_exemption_is_at_each_time() -> None:
    """Active, unused after a week, ending in the last week, then expired; revoked whatever the date."""
    long = made(expires_at=NOON + timedelta(days=30))
    day = timedelta(days=1)
    told = [long.state(NOON + day * days).value for days in (0, 6, 7, 22, 23, 29, 30)]
    assert told == ["active", "active", "unused", "unused", "ending", "ending", "expired"]
    assert replace(long, used_at=NOON + day * 6).state(NOON + day * 12).value == "active"
    assert replace(long, revoked_at=NOON).state(NOON + day * 40).value == "revoked"
