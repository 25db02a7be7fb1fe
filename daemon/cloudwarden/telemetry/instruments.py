"""Every Prometheus metric that events move: names, labels and what each means."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from cloudwarden.telemetry.meter import Meter

_EVALUATION = (0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60)
_PHASE = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
_REQUEST = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)


class Instruments:
    """The metrics of one registry, by what they measure."""

    def __init__(self, registry: CollectorRegistry) -> None:
        meter = Meter(registry)
        self.labels = meter.labels
        self.build = meter.info("build", "The version that runs")
        self.files = Files(meter)
        self.policies = Policies(meter)
        self.sweeps = Sweeps(meter)
        self.findings = Findings(meter)
        self.journal = Journal(meter)
        self.scopes = Scopes(meter)
        self.requests = Requests(meter)
        self.series = Series(meter)

    @property
    def by_policy(self) -> Sequence[MetricWrapperBase]:
        """The metrics whose series go when their policy goes."""
        return [metric for metric, labels in self.labels.items() if "policy" in labels]


class Files:
    """What files said when last read: policies, settings and exemptions."""

    def __init__(self, meter: Meter) -> None:
        self.policies_successful = meter.gauge(
            "config_last_reload_successful", "Whether every policy file was accepted when last read: 1 or 0"
        )
        self.policies_success_timestamp = meter.gauge(
            "config_last_reload_success_timestamp_seconds", "When every policy file was last accepted, Unix time"
        )
        self.settings_in_force = meter.gauge(
            "config_settings_in_force",
            "Whether the settings are what their file says, unedited since the start: 1 or 0",
        )
        self.exemptions_successful = meter.gauge(
            "exemptions_file_last_reload_successful",
            "Whether the file of exemptions was accepted when last read: 1 or 0; 1 too where there is none",
        )
        self.exemptions_refused = meter.counter(
            "exemptions_file_refused_total", "Times that the file of exemptions was read and refused"
        )


class Policies:
    """The policies that are loaded, and how they judge."""

    def __init__(self, meter: Meter) -> None:
        self.by_mode = meter.gauge(
            "policies",
            "Policies by mode, within the ceiling: those loaded, and problems that kept a file or policy from being "
            "loaded (refused)",
            "mode",
            "status",
        )
        self.evaluations = meter.counter("policy_evaluations_total", "Verdicts given, by outcome", "policy", "verdict")
        self.unknown = meter.counter("policy_unknown_total", "Unknown verdicts, by reason", "policy", "reason")
        self.evaluation_duration = meter.histogram(
            "policy_evaluation_duration_seconds", "Time to judge the resources of a scope", _EVALUATION, "policy"
        )
        self.last_success = meter.gauge(
            "policy_last_success_timestamp_seconds",
            "When the policy was last judged on at least one complete listing and the result kept, Unix time",
            "policy",
        )
        self.loaded_timestamp = meter.gauge(
            "policy_loaded_timestamp_seconds", "Since when this process has had the policy, Unix time", "policy"
        )
        self.interval = meter.gauge(
            "policy_interval_seconds", "Time between runs of the policy; the longest one for a cron schedule", "policy"
        )
        self.runs_missed = meter.counter(
            "policy_runs_missed_total", "Runs that did not begin because an earlier one was not over", "policy"
        )


class Sweeps:
    """Passes of the policies that are due."""

    def __init__(self, meter: Meter) -> None:
        self.ended = meter.counter(
            "sweeps_total", "Sweeps ended: complete, partial (a listing was), or failed", "outcome"
        )
        self.phase_duration = meter.histogram(
            "sweep_duration_seconds", "Time taken by a sweep's phase", _PHASE, "phase"
        )


class Findings:
    """What becomes of findings: actions, notices, and those that nobody watches any more."""

    def __init__(self, meter: Meter) -> None:
        self.actions = meter.counter("actions_total", "Actions ended, by outcome", "policy", "action", "outcome")
        self.held = meter.counter(
            "actions_held_total", "Times that a guard newly held an action back", "policy", "guard"
        )
        self.notifications = meter.counter(
            "notifications_total",
            "Messages to owners by channel (none where no owner is known): delivered, failed, or given up",
            "channel",
            "outcome",
        )
        self.orphaned = meter.counter(
            "findings_orphaned_total",
            "Findings closed because nobody watches them any more: policy-removed, or scope-left",
            "why",
        )
        self.limit_trips = meter.counter(
            "limit_trips_total", "Batches of which nothing was done because they exceeded a limit", "policy"
        )


class Journal:
    """The journal and its copy, and whether the store that holds it was put back."""

    def __init__(self, meter: Meter) -> None:
        self.write_failures = meter.counter(
            "journal_write_failures_total", "Times that the store could not be written, so that nothing was done"
        )
        self.unshipped = meter.gauge(
            "journal_unshipped_entries",
            "Entries of the journal that were not in its copy when it was last shipped, or tried to be",
        )
        self.last_shipped = meter.gauge(
            "journal_last_shipped_timestamp_seconds", "When entries last reached the journal's copy, Unix time"
        )
        self.shipping_failures = meter.counter(
            "journal_shipping_failures_total", "Times that the journal could not be brought to its copy"
        )
        self.rollbacks = meter.counter(
            "journal_rollbacks_total", "Times that the journal's copy knew entries which the store did not"
        )
        self.store_rolled_back = meter.gauge(
            "store_rolled_back", "Whether the store was put back to an earlier state and nobody resumed since, 1 or 0"
        )


class Scopes:
    """Which scopes are looked at, and what keeps others from it."""

    def __init__(self, meter: Meter) -> None:
        self.workers_lost = meter.counter(
            "workers_lost_total", "Processes that read and judge which ended or hung; their scopes were not looked at"
        )
        self.by_state = meter.gauge(
            "scopes", "Scopes at the latest sweep: accepted, or waiting to be accepted", "state"
        )
        self.discovery_problems = meter.gauge(
            "discovery_problems",
            "What the latest discovery could not be told, so that an older answer stands: credentials, organization, "
            "roles (all of them, or so many accounts'), or the regions of so many accounts; and what leads nowhere: "
            "settings, by which so many accounts have no region; statements of IAM policies that name no account",
            "source",
        )
        self.discovery_last_success = meter.gauge(
            "discovery_last_success_timestamp_seconds", "When all scopes were last told completely, Unix time"
        )


class Requests:
    """Requests to AWS, and what slows them down."""

    def __init__(self, meter: Meter) -> None:
        self.sent = meter.counter(
            "aws_requests_total", "Requests sent to AWS, by outcome", "service", "operation", "outcome"
        )
        self.duration = meter.histogram("aws_request_duration_seconds", "Time of a request to AWS", _REQUEST, "service")
        self.waits = meter.counter(
            "aws_throttle_wait_seconds_total", "Time that requests stood still so as not to be throttled", "service"
        )
        self.limits_lowered = meter.counter(
            "aws_limits_lowered_total", "Times that AWS throttled us and we slowed down", "service", "account"
        )


class Series:
    """Metric series of CloudWatch, each of which costs."""

    def __init__(self, meter: Meter) -> None:
        self.requested = meter.counter(
            "cloudwatch_metrics_requested_total",
            "Metric series asked of CloudWatch, which bills each, by the policy that asked first",
            "policy",
        )
        self.saved = meter.counter(
            "cloudwatch_metrics_saved_total",
            "Metric series that rules need and CloudWatch was not asked for: another asked (shared), or the verdict "
            "still held (lease)",
            "why",
        )
        self.spent = meter.gauge(
            "cloudwatch_metrics_spent_today", "Metric series taken from the budget of this UTC day"
        )
        self.budget = meter.gauge("cloudwatch_metrics_budget", "Metric series that may be asked for in a UTC day")
