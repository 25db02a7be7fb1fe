"""Metrics: the reporter that keeps the numbers Prometheus scrapes."""

from __future__ import annotations

import platform
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics

from cloudwarden.clock import SystemClock
from cloudwarden.core import guards
from cloudwarden.core.acceptance import LEFT_OUT, STATEMENTS
from cloudwarden.core.bounds import LIMIT
from cloudwarden.core.policy import Mode
from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Outcome
from cloudwarden.engine import events
from cloudwarden.engine.orphans import Why
from cloudwarden.ports import Clock
from cloudwarden.telemetry.instruments import Instruments
from cloudwarden.telemetry.listings import Listings
from cloudwarden.telemetry.snapshot import StoreSnapshot
from cloudwarden.telemetry.unread import UnreadResources
from cloudwarden.version import VERSION

CAUTION = "caution"

GUARDS = (*(guard.__name__ for guard in guards.CHAIN), LIMIT, "re-check", "blast-radius", CAUTION)
"""Every guard that can hold an action: its counters begin at 0, so that a first trip is a rise and not a beginning."""

DISCOVERIES = ("credentials", "organization", "roles", "regions", LEFT_OUT, STATEMENTS)
"""What a discovery asks for, and what it knows to lead nowhere."""

ENDINGS = ("succeeded", "failed", "abandoned", "unknown")
"""How an action ends."""


