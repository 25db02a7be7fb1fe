"""Gauges of what the store holds, all from the same count: a scrape never sees half of an update."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cloudwarden.core.exemption import ANY
from cloudwarden.engine.events import StoreCounted


class StoreSnapshot(Collector):
    """Exposes the latest StoreCounted, for the policies that are loaded.

    A new count replaces the old one in a single assignment, so series of findings that closed simply end.
    """

    def __init__(self) -> None:
        self._held: tuple[StoreCounted | None, frozenset[str] | None] = (None, None)

    def count(self, counted: StoreCounted) -> None:
        """Show this count from now on."""
        self._held = (counted, self._held[1])

    def load(self, policies: Collection[str]) -> None:
        """Show these policies from now on, and no others."""
        self._held = (self._held[0], frozenset(policies))

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The names, so that the registry refuses a second collector of them."""
        yield from _families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One gauge after another, from one and the same count."""
        counted, policies = self._held
        families = _families()
        if counted is not None:
            _fill(families, counted, frozenset(_mentioned(counted)) if policies is None else policies)
        yield from families


def _fill(families: Sequence[GaugeMetricFamily], counted: StoreCounted, shown: frozenset[str]) -> None:
    findings, proposals, oldest, exemptions, paused, savings, savings_unknown = families[:7]
    for labels, number in counted.findings.items():
        if labels[0] in shown:
            findings.add_metric(labels, number)
    for policy in shown:
        proposals.add_metric([policy], counted.proposals.get(policy, 0))
        savings.add_metric([policy], counted.savings.get(policy, 0))
        savings_unknown.add_metric([policy], counted.savings_unknown.get(policy, 0))
    for policy in shown & counted.oldest_proposal.keys():
        oldest.add_metric([policy], counted.oldest_proposal[policy])
    for (policy, state), number in counted.exemptions.items():
        if policy in shown | {ANY}:
            exemptions.add_metric([policy, state], number)
    # Of accounts only what is paused: which there are is not known here.
    switches = {(policy, ANY) for policy in shown | {ANY}}
    for policy, account in switches | {one for one in counted.paused if one[0] in shown | {ANY}}:
        paused.add_metric([policy, account], (policy, account) in counted.paused)
    _fill_notices(families[7:], counted, shown)


def _fill_notices(families: Sequence[GaugeMetricFamily], counted: StoreCounted, shown: frozenset[str]) -> None:
    pending, oldest = families
    for policy in shown:
        pending.add_metric([policy], counted.notices.get(policy, 0))
    for policy in shown & counted.oldest_notice.keys():
        oldest.add_metric([policy], counted.oldest_notice[policy])


def _mentioned(counted: StoreCounted) -> Iterator[str]:
    yield from (policy for policy, _, _ in counted.findings)
    yield from counted.proposals
    yield from counted.notices
    yield from {policy for policy, _ in counted.paused} - {ANY}


def _families() -> tuple[GaugeMetricFamily, ...]:
    return (
        GaugeMetricFamily(
            "cloudwarden_findings",
            "Standing findings, exempted ones included",
            labels=["policy", "severity", "account"],
        ),
        GaugeMetricFamily("cloudwarden_proposals_pending", "Proposals that wait for a person", labels=["policy"]),
        GaugeMetricFamily(
            "cloudwarden_proposal_oldest_timestamp_seconds",
            "When the oldest pending proposal was made, Unix time",
            labels=["policy"],
        ),
        GaugeMetricFamily(
            "cloudwarden_exemptions",
            "Exemptions by policy (* is all): active, unused for a week, ending soon, expired or revoked",
            labels=["policy", "state"],
        ),
        GaugeMetricFamily(
            "cloudwarden_paused",
            "Whether actions are paused, 1 or 0: of a policy, in an account, or of all (*)",
            labels=["policy", "account"],
        ),
        GaugeMetricFamily(
            "cloudwarden_estimated_monthly_savings_dollars",
            "What the actions on standing findings would save in a month by list price, US dollars, exempted ones and "
            "unknown savings aside",
            labels=["policy"],
        ),
        GaugeMetricFamily(
            "cloudwarden_savings_unknown",
            "Standing findings, exempted ones aside, whose action would save something that nobody has a price of",
            labels=["policy"],
        ),
        GaugeMetricFamily(
            "cloudwarden_notices_pending",
            "Notices that are due and that no channel has accepted yet",
            labels=["policy"],
        ),
        GaugeMetricFamily(
            "cloudwarden_notice_oldest_timestamp_seconds",
            "Since when the oldest pending notice is due, Unix time",
            labels=["policy"],
        ),
    )
