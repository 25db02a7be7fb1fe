"""The numbers that Prometheus scrapes."""

from __future__ import annotations

import platform
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from cloudwarden.clock import FakeClock
from cloudwarden.core.acceptance import DiscoveryProblem
from cloudwarden.engine import events
from cloudwarden.telemetry.metrics import Metrics
from happenings import (
    NOON,
    PROBLEM,
    SCOPE,
    busy_day,
    called,
    counted,
    discovered,
    judged,
    loaded,
    lost,
    lowered,
    record,
    sweep_finished,
    waited,
)
from scraping import Value


def test_the_version_is_told(value: Value) -> None:
    """Which version runs can be seen from outside."""
    assert value("build_info", version="1.2.3", python=platform.python_version()) == 1


def test_counters_of_a_loaded_policy_begin_at_zero(metrics: Metrics, value: Value) -> None:
    """A first trip is then a rise from 0, which rate() and increase() see."""
    metrics.report(loaded("stop-idle"))
    assert value("limit_trips_total", policy="stop-idle") == 0
    assert value("policy_runs_missed_total", policy="stop-idle") == 0
    assert value("policy_evaluations_total", policy="stop-idle", verdict="unknown") == 0
    assert value("actions_held_total", policy="stop-idle", guard="re-check") == 0


def test_actions_begin_at_zero_when_their_name_is_known(metrics: Metrics, value: Value) -> None:
    """A policy's schedule names its action, before any was taken."""
    metrics.schedule("stop-idle", 900, "stop")
    metrics.report(loaded("stop-idle"))
    assert value("actions_total", policy="stop-idle", action="stop", outcome="failed") == 0
    assert value("policy_interval_seconds", policy="stop-idle") == 900


def test_an_intended_action_begins_at_zero(metrics: Metrics, value: Value) -> None:
    """What was never announced is counted from its intent on."""
    metrics.report(events.ActionIntended(run_id="r-1", record=record()))
    assert value("actions_total", policy="stop-idle", action="stop", outcome="failed") == 0


def test_verdicts_are_counted_by_outcome_and_the_unknown_by_reason(metrics: Metrics, value: Value) -> None:
    """Unknown is counted and shown with its cause."""
    metrics.report(judged(verdicts={"compliant": 5, "unknown": 2}, unknown={"throttled": 2}))
    assert value("policy_evaluations_total", policy="stop-idle", verdict="compliant") == 5
    assert value("policy_evaluations_total", policy="stop-idle", verdict="unknown") == 2
    assert value("policy_unknown_total", policy="stop-idle", reason="throttled") == 2


def test_scopes_and_what_could_not_be_discovered_are_shown(metrics: Metrics, value: Value, clock: FakeClock) -> None:
    """A source that can be told again falls back to 0; only a whole discovery is a success."""
    accounts = ("111122223333", "444455556666")
    refused = [DiscoveryProblem(source="regions", account=account, cause=PROBLEM) for account in accounts]
    known = DiscoveryProblem(source="statements", cause=PROBLEM)
    metrics.report(discovered(*refused, known, DiscoveryProblem(source="roles", cause=PROBLEM)))
    assert value("discovery_problems", source="statements") == value("discovery_problems", source="roles") == 1
    assert (value("scopes", state="accepted"), value("scopes", state="waiting")) == (2, 1)
    assert value("discovery_problems", source="regions") == 2
    assert value("discovery_last_success_timestamp_seconds") == 0
    metrics.report(discovered(known))
    assert value("discovery_problems", source="regions") == 0
    assert value("discovery_last_success_timestamp_seconds") == clock.now().timestamp()


def test_a_policy_succeeds_when_its_sweep_is_kept(metrics: Metrics, value: Value, clock: FakeClock) -> None:
    """Judged is not enough: the result must have been stored."""
    metrics.report(judged())
    assert value("policy_last_success_timestamp_seconds", policy="stop-idle") is None
    clock.advance(timedelta(seconds=5))
    metrics.report(sweep_finished())
    assert value("policy_last_success_timestamp_seconds", policy="stop-idle") == NOON.timestamp() + 5


def test_a_policy_whose_every_listing_failed_did_not_succeed(metrics: Metrics, value: Value) -> None:
    """With credentials expired, sweeps go on and learn nothing: the policy must grow stale."""
    metrics.report(judged(population=None))
    metrics.report(sweep_finished(complete=False))
    assert value("policy_last_success_timestamp_seconds", policy="stop-idle") is None
    assert value("sweeps_total", outcome="partial") == 1


def test_a_failed_sweep_is_no_success_of_a_later_one(metrics: Metrics, value: Value) -> None:
    """What an unkept sweep judged is forgotten."""
    metrics.report(judged())
    metrics.report(events.SweepFailed(run_id="r-1", policies=("stop-idle",), detail="locked"))
    metrics.report(sweep_finished())
    assert value("policy_last_success_timestamp_seconds", policy="stop-idle") is None
    assert value("sweeps_total", outcome="failed") == 1