class Metrics:
    """Hears events and moves the metrics of `registry`; any thread may report.

    Series that name a policy live as long as the policy is loaded: its counters begin at 0 when it comes, and
    what is still heard of it after it went is dropped. Before the first PoliciesLoaded every policy counts.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        version: str = VERSION,
        clock: Clock | None = None,
        metrics_per_day: int = 0,
    ) -> None:
        # A counter's creation time as a series of its own doubles the series and says nothing that we ask.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry or CollectorRegistry()
        self._clock = clock or SystemClock()
        self._is = Instruments(self.registry)
        self._snapshot = StoreSnapshot()
        self._listings = Listings()
        self._unread = UnreadResources()
        for collector in (self._snapshot, self._listings, self._unread):
            self.registry.register(collector)
        ProcessCollector(registry=self.registry)
        self._is.build.info({"version": version, "python": platform.python_version()})
        self._is.files.exemptions_successful.set(1)
        self._is.files.settings_in_force.set(1)
        self._is.series.budget.set(metrics_per_day)
        for why in Why:
            self._is.findings.orphaned.labels(why.value)
        self._lock = threading.RLock()
        self._loaded: frozenset[str] | None = None
        self._judged: defaultdict[str, set[str]] = defaultdict(set)
        """By run: the policies judged on a complete listing, whose success counts once the sweep is kept."""
        self._handlers = self._by_event()

    def report(self, event: object) -> None:
        """Count it; an event that moves no metric is passed over."""
        if handler := self._handlers.get(type(event)):
            with self._lock:
                handler(event)

    def schedule(self, policy: str, interval_seconds: float, action: str | None = None) -> None:
        """Say how often a loaded policy runs and, if it has one, the name of its action."""
        with self._lock:
            self._is.policies.interval.labels(policy).set(interval_seconds)
            if action is not None:
                self._begin_action(policy, action)

    def _by_event(self) -> Mapping[type, Callable[[Any], None]]:
        """What each event does to the metrics."""
        return {
            events.PhaseFinished: self._phase_finished,
            events.Listed: self._listed,
            events.ScopesLeft: self._scopes_left,
            events.ScopesDiscovered: self._scopes_discovered,
            events.MetricsRequested: self._metrics_requested,
            events.LeasesUsed: self._leases_used,
            events.MetricsBudgeted: self._metrics_budgeted,
            events.PolicyJudged: self._policy_judged,
            events.JudgementLost: self._judgement_lost,
            events.FindingsOrphaned: lambda event: self._is.findings.orphaned.labels(event.reason).inc(event.findings),
            events.ProposalMade: self._proposal_made,
            events.ActionHeld: self._action_held,
            events.LimitTripped: self._limit_tripped,
            events.PolicyCautious: self._policy_cautious,
            events.ActionIntended: self._action_intended,
            events.ActionEnded: self._action_ended,
            events.NoticesDelivered: lambda event: self._notified(event.channel, "delivered"),
            events.NoticesFailed: lambda event: self._notified(event.channel, "failed"),
            events.NoticeGivenUp: lambda event: self._notified(event.channel, "given-up"),
            events.JournalFailed: self._journal_failed,
            events.JournalShipped: self._journal_shipped,
            events.ShippingFailed: self._shipping_failed,
            events.RollbackFound: self._rollback_found,
            events.SweepFinished: self._sweep_finished,
            events.SweepFailed: self._sweep_failed,
            events.RunMissed: self._run_missed,
            events.WorkerLost: lambda _: self._is.scopes.workers_lost.inc(),
            events.PoliciesLoaded: self._policies_loaded,
            events.ExemptionsRead: self._exemptions_read,
            events.SettingsEdited: self._settings_edited,
            events.CloudCalled: self._cloud_called,
            events.CloudWaited: self._cloud_waited,
            events.LimitLowered: self._limit_lowered,
            events.StoreCounted: self._store_counted,
        }

    def _policies_loaded(self, event: events.PoliciesLoaded) -> None:
        names = frozenset(name for name, _ in event.policies)
        modes = [mode for _, mode in event.policies]
        for mode in Mode:
            self._is.policies.by_mode.labels(str(mode), "loaded").set(modes.count(str(mode)))
        self._is.policies.by_mode.labels("unknown", "refused").set(len(event.problems))
        self._is.files.policies_successful.set(not event.problems)
        if not event.problems:
            self._is.files.policies_success_timestamp.set(self._now())
        self._forget((self._loaded or frozenset()) - names)
        for name in names - (self._loaded or frozenset()):
            self._begin(name)
        self._loaded = names
        # A gauge that nobody sets any more would stand for ever.
        self._listings.keep(event.kinds, names)
        self._unread.keep(names)
        self._snapshot.load(names)

    def _begin(self, policy: str) -> None:
        self._is.policies.loaded_timestamp.labels(policy).set(self._now())
        for outcome in Outcome:
            self._is.policies.evaluations.labels(policy, outcome.value)
        for guard in GUARDS:
            self._is.findings.held.labels(policy, guard)
        for metric in (
            self._is.policies.runs_missed,
            self._is.findings.limit_trips,
            self._is.policies.evaluation_duration,
            self._is.series.requested,
        ):
            metric.labels(policy)

    def _begin_action(self, policy: str, action: str) -> None:
        if self._shown(policy):
            for outcome in ENDINGS:
                self._is.findings.actions.labels(policy, action, outcome)

    def _forget(self, policies: frozenset[str]) -> None:
        for policy in policies:
            for metric in self._is.by_policy:
                metric.remove_by_labels({"policy": policy})

    def _shown(self, policy: str) -> bool:
        return self._loaded is None or policy in self._loaded

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _phase_finished(self, event: events.PhaseFinished) -> None:
        self._is.sweeps.phase_duration.labels(event.phase).observe(event.seconds)

    def _listed(self, event: events.Listed) -> None:
        complete = event.resources if event.problem is None else None
        self._listings.listed(event.scope, event.kind, complete, self._now())

    def _scopes_left(self, event: events.ScopesLeft) -> None:
        # A gauge of 0 that nobody sets any more would alarm for ever.
        scopes = [Scope(account=event.account, region=region) for region in event.regions]
        self._listings.forget(scopes)
        self._unread.forget(scopes)

    def _scopes_discovered(self, event: events.ScopesDiscovered) -> None:
        self._is.scopes.by_state.labels("accepted").set(event.accepted)
        self._is.scopes.by_state.labels("waiting").set(event.waiting)
        for source in DISCOVERIES:
            self._is.scopes.discovery_problems.labels(source).set(sum(one.source == source for one in event.problems))
        if not any(one.untold for one in event.problems):
            self._is.scopes.discovery_last_success.set(self._now())

    def _metrics_requested(self, event: events.MetricsRequested) -> None:
        for policy, requested in event.requested.items():
            if self._shown(policy):
                self._is.series.requested.labels(policy).inc(requested)
        self._is.series.saved.labels("shared").inc(event.shared)

    def _leases_used(self, event: events.LeasesUsed) -> None:
        self._is.series.saved.labels("lease").inc(event.series)

    def _metrics_budgeted(self, event: events.MetricsBudgeted) -> None:
        self._is.series.spent.set(event.spent)
        self._is.series.budget.set(event.budget)

    def _policy_judged(self, event: events.PolicyJudged) -> None:
        if not self._shown(event.policy):
            return
        for verdict, number in event.verdicts.items():
            self._is.policies.evaluations.labels(event.policy, verdict).inc(number)
        for reason, number in event.unknown.items():
            self._is.policies.unknown.labels(event.policy, reason).inc(number)
        self._is.policies.evaluation_duration.labels(event.policy).observe(event.seconds)
        if event.population is not None:
            self._judged[event.run_id].add(event.policy)
        self._listings.judged(event.scope, event.policy)
        self._unread.judged(event.policy, event.scope, event.unread)

    def _judgement_lost(self, event: events.JudgementLost) -> None:
        if self._shown(event.policy):
            self._listings.lost(event.scope, event.kind, event.policy)

    def _sweep_finished(self, event: events.SweepFinished) -> None:
        self._is.sweeps.ended.labels("complete" if event.complete else "partial").inc()
        for policy in self._judged.pop(event.run_id, ()):
            if self._shown(policy):
                self._is.policies.last_success.labels(policy).set(self._now())

    def _sweep_failed(self, event: events.SweepFailed) -> None:
        self._is.sweeps.ended.labels("failed").inc()
        self._judged.pop(event.run_id, None)

    def _run_missed(self, event: events.RunMissed) -> None:
        if self._shown(event.policy):
            self._is.policies.runs_missed.labels(event.policy).inc(event.missed)

    def _policy_cautious(self, event: events.PolicyCautious) -> None:
        if self._shown(event.policy):
            self._is.findings.held.labels(event.policy, CAUTION).inc()

    def _proposal_made(self, event: events.ProposalMade) -> None:
        self._begin_action(event.proposal.policy, event.proposal.plan.action)

    def _action_intended(self, event: events.ActionIntended) -> None:
        self._begin_action(event.record.policy, event.record.plan.action)

    def _action_ended(self, event: events.ActionEnded) -> None:
        if self._shown(event.record.policy):
            self._is.findings.actions.labels(event.record.policy, event.record.plan.action, event.outcome).inc()

    def _action_held(self, event: events.ActionHeld) -> None:
        if self._shown(event.policy):
            self._is.findings.held.labels(event.policy, event.guard).inc()

    def _limit_tripped(self, event: events.LimitTripped) -> None:
        if self._shown(event.policy):
            self._is.findings.limit_trips.labels(event.policy).inc()

    def _notified(self, channel: str | None, outcome: str) -> None:
        self._is.findings.notifications.labels(channel or "none", outcome).inc()

    def _journal_failed(self, event: events.JournalFailed) -> None:
        del event
        self._is.journal.write_failures.inc()

    def _journal_shipped(self, event: events.JournalShipped) -> None:
        self._is.journal.unshipped.set(event.unshipped)
        self._is.journal.last_shipped.set(self._now())

    def _shipping_failed(self, event: events.ShippingFailed) -> None:
        self._is.journal.unshipped.set(event.unshipped)
        self._is.journal.shipping_failures.inc()

    def _rollback_found(self, event: events.RollbackFound) -> None:
        del event
        self._is.journal.rollbacks.inc()
        self._is.journal.store_rolled_back.set(1)

    def _store_counted(self, event: events.StoreCounted) -> None:
        self._snapshot.count(event)
        # Also when nothing is asked: yesterday's number would stand until something is, and none after a start.
        self._is.series.spent.set(event.metrics_spent)
        self._is.journal.store_rolled_back.set(event.rolled_back)

    def _exemptions_read(self, event: events.ExemptionsRead) -> None:
        self._is.files.exemptions_successful.set(not event.problems)
        self._is.files.exemptions_refused.inc(bool(event.problems))

    def _settings_edited(self, event: events.SettingsEdited) -> None:
        self._is.files.settings_in_force.set(not event.differing and not event.problem)

    def _cloud_called(self, event: events.CloudCalled) -> None:
        self._is.requests.sent.labels(event.service, event.operation, event.outcome).inc()
        self._is.requests.duration.labels(event.service).observe(event.seconds)

    def _cloud_waited(self, event: events.CloudWaited) -> None:
        self._is.requests.waits.labels(event.service).inc(event.seconds)

    def _limit_lowered(self, event: events.LimitLowered) -> None:
        self._is.requests.limits_lowered.labels(event.service, event.scope.account).inc()
