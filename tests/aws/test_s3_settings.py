"""How a bucket is set up, from what S3 answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloudwarden.aws import s3
from cloudwarden.aws.s3 import bucket as kept
from cloudwarden.aws.s3 import settings
from cloudwarden.core.detail import Detail
from cloudwarden.core.evidence import Inquiry, Unanswered
from cloudwarden.core.plain import Json
from cloudwarden.testing import NOON, bucket

BUCKET = bucket()
Asked = Callable[[s3.Bucket], Detail]


def told(name: str, asked: Asked, answer: Json) -> tuple[object, Inquiry]:
    """What a property says, given the answer to its one question."""
    inquiry = Inquiry(now=NOON, answers={asked(BUCKET): answer})
    try:
        return getattr(s3.Settings(BUCKET, inquiry), name), inquiry
    except Unanswered:
        return "unknown", inquiry


@pytest.mark.parametrize(
    ("name", "asked", "answer", "value"),
    [
        (
            "encryption",
            settings.encryption,
            [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}],
            "aws:kms",
        ),
        ("encryption", settings.encryption, None, None),
        ("versioning", settings.versioning, "Suspended", "Suspended"),
        ("versioning", settings.versioning, None, "Off"),
        ("logged_to", settings.logging, {"TargetBucket": "logs", "TargetPrefix": ""}, "logs"),
        ("logged_to", settings.logging, None, None),
        ("lifecycle_rules", settings.lifecycle, [{"Status": "Enabled"}, {"Status": "Disabled"}], 1),
        ("lifecycle_rules", settings.lifecycle, None, 0),
        ("ownership", settings.ownership, [{"ObjectOwnership": "BucketOwnerEnforced"}], "BucketOwnerEnforced"),
        ("ownership", settings.ownership, None, "ObjectWriter"),
        ("serves_website", kept.website, {"Suffix": "index.html"}, True),
        ("serves_website", kept.website, None, False),
        ("cors_origins", settings.cors, [{"AllowedOrigins": ["*", "https://a.example"]}], ("*", "https://a.example")),
        ("cors_origins", settings.cors, None, ()),
        (
            "replicated_to",
            kept.replication,
            [{"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::b"}}, {"Status": "Disabled"}],
            ("arn:aws:s3:::b",),
        ),
        ("replicated_to", kept.replication, None, ()),
    ],
)
def test_each_setting_is_read_from_its_own_answer(name: str, asked: Asked, answer: Json, value: object) -> None:
    """Also when nothing is configured, which S3 says by an error of its own."""
    said, inquiry = told(name, asked, answer)
    assert said == value
    assert [reading.answer for reading in inquiry.readings] == [str(value)]


@pytest.mark.parametrize(
    ("name", "asked", "answer"),
    [
        ("encryption", settings.encryption, []),
        ("logged_to", settings.logging, {}),
        ("lifecycle_rules", settings.lifecycle, [{}]),
        ("ownership", settings.ownership, [{}]),
        ("cors_origins", settings.cors, "*"),
    ],
)
def test_an_answer_that_is_not_as_documented_says_nothing(name: str, asked: Asked, answer: Json) -> None:
    """It is unknown, and not "nothing is configured"."""
    said, inquiry = told(name, asked, answer)
    assert said == "unknown"
    assert inquiry.cause is not None
    assert inquiry.cause.reason == "malformed-answer"


def test_a_setting_that_nobody_read_is_asked_for() -> None:
    """One question each, for this bucket alone."""
    inquiry = Inquiry(now=NOON, answers={})
    with pytest.raises(Unanswered):
        _ = s3.Settings(BUCKET, inquiry).versioning
    assert inquiry.asked == [settings.versioning(BUCKET)]
