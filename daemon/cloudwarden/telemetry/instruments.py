"""Every Prometheus metric that events move: names, labels and what each means."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.metrics import MetricWrapperBase

_EVALUATION = (0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60)
_PHASE = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
_REQUEST = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)


class Instruments:
    """The metrics of one registry. No label is ever a resource's id; no histogram has account and region."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"cloudwarden_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"cloudwarden_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], label: str) -> Histogram:
            return Histogram(f"cloudwarden_{name}", text, (label,), buckets=buckets, registry=registry)

        self.build = Info("cloudwarden_build", "The version that runs", registry=registry)

        self.reload_successful = gauge(
            "config_last_reload_successful", "Whether every policy file was accepted when last read: 1 or 0"
        )
        self.reload_success_timestamp = gauge(
            "config_last_reload_success_timestamp_seconds", "When every policy file was last accepted, Unix time"
        )
        self.settings_in_force = gauge(
            "config_settings_in_force",
            "Whether the settings are what their file says, unedited since the start: 1 or 0",
        )
        self.exemptions_successful = gauge(
            "exemptions_file_last_reload_successful",
            "Whether the file of exemptions was accepted when last read: 1 or 0; 1 too where there is none",
        )
        self.exemptions_refused = counter(
            "exemptions_file_refused_total", "Times that the file of exemptions was read and refused"
        )
        self.policies = gauge(
            "policies",
            "Policies by mode, within the ceiling: those loaded, and problems that kept a file or policy from being "
            "loaded (refused)",
            "mode",
            "status",
        )
        self.evaluations = counter("policy_evaluations_total", "Verdicts given, by outcome", "policy", "verdict")
        self.unknown = counter("policy_unknown_total", "Unknown verdicts, by reason", "policy", "reason")
        self.evaluation_duration = histogram(
            "policy_evaluation_duration_seconds", "Time to judge the resources of a scope", _EVALUATION, "policy"
        )
        self.last_success = gauge(
            "policy_last_success_timestamp_seconds",
            "When the policy was last judged on at least one complete listing and the result kept, Unix time",
            "policy",
        )
        self.loaded_timestamp = gauge(
            "policy_loaded_timestamp_seconds", "Since when this process has had the policy, Unix time", "policy"
        )
        self.interval = gauge(
            "policy_interval_seconds", "Time between runs of the policy; the longest one for a cron schedule", "policy"
        )
        self.runs_missed = counter(
            "policy_runs_missed_total", "Runs that did not begin because an earlier one was not over", "policy"
        )
        self.sweeps = counter("sweeps_total", "Sweeps ended: complete, partial (a listing was), or failed", "outcome")
        self.sweep_duration = histogram("sweep_duration_seconds", "Time taken by a sweep's phase", _PHASE, "phase")

        self.actions = counter("actions_total", "Actions ended, by outcome", "policy", "action", "outcome")
        self.held = counter("actions_held_total", "Times that a guard newly held an action back", "policy", "guard")
        self.notifications = counter(
            "notifications_total",
            "Messages to owners by channel (none where no owner is known): delivered, failed, or given up",
            "channel",
            "outcome",
        )
        self.findings_orphaned = counter(
            "findings_orphaned_total",
            "Findings closed because nobody watches them any more: policy-removed, or scope-left",
            "why",
        )
        self.limit_trips = counter(
            "limit_trips_total", "Batches of which nothing was done because they exceeded a limit", "policy"
        )
        self.journal_failures = counter(
            "journal_write_failures_total", "Times that the store could not be written, so that nothing was done"
        )
        self.journal_unshipped = gauge(
            "journal_unshipped_entries",
            "Entries of the journal that were not in its copy when it was last shipped, or tried to be",
        )
        self.journal_last_shipped = gauge(
            "journal_last_shipped_timestamp_seconds", "When entries last reached the journal's copy, Unix time"
        )
        self.journal_shipping_failures = counter(
            "journal_shipping_failures_total", "Times that the journal could not be brought to its copy"
        )
        self.journal_rollbacks = counter(
            "journal_rollbacks_total", "Times that the journal's copy knew entries which the store did not"
        )
        self.store_rolled_back = gauge(
            "store_rolled_back", "Whether the store was put back to an earlier state and nobody resumed since, 1 or 0"
        )

        self.workers_lost = counter(
            "workers_lost_total", "Processes that read and judge which ended or hung; their scopes were not looked at"
        )

        self.scopes = gauge("scopes", "Scopes at the latest sweep: accepted, or waiting to be accepted", "state")
        self.discovery_problems = gauge(
            "discovery_problems",
            "What the latest discovery could not be told, so that an older answer stands: credentials, organization, "
            "roles (all of them, or so many accounts'), or the regions of so many accounts; and what leads nowhere: "
            "settings, by which so many accounts have no region; statements of IAM policies that name no account",
            "source",
        )
        self.discovery_last_success = gauge(
            "discovery_last_success_timestamp_seconds", "When all scopes were last told completely, Unix time"
        )
        self.aws_requests = counter(
            "aws_requests_total", "Requests sent to AWS, by outcome", "service", "operation", "outcome"
        )
        self.aws_duration = histogram("aws_request_duration_seconds", "Time of a request to AWS", _REQUEST, "service")
        self.aws_waits = counter(
            "aws_throttle_wait_seconds_total", "Time that requests stood still so as not to be throttled", "service"
        )
        self.aws_limits_lowered = counter(
            "aws_limits_lowered_total", "Times that AWS throttled us and we slowed down", "service", "account"
        )
        self.metrics_requested = counter(
            "cloudwatch_metrics_requested_total",
            "Metric series asked of CloudWatch, which bills each, by the policy that asked first",
            "policy",
        )
        self.metrics_saved = counter(
            "cloudwatch_metrics_saved_total",
            "Metric series that rules need and CloudWatch was not asked for: another asked (shared), or the verdict "
            "still held (lease)",
            "why",
        )
        self.metrics_spent = gauge(
            "cloudwatch_metrics_spent_today", "Metric series taken from the budget of this UTC day"
        )
        self.metrics_budget = gauge("cloudwatch_metrics_budget", "Metric series that may be asked for in a UTC day")

    def by_policy(self) -> Iterator[MetricWrapperBase]:
        """The metrics whose series go when their policy goes."""
        yield from (self.evaluations, self.unknown, self.evaluation_duration, self.last_success)
        yield from (self.loaded_timestamp, self.interval, self.runs_missed)
        yield from (self.actions, self.held, self.limit_trips, self.metrics_requested)
