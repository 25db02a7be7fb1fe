"""One line for each event, with the fields that let one id follow a resource."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog

import happenings
from cloudwarden.core.acceptance import DiscoveryProblem
from cloudwarden.core.errors import SettingsError
from cloudwarden.core.verdict import Cause
from cloudwarden.engine import events
from cloudwarden.telemetry.logs import LogReporter
from happenings import busy_day, called, finding, listed, proposal, record

Begin = Callable[..., Any]


def test_an_event_is_a_line_named_in_the_past_tense(log_of: Begin) -> None:
    """The class's name becomes the event's constant name; its values become fields."""
    log = log_of()
    LogReporter().report(events.DaemonStarted(version="1.2.3", address="http://127.0.0.1:9464"))
    (line,) = log.lines
    assert (line["event"], line["version"], line["level"]) == ("daemon_started", "1.2.3", "info")


def test_times_are_iso_in_utc(log_of: Begin) -> None:
    """A timestamp can be read by machines and says its zone."""
    log = log_of()
    LogReporter().report(called())
    assert datetime.fromisoformat(log.lines[0]["timestamp"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (
            events.FindingChanged(run_id="r-1", finding=finding(), was="due"),
            {"event": "finding_changed", "finding_id": "f-1", "kind": "ec2.instance", "state": "open", "was": "due"},
        ),
        (
            events.ProposalMade(run_id="r-1", proposal=proposal()),
            {"event": "proposal_made", "proposal_id": "p-1", "action": "stop", "plan_hash": happenings.PLAN.hash},
        ),
        (
            events.ActionEnded(run_id="r-1", record=record(error="denied"), outcome="failed"),
            {"event": "action_ended", "action_id": "a-1", "outcome": "failed", "error": "denied", "level": "error"},
        ),
    ],
)
def test_what_an_event_carries_is_laid_flat(log_of: Begin, event: object, fields: dict[str, str]) -> None:
    """A finding, a proposal and an action show whose they are and what of."""
    log = log_of()
    LogReporter().report(event)
    common = {
        "run_id": "r-1",
        "policy": "stop-idle",
        "account": "111122223333",
        "region": "eu-west-1",
        "resource": "i-1",
    }
    assert common | fields == {name: log.lines[0].get(name) for name in common | fields}


def test_an_actions_event_belongs_to_the_run_that_reports_it(log_of: Begin) -> None:
    """An action begun in one sweep may end in another; outside of any, it keeps the one that began it."""
    log = log_of()
    for run_id in ("r-2", ""):
        LogReporter().report(events.ActionEnded(run_id=run_id, record=record(), outcome="succeeded"))
    assert [line["run_id"] for line in log.lines] == ["r-2", "r-1"]


def test_every_line_of_a_sweep_carries_its_run(log_of: Begin) -> None:
    """A request to AWS knows no run; its line does, while the sweep lasts."""
    log = log_of()
    reporter = LogReporter()
    reporter.report(events.SweepStarted(run_id="r-7", policies=("stop-idle",), scopes=(happenings.SCOPE,)))
    reporter.report(called())
    reporter.report(happenings.sweep_finished(run_id="r-7"))
    reporter.report(called())
    assert [line.get("run_id") for line in log.lines] == ["r-7", "r-7", "r-7", None]


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (called(), "debug"),
        (listed(), "debug"),
        (listed(problem=Cause(reason="throttled", detail="page 2")), "warning"),
        (happenings.judged(), "info"),
        (happenings.judged(unknown={}), "debug"),
        (happenings.lost(), "warning"),
        (happenings.loaded("stop-idle", problems=("idle.py:3: syntax error",)), "error"),
        (events.JournalFailed(run_id="r-1", detail="the disk is full"), "error"),
        (events.RetentionFailed(detail="the disk is full"), "error"),
        (events.OldRemoved(findings=3), "info"),
        (events.LimitTripped(run_id="r-1", policy="stop-idle", batch=9, detail="9"), "warning"),
        (events.ActionEnded(run_id="r-1", record=record(), outcome="abandoned"), "warning"),
        (events.ActionEnded(run_id="r-1", record=record(), outcome="succeeded"), "info"),
    ],
)
def test_the_level_says_how_much_an_event_matters(log_of: Begin, event: object, level: str) -> None:
    """What failed is an error, what was held back a warning, what is frequent is for debugging."""
    log = log_of()
    LogReporter().report(event)
    assert log.lines[0]["level"] == level


def test_a_level_keeps_out_what_is_below_it(log_of: Begin) -> None:
    """At info, requests to AWS are not logged."""
    log = log_of(level="info")
    LogReporter().report(called())
    assert log.lines == []


def test_every_event_of_a_busy_day_is_one_line(log_of: Begin) -> None:
    """No event is lost, and none makes the log unreadable."""
    log = log_of()
    happened = list(busy_day())
    for event in happened:
        LogReporter().report(event)
    assert len(log.lines) == len(happened)


def test_the_busy_day_knows_every_event() -> None:
    """An event that is new is reported in the tests too."""
    assert set(events.__all__) == {type(event).__name__ for event in busy_day()}


def test_a_sweep_says_how_many_scopes_it_covers(log_of: Begin) -> None:
    """A thousand accounts' regions would be half a megabyte in one line."""
    log = log_of()
    LogReporter().report(
        events.SweepStarted(run_id="r-7", policies=("stop-idle",), scopes=(happenings.SCOPE,) * 17_000)
    )
    (line,) = log.lines
    assert (line["scopes"], line["policies"], line["run_id"]) == (17_000, ["stop-idle"], "r-7")


