"""Silence is bounded by the read timeout; an answer that is never silent must end too."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from cloudwarden.aws.access.deadline import SILENCES
from cloudwarden.aws.pages import ask
from cloudwarden.core.errors import Timeout
from stub_aws import SCOPE, StubAws, xml
from stub_sessions import sessions_to

SILENCE = 1.2
"""Seconds; a busy machine that pauses for less has no test told a timeout that is none."""
EMPTY = xml("DescribeVolumes", "<volumeSet/>")
DRIPPING = replace(EMPTY, drip_seconds=SILENCE / 6)
"""More than a hundred bytes: it would take twenty seconds, and every silence is short."""


@pytest.mark.parametrize("chunked", [False, True], ids=["of known length", "chunked"])
@pytest.mark.parametrize("recurring", [False, True], ids=["sent by botocore", "sent by stencil"])
def test_an_answer_that_drips_is_given_up(aws: StubAws, *, recurring: bool, chunked: bool) -> None:
    """It is a timeout, in three times the longest silence, whichever way the call went."""
    aws.on("DescribeVolumes", EMPTY, replace(DRIPPING, chunked=chunked))
    client = sessions_to(aws, read_timeout_seconds=SILENCE).client("ec2", SCOPE)
    ask(client, "describe_volumes", {}, recurring=recurring)
    began = time.monotonic()
    with pytest.raises(Timeout):
        ask(client, "describe_volumes", {}, recurring=recurring)
    assert SILENCE * SILENCES <= time.monotonic() - began < SILENCE * (SILENCES + 4)


def test_an_answer_that_is_slow_but_ends_in_time_is_taken(aws: StubAws) -> None:
    """Longer than one silence in all, shorter than three."""
    aws.on("DescribeVolumes", replace(EMPTY, drip_seconds=SILENCE * 1.5 / len(EMPTY.body)))
    client = sessions_to(aws, read_timeout_seconds=SILENCE).client("ec2", SCOPE)
    began = time.monotonic()
    assert ask(client, "describe_volumes", {})["Volumes"] == []
    assert time.monotonic() - began > SILENCE


def test_the_next_answer_has_its_own_time(aws: StubAws) -> None:
    """A connection that is used again does not run out."""
    aws.on("DescribeVolumes", replace(EMPTY, drip_seconds=SILENCE * 1.5 / len(EMPTY.body)))
    client = sessions_to(aws, read_timeout_seconds=SILENCE).client("ec2", SCOPE)
    for _ in range(2):
        ask(client, "describe_volumes", {})
    assert aws.count("DescribeVolumes") == 2
