"""Gauges of what the store holds, all from the same count: a scrape never sees half of an update."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cloudwarden.core.exemption import ANY
from cloudwarden.engine.events import StoreCounted

Samples = Iterator[tuple[Sequence[str], float]]
"""The values of labels, and the number there."""

Sampler = Callable[[StoreCounted, frozenset[str]], Samples]
"""What a count holds for the policies that are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Gauge:
    """A gauge, and where its numbers come from."""

    name: str
    text: str
    labels: tuple[str, ...] = ("policy",)
    samples: Sampler

    def family(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"cloudwarden_{self.name}", self.text, labels=self.labels)


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
        yield from (gauge.family() for gauge in _GAUGES)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One gauge after another, from one and the same count."""
        counted, policies = self._held
        for gauge in _GAUGES:
            family = gauge.family()
            if counted is not None:
                for labels, number in gauge.samples(counted, _mentioned(counted) if policies is None else policies):
                    family.add_metric(labels, number)
            yield family


def _mentioned(counted: StoreCounted) -> frozenset[str]:
    findings = (policy for policy, _, _ in counted.findings)
    paused = (policy for policy, _ in counted.paused if policy != ANY)
    return frozenset((*findings, *counted.proposals, *counted.notices, *paused))


def _findings(counted: StoreCounted, shown: frozenset[str]) -> Samples:
    yield from ((labels, number) for labels, number in counted.findings.items() if labels[0] in shown)


def _exemptions(counted: StoreCounted, shown: frozenset[str]) -> Samples:
    yield from ((labels, number) for labels, number in counted.exemptions.items() if labels[0] in shown | {ANY})


def _paused(counted: StoreCounted, shown: frozenset[str]) -> Samples:
    """Of accounts only what is paused: which there are is not known here."""
    switches = {(policy, ANY) for policy in shown | {ANY}}
    for switch in switches | {one for one in counted.paused if one[0] in shown | {ANY}}:
        yield switch, switch in counted.paused


def _of_each(numbers_of: Callable[[StoreCounted], Mapping[str, float]]) -> Sampler:
    """A number of every policy: 0 where the count holds none."""

    def samples(counted: StoreCounted, shown: frozenset[str]) -> Samples:
        numbers = numbers_of(counted)
        yield from (([policy], numbers.get(policy, 0)) for policy in shown)

    return samples


def _of_some(numbers_of: Callable[[StoreCounted], Mapping[str, float]]) -> Sampler:
    """A number of those policies of which the count holds one."""

    def samples(counted: StoreCounted, shown: frozenset[str]) -> Samples:
        numbers = numbers_of(counted)
        yield from (([policy], numbers[policy]) for policy in shown & numbers.keys())

    return samples


_GAUGES = (
    _Gauge(
        name="findings",
        text="Standing findings, exempted ones included",
        labels=("policy", "severity", "account"),
        samples=_findings,
    ),
    _Gauge(
        name="proposals_pending",
        text="Proposals that wait for a person",
        samples=_of_each(lambda counted: counted.proposals),
    ),
    _Gauge(
        name="proposal_oldest_timestamp_seconds",
        text="When the oldest pending proposal was made, Unix time",
        samples=_of_some(lambda counted: counted.oldest_proposal),
    ),
    _Gauge(
        name="exemptions",
        text="Exemptions by policy (* is all): active, unused for a week, ending soon, expired or revoked",
        labels=("policy", "state"),
        samples=_exemptions,
    ),
    _Gauge(
        name="paused",
        text="Whether actions are paused, 1 or 0: of a policy, in an account, or of all (*)",
        labels=("policy", "account"),
        samples=_paused,
    ),
    _Gauge(
        name="estimated_monthly_savings_dollars",
        text="What the actions on standing findings would save in a month by list price, US dollars, exempted ones and "
        "unknown savings aside",
        samples=_of_each(lambda counted: counted.savings),
    ),
    _Gauge(
        name="savings_unknown",
        text="Standing findings, exempted ones aside, whose action would save something that nobody has a price of",
        samples=_of_each(lambda counted: counted.savings_unknown),
    ),
    _Gauge(
        name="notices_pending",
        text="Notices that are due and that no channel has accepted yet",
        samples=_of_each(lambda counted: counted.notices),
    ),
    _Gauge(
        name="notice_oldest_timestamp_seconds",
        text="Since when the oldest pending notice is due, Unix time",
        samples=_of_some(lambda counted: counted.oldest_notice),
    ),
)
