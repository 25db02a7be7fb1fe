"""Tags as services write them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cloudwarden.aws.tags import tags_by, tags_of
from cloudwarden.core.detail import Detail
from cloudwarden.core.evidence import Inquiry, Unreadable
from cloudwarden.core.plain import Json
from cloudwarden.testing import NOON

ASKED = Detail(service="lambda", operation="list_tags", arguments=(("Resource", "arn"),), path="Tags")
ABSENT = Detail(
    service="s3", operation="get_bucket_tagging", arguments=(), path="TagSet", absent_codes=("NoSuchTagSet",)
)


@pytest.mark.parametrize("written", [{"owner": "a"}, [{"Key": "owner", "Value": "a"}]], ids=["mapping", "list"])
def test_tags_are_a_mapping_or_a_list(written: Json) -> None:
    """Lambda writes the one, S3 and RDS the other."""
    assert dict(tags_of(written)) == {"owner": "a"}


@pytest.mark.parametrize(
    "odd", [None, 7, "owner", [{"Key": "owner"}], [{"Key": "owner", "Value": None}], {"owner": 7}], ids=str
)
def test_what_are_no_tags_raises(odd: Json) -> None:
    """Nothing that was not understood is taken for no tags."""
    with pytest.raises((LookupError, TypeError)):
        tags_of(odd)


@pytest.mark.parametrize(
    ("asked", "answer", "read"),
    [(ASKED, {}, {}), (ASKED, {"a": "b"}, {"a": "b"}), (ABSENT, None, {}), (ABSENT, [], {})],
)
def test_no_tags_is_an_empty_answer_or_an_absent_code(asked: Detail, answer: Json, read: Mapping[str, str]) -> None:
    """Where the service has a code for none, the answer is None."""
    assert tags_by(asked).read(Inquiry(now=NOON, answers={asked: answer})) == read


def test_a_missing_answer_is_unreadable_where_the_service_always_gives_one() -> None:
    """Else a path that leads nowhere would exempt nothing, and act."""
    read = tags_by(ASKED).read(Inquiry(now=NOON, answers={ASKED: None}))
    assert isinstance(read, Unreadable)
    assert read.cause.reason == "malformed-answer"