@pytest.mark.parametrize(("waiting", "level"), [(0, "warning"), (1, "debug")])
def test_that_there_is_nowhere_to_look_is_a_warning(log_of: Begin, waiting: int, level: str) -> None:
    """Nothing failed, and yet nobody looks after anything."""
    log = log_of(level="debug")
    LogReporter().report(happenings.discovered(accepted=0, waiting=waiting))
    assert log.lines[0]["level"] == level


@pytest.mark.parametrize(("told_before", "level"), [(False, "warning"), (True, "debug")])
def test_what_leads_nowhere_is_a_warning_once(log_of: Begin, *, told_before: bool, level: str) -> None:
    """A statement that names no account stands there for years."""
    log = log_of(level="debug")
    problem = DiscoveryProblem(source="statements", cause=Cause(reason="no-account", detail="*"))
    LogReporter().report(happenings.discovered(problem, told_before=told_before))
    assert log.lines[0]["level"] == level


def test_a_line_fits_what_reads_it(log_of: Begin) -> None:
    """journald cuts one at 48 KiB: of a thousand accounts that are denied it names some, and counts the rest."""
    log = log_of()
    denied = DiscoveryProblem(source="regions", cause=Cause(reason="access-denied", detail="not authorized " * 10))
    LogReporter().report(happenings.discovered(*[denied] * 1000))
    assert len(log.getvalue()) < 48 * 1024
    assert log.lines[0]["problems"][-1] == "and 900 more"


def test_a_sweep_ends_with_the_number_of_lines_that_were_no_news(log_of: Begin) -> None:
    """With its run, where the level keeps them out; without any, there is no such line."""
    log = log_of(level="info")
    reporter = LogReporter()
    for problem in (None, Cause(reason="throttled", detail="page 2"), Cause(reason="throttled", detail="page 3")):
        reporter.report(events.SweepStarted(run_id="r-7", policies=("stop-idle",), scopes=(happenings.SCOPE,)))
        reporter.report(listed(run_id="r-7", problem=problem))
        reporter.report(happenings.sweep_finished(run_id="r-7"))
    told = [line for line in log.lines if not line["event"].startswith("sweep")]
    assert [(line["event"], line["run_id"]) for line in told] == [("listed", "r-7"), ("lines_withheld", "r-7")]
    assert (told[1]["again"], told[1]["more"], told[1]["level"]) == ({"listed": 1}, {}, "warning")


def test_a_library_logs_through_the_same_renderer(log_of: Begin) -> None:
    """A warning of a library is a line like any other."""
    log = log_of()
    logging.getLogger("apscheduler.executors").warning("Run time of job %s was missed", "stop-idle")
    (line,) = log.lines
    assert (line["event"], line["level"]) == ("Run time of job stop-idle was missed", "warning")


@pytest.mark.parametrize("library", ["uvicorn", "apscheduler", "alembic", "botocore"])
def test_a_library_chats_to_nobody(log_of: Begin, library: str) -> None:
    """Even at debug: botocore would print its signed requests."""
    log = log_of(level="debug")
    logging.getLogger(f"{library}.inner").info("hello")
    assert log.lines == []


def test_a_traceback_is_part_of_its_line(log_of: Begin) -> None:
    """An exception stays with the line that tells of it."""
    log = log_of()
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.stdlib.get_logger("cloudwarden").exception("rule_failed")
    assert "ValueError: broken" in log.lines[0]["exception"]


def test_a_terminal_gets_the_readable_form(log_of: Begin) -> None:
    """`auto` is for people where people look."""
    log = log_of("auto", terminal=True)
    LogReporter().report(called())
    assert "cloud_called" in log.getvalue()
    assert not log.getvalue().startswith("{")


def test_a_pipe_gets_json(log_of: Begin) -> None:
    """`auto` is for machines everywhere else."""
    log = log_of("auto")
    LogReporter().report(called())
    assert log.lines[0]["event"] == "cloud_called"


def test_a_strangers_text_does_not_command_the_terminal(log_of: Begin) -> None:
    """A resource may be named with escape sequences; the terminal must not obey them."""
    log = log_of("console")
    LogReporter().report(events.RuleFailed(run_id="r", policy="p", resource="i-\x1b[2J", reason="r", detail="d"))
    assert "\x1b[2J" not in log.getvalue()
    assert "\\x1b[2J" in log.getvalue()


def test_whoever_sends_no_requests_writes_no_log(log_of: Begin) -> None:
    """A line for each would let a stranger fill the disk; what goes wrong in the server itself is told."""
    log = log_of()
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("uvicorn.error").error("Exception in ASGI application")
    assert [line["event"] for line in log.lines] == ["Exception in ASGI application"]


def test_configuring_twice_logs_once(log_of: Begin) -> None:
    """The last configuration counts; the first one's stream hears no more."""
    first, second = log_of(), log_of()
    LogReporter().report(called())
    assert (len(first.lines), len(second.lines)) == (0, 1)


@pytest.mark.parametrize(("form", "level"), [("yaml", "info"), ("json", "loud")])
def test_an_unknown_form_or_level_is_refused(log_of: Begin, form: str, level: str) -> None:
    """The error says what to write."""
    with pytest.raises(SettingsError, match="write one of"):
        log_of(form, level)
