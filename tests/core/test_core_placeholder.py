"""Placeholders: what a plan cannot know yet is put in right before its call."""

from __future__ import annotations

from dataclasses import replace

from cloudwarden.core.action import ACTION_ID
from cloudwarden.core.placeholder import filled_call, filled_read, spelled_out
from cloudwarden.core.plain import Json
from happenings import STOP, record

DONE = record(id="a-1", kept={"snapshot": "snap-1"})


def test_what_earlier_calls_kept_is_put_in_wherever_it_stands() -> None:
    """In lists and in tables, and the action's own id too."""
    arguments: dict[str, Json] = {
        "SnapshotId": "${snapshot}",
        "Tags": [{"Key": "by", "Value": ACTION_ID}, {"Key": "of", "Value": "${snapshot}"}],
        "Force": True,
    }
    filled: dict[str, Json] = {
        "SnapshotId": "snap-1",
        "Tags": [{"Key": "by", "Value": "a-1"}, {"Key": "of", "Value": "snap-1"}],
        "Force": True,
    }
    assert filled_call(replace(STOP, arguments=arguments), DONE).arguments == filled
    assert filled_read(replace(STOP.proof.read, arguments=arguments), DONE).arguments == filled


def test_a_value_that_only_contains_one_is_left_alone() -> None:
    """Such as a tag that somebody wrote."""
    arguments: dict[str, Json] = {"Value": "cost is ${snapshot}", "Other": "${unknown}"}
    assert filled_call(replace(STOP, arguments=arguments), DONE).arguments == arguments


def test_words_for_people_have_them_within() -> None:
    """And what no call kept stays as it is written."""
    assert spelled_out("restore from ${snapshot}, not ${other}", DONE) == "restore from snap-1, not ${other}"