def test_findings_that_nobody_watches_are_counted(metrics: Metrics, value: Value) -> None:
    """By why, from zero on: their policy is no label, for it is gone."""
    assert value("findings_orphaned_total", why="scope-left") == 0
    metrics.report(events.FindingsOrphaned(policy="stop-old", scope=SCOPE, reason="policy-removed", findings=3))
    assert value("findings_orphaned_total", why="policy-removed") == 3


def test_series_go_with_their_policy(metrics: Metrics) -> None:
    """Nothing names a policy that is no longer loaded, not even what is heard of it later."""
    for event in busy_day():
        metrics.report(event)
    metrics.report(loaded("open-groups"))
    for event in busy_day():
        if not isinstance(event, events.PoliciesLoaded):
            metrics.report(event)
    text = generate_latest(metrics.registry).decode()
    assert "stop-idle" not in text
    assert 'policy="open-groups"' in text


def test_a_policy_that_stays_keeps_its_counts(metrics: Metrics, value: Value, clock: FakeClock) -> None:
    """A reload is no restart."""
    metrics.report(loaded("stop-idle"))
    metrics.report(judged())
    clock.advance(timedelta(hours=1))
    metrics.report(loaded("stop-idle", "open-groups"))
    assert value("policy_evaluations_total", policy="stop-idle", verdict="violation") == 1
    assert value("policy_loaded_timestamp_seconds", policy="stop-idle") == NOON.timestamp()


def test_a_policy_that_was_lost_everywhere_did_not_succeed(metrics: Metrics, value: Value) -> None:
    """Nobody has judged it: it must grow stale."""
    metrics.report(lost())
    metrics.report(sweep_finished(complete=False))
    assert value("policy_last_success_timestamp_seconds", policy="stop-idle") is None


def test_a_refused_file_fails_the_reload(metrics: Metrics, value: Value, clock: FakeClock) -> None:
    """The time of the last good reload stays."""
    metrics.report(loaded("stop-idle"))
    clock.advance(timedelta(hours=1))
    metrics.report(loaded("stop-idle", problems=("idle.py:3: syntax error",)))
    assert value("config_last_reload_successful") == 0
    assert value("config_last_reload_success_timestamp_seconds") == NOON.timestamp()
    assert value("policies", mode="unknown", status="refused") == 1
    assert value("policies", mode="propose", status="loaded") == 1


def test_metric_series_are_counted_after_sharing(metrics: Metrics, value: Value) -> None:
    """What was asked twice is paid for once, by one policy, and the saving is told."""
    metrics.report(events.MetricsRequested(run_id="", scope=SCOPE, requested={"stop-idle": 5}, shared=3))
    metrics.report(events.LeasesUsed(run_id="", verdicts=7, series=14))
    assert value("cloudwatch_metrics_requested_total", policy="stop-idle") == 5
    assert value("cloudwatch_metrics_saved_total", why="shared") == 3
    assert value("cloudwatch_metrics_saved_total", why="lease") == 14


def test_a_policy_that_went_is_billed_no_more(metrics: Metrics, value: Value) -> None:
    """Its series goes, and what is still heard of it does not bring it back."""
    metrics.report(loaded("stop-idle"))
    metrics.report(loaded("open-groups"))
    metrics.report(events.MetricsRequested(run_id="", scope=SCOPE, requested={"stop-idle": 5}, shared=0))
    assert value("cloudwatch_metrics_requested_total", policy="stop-idle") is None


def test_the_budget_and_what_was_spent_of_it_are_shown(metrics: Metrics, value: Value) -> None:
    """An alert compares them."""
    metrics.report(events.MetricsBudgeted(run_id="", granted=7, spent=700, budget=1000, refused=9))
    assert value("cloudwatch_metrics_spent_today") == 700
    assert value("cloudwatch_metrics_budget") == 1000


def test_the_budget_is_known_before_anything_is_asked_for(clock: FakeClock) -> None:
    """A budget of nothing would be spent at once, and for ever where no policy asks."""
    metrics = Metrics(clock=clock, metrics_per_day=1000)
    assert metrics.registry.get_sample_value("cloudwarden_cloudwatch_metrics_budget") == 1000


def test_what_was_spent_is_what_the_store_says(metrics: Metrics, value: Value) -> None:
    """After a start, and after midnight, nobody may ask for long."""
    metrics.report(counted(metrics_spent=700))
    assert value("cloudwatch_metrics_spent_today") == 700
    metrics.report(counted(metrics_spent=0))
    assert value("cloudwatch_metrics_spent_today") == 0


def test_a_rollback_is_shown_until_somebody_resumed(metrics: Metrics, value: Value) -> None:
    """At once when it is found, after a restart as long as its pause stands, and no longer."""
    metrics.report(events.RollbackFound(target="s3://audit/journal", detail="the copy knows entries up to 9"))
    assert (value("store_rolled_back"), value("journal_rollbacks_total")) == (1, 1)
    metrics.report(counted(rolled_back=True))
    assert value("store_rolled_back") == 1
    metrics.report(counted())
    assert (value("store_rolled_back"), value("journal_rollbacks_total")) == (0, 1)


