"""Which buckets strangers can come into, and what cannot be told."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cloudwarden import NoParams, Policy, Rule, every, tagged
from cloudwarden.aws import s3
from cloudwarden.aws.s3 import public_access as access
from cloudwarden.core.detail import Detail, UnreadTags
from cloudwarden.core.plain import Json
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.library.exposure import public_bucket, unblocked_bucket
from cloudwarden.testing import ALL_BLOCKED, Bench, bucket, bucket_access

BUCKET = bucket()
OPEN = bucket_access(BUCKET, public_policy=True)
PRIVATE = bucket_access(BUCKET)
EVERY_SETTING: Json = dict.fromkeys(ALL_BLOCKED, True)


def policy(rule: Rule[s3.Bucket, NoParams, ...] = public_bucket, **changes: object) -> AnyPolicy:
    """A policy of this rule."""
    return Policy(name="p", rule=rule, params=NoParams(), schedule=every(hours=1), **changes)  # type: ignore[arg-type]


def judged(details: Mapping[Detail, Json], *denied: Detail, by: AnyPolicy | None = None) -> str:
    """The outcome, with the summary of a violation."""
    verdict = Bench().knows(details).denied(*denied).judge(by or policy(), BUCKET)
    return verdict.violation.summary if verdict.violation else verdict.outcome.value


def test_a_private_bucket_without_any_block_is_compliant() -> None:
    """Nobody comes in, so nothing is to be repaired."""
    assert judged(bucket_access(BUCKET)) == "compliant"


def test_a_public_policy_and_a_public_acl_are_both_told() -> None:
    """The summary names each way in."""
    assert judged(bucket_access(BUCKET, public_policy=True, public_acl=True)) == (
        "open to strangers: its policy is public, its ACL gives everyone READ"
    )


@pytest.mark.parametrize("level", ["block", "account_block"])
def test_a_block_of_bucket_or_account_closes_the_bucket(level: str) -> None:
    """S3 applies the most restrictive combination of the two."""
    blocks = {level: ("IgnorePublicAcls", "RestrictPublicBuckets")}
    assert judged(bucket_access(BUCKET, public_policy=True, public_acl=True, **blocks)) == "compliant"


def test_settings_that_keep_out_only_what_is_new_close_nothing() -> None:
    """BlockPublicAcls and BlockPublicPolicy leave what is public as it is."""
    new_only = ("BlockPublicAcls", "BlockPublicPolicy")
    assert judged(bucket_access(BUCKET, public_acl=True, block=new_only)).startswith("open")


def test_each_way_has_its_own_setting() -> None:
    """Restricting policies does not close an ACL."""
    details = bucket_access(BUCKET, public_policy=True, public_acl=True, block=("RestrictPublicBuckets",))
    assert judged(details) == "open to strangers: its ACL gives everyone READ"


@pytest.mark.parametrize(
    "denied", [access.account_block(BUCKET), access.bucket_block(BUCKET), access.policy_status(BUCKET)]
)
def test_one_denied_detail_makes_an_open_bucket_unknown(denied: Detail) -> None:
    """Each of them might have said that it is closed."""
    assert judged(OPEN, denied) == "unknown"


@pytest.mark.parametrize("denied", [access.policy_status(BUCKET), access.acl(BUCKET)])
def test_one_denied_detail_is_no_proof_that_a_bucket_is_closed(denied: Detail) -> None:
    """The other way being closed says nothing of this one."""
    assert judged(bucket_access(BUCKET), denied) == "unknown"


def test_what_was_read_proves_what_it_can() -> None:
    """A full block of the bucket's own closes it whatever the account says; an open ACL is open whatever the policy."""
    closed = bucket_access(BUCKET, public_policy=True, block=ALL_BLOCKED)
    assert judged(closed, access.account_block(BUCKET)) == "compliant"
    assert judged(bucket_access(BUCKET, public_acl=True), access.policy_status(BUCKET)).startswith("open")


