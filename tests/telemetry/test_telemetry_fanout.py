"""Many reporters hear each event, whatever one of them does."""

from __future__ import annotations

import logging

import pytest

from cloudwarden.telemetry import Fanout
from happenings import called, listed


class Remembering:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def report(self, event: object) -> None:
        self.heard.append(event)


class Broken:
    """Hears nothing."""

    def report(self, event: object) -> None:
        raise RuntimeError(f"no ears for {event}")


def test_every_reporter_hears_each_event() -> None:
    """An event goes to all reporters."""
    one, other = Remembering(), Remembering()
    Fanout(one, other).report(called())
    assert one.heard == other.heard == [called()]


def test_a_failing_reporter_stops_nobody() -> None:
    """Reporters after a failing one still hear, and the engine hears no error."""
    after = Remembering()
    Fanout(Broken(), after).report(called())
    assert after.heard == [called()]


def test_a_failure_is_logged_once_for_each_kind_of_event(
    caplog: pytest.LogCaptureFixture, logs_to_pytest: None
) -> None:
    """Ten thousand equal tracebacks would bury the log; one says it all."""
    fanout = Fanout(Broken())
    with caplog.at_level(logging.ERROR):
        for event in (called(), called(), listed()):
            fanout.report(event)
    assert [record.msg["reported"] for record in caplog.records if isinstance(record.msg, dict)] == [
        "CloudCalled",
        "Listed",
    ]