def test_requests_are_counted_by_outcome(metrics: Metrics, value: Value) -> None:
    """Throttling shows as such."""
    metrics.report(called(outcome="throttled", seconds=0.3))
    assert value("aws_requests_total", service="ec2", operation="DescribeInstances", outcome="throttled") == 1
    assert value("aws_request_duration_seconds_sum", service="ec2") == pytest.approx(0.3)


def test_what_throttling_costs_is_counted(metrics: Metrics, value: Value) -> None:
    """The time that requests stood still adds up, and each slowing down is counted by account."""
    metrics.report(waited(seconds=0.5))
    metrics.report(waited(seconds=1.5))
    metrics.report(lowered())
    assert value("aws_throttle_wait_seconds_total", service="ec2") == 2.0
    assert value("aws_limits_lowered_total", service="ec2", account=SCOPE.account) == 1


def test_the_store_is_shown_from_one_count(metrics: Metrics, value: Value) -> None:
    """A new count replaces the old one whole: what is gone is gone."""
    metrics.report(loaded("stop-idle"))
    metrics.report(counted())
    metrics.report(counted(findings={("stop-idle", "high", "1"): 4}, proposals={}, oldest_proposal={}))
    assert value("findings", policy="stop-idle", severity="high", account="1") == 4
    assert value("findings", policy="stop-idle", severity="medium", account=SCOPE.account) is None
    assert value("proposals_pending", policy="stop-idle") == 0
    assert value("proposal_oldest_timestamp_seconds", policy="stop-idle") is None


def test_savings_are_shown_with_what_is_unknown_of_them(metrics: Metrics, value: Value) -> None:
    """A sum without the number of what it lacks would be read as all; a policy without any shows zero."""
    metrics.report(loaded("stop-idle", "open-groups"))
    metrics.report(counted())
    assert value("estimated_monthly_savings_dollars", policy="stop-idle") == 61.25
    assert value("savings_unknown", policy="stop-idle") == 1
    assert value("estimated_monthly_savings_dollars", policy="open-groups") == 0


def test_a_pause_is_shown_for_what_it_holds(metrics: Metrics, value: Value) -> None:
    """One policy or everything; what is not paused says so, and an account only while it is paused."""
    metrics.report(loaded("stop-idle", "open-groups"))
    metrics.report(counted(paused=frozenset({("*", "*"), ("stop-idle", "*"), ("*", SCOPE.account)})))
    names = ("*", "stop-idle", "open-groups")
    assert [value("paused", policy=policy, account="*") for policy in names] == [1, 1, 0]
    assert value("paused", policy="*", account=SCOPE.account) == 1
    metrics.report(counted())
    assert value("paused", policy="*", account=SCOPE.account) is None


def test_messages_to_owners_are_counted_by_channel(metrics: Metrics, value: Value) -> None:
    """Accepted, refused, and for nobody; what is due is a gauge, and ends with what it counts."""
    metrics.report(loaded("stop-idle"))
    metrics.report(events.NoticesDelivered(channel="ops", owner="ada", notices=5, findings=("f-1",)))
    metrics.report(events.NoticesFailed(channel="", owner="", notices=1, attempts=1, detail="no owner is known"))
    assert value("notifications_total", channel="ops", outcome="delivered") == 1
    assert value("notifications_total", channel="none", outcome="failed") == 1
    metrics.report(counted(notices={"stop-idle": 3}))
    assert value("notices_pending", policy="stop-idle") == 3
    metrics.report(counted(notices={}, oldest_notice={}))
    assert value("notices_pending", policy="stop-idle") == 0
    assert value("notice_oldest_timestamp_seconds", policy="stop-idle") is None


def test_a_refused_file_of_exemptions_is_counted(metrics: Metrics, value: Value) -> None:
    """Until it is mended; without a file nothing is wrong."""
    assert value("exemptions_file_last_reload_successful") == 1
    refused = events.ExemptionsRead(file="x.toml", exemptions=0, changed=0, problems=("x.toml: is not TOML",))
    metrics.report(refused)
    assert (value("exemptions_file_last_reload_successful"), value("exemptions_file_refused_total")) == (0, 1)
    metrics.report(replace(refused, problems=()))
    assert (value("exemptions_file_last_reload_successful"), value("exemptions_file_refused_total")) == (1, 1)


def test_every_metric_is_well_formed(metrics: Metrics) -> None:
    """Prefix, help, `_total` on counters alone, and no label that could grow without bound."""
    for event in busy_day():
        metrics.report(event)
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        if family.name.startswith("process_"):
            continue
        assert family.name.startswith("cloudwarden_")
        assert family.documentation
        assert not family.name.endswith("_created")
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter")
            assert not {"i-1", "f-1", "p-1", "a-1", "r-1"} & set(sample.labels.values())
            assert family.type != "histogram" or not {"account", "region"} & set(sample.labels)


def test_an_unknown_event_is_passed_over(metrics: Metrics) -> None:
    """Reporters hear all events; not every one is a number."""
    metrics.report(object())