def test_an_account_that_blocks_everything_spares_the_calls_for_each_bucket() -> None:
    """The bench would say unknown if anything else were asked."""
    only = {access.account_block(BUCKET): EVERY_SETTING}
    assert judged(only) == judged(only, by=policy(unblocked_bucket)) == "compliant"


@pytest.mark.parametrize(
    ("details", "detail", "answer"),
    [
        (OPEN, access.bucket_block(BUCKET), {"BlockPublicAcls": True}),
        (OPEN, access.bucket_block(BUCKET), {"BlockPublicAcls": "true", "IgnorePublicAcls": "true"}),
        (PRIVATE, access.policy_status(BUCKET), {}),
        (PRIVATE, access.acl(BUCKET), None),
    ],
)
def test_an_answer_that_is_not_as_documented_is_unknown(
    details: Mapping[Detail, Json], detail: Detail, answer: Json
) -> None:
    """A missing flag is neither true nor false."""
    assert judged({**details, detail: answer}) == "unknown"


def test_a_violation_names_what_the_bucket_itself_lacks() -> None:
    """For the action to turn on, and its inverse to turn off again."""
    block = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy")
    with_block = Bench().knows(bucket_access(BUCKET, public_policy=True, block=block)).judge(policy(), BUCKET)
    without = Bench().knows(OPEN).judge(policy(), BUCKET)
    assert with_block.violation is not None
    assert without.violation is not None
    assert with_block.violation.offending == ("RestrictPublicBuckets",)
    assert without.violation.offending == (access.NO_BLOCK,)


def test_the_strict_rule_wants_every_setting_on_somewhere() -> None:
    """Bucket and account together."""
    two, others = ALL_BLOCKED[:2], ALL_BLOCKED[2:]
    strict = policy(unblocked_bucket)
    assert judged(bucket_access(BUCKET, block=two, account_block=others), by=strict) == "compliant"
    assert judged(bucket_access(BUCKET, block=two), by=strict) == (
        "public access is not blocked: BlockPublicPolicy, RestrictPublicBuckets"
    )
    assert judged(bucket_access(BUCKET, block=two), access.account_block(BUCKET), by=strict) == "unknown"


EXEMPTING = policy(exempt=[tagged("public")])


def tags_of(seen: s3.Bucket) -> Detail:
    """What asks for a bucket's tags."""
    assert isinstance(seen.tags, UnreadTags)
    return seen.tags.detail


def test_a_tag_exempts_once_it_was_read() -> None:
    """The tags of a bucket are asked for when it violates."""
    seen = bucket(tags=None)
    known = Bench().knows({**bucket_access(seen, public_policy=True), tags_of(seen): [{"Key": "public", "Value": "y"}]})
    assert known.judge(EXEMPTING, seen).exempting_tag == "tag public"
    untagged = known.knows({tags_of(seen): None}).judge(EXEMPTING, seen)
    assert (untagged.outcome, untagged.exempting_tag) == ("violation", None)


def test_denied_tags_make_a_violation_unknown_where_a_tag_exempts() -> None:
    """Nobody may act as if the bucket did not carry it."""
    seen = bucket(tags=None)
    bench = Bench().knows(bucket_access(seen, public_policy=True)).denied(tags_of(seen))
    verdict = bench.judge(EXEMPTING, seen)
    assert verdict.outcome == "unknown"
    assert verdict.cause is not None
    assert verdict.cause.reason == "access-denied"


def test_tags_that_nobody_asks_for_are_not_read() -> None:
    """Without tag exemptions, and for a compliant bucket, denied tags change nothing."""
    seen = bucket(tags=None)
    bench = Bench().denied(tags_of(seen))
    assert bench.knows(bucket_access(seen, public_policy=True)).judge(policy(), seen).outcome == "violation"
    assert bench.knows(bucket_access(seen)).judge(EXEMPTING, seen).outcome == "compliant"
