"""Gauges of what was listed, kept as plain numbers: thousands of scopes have three for each of their kinds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from sys import intern

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cloudwarden.core.resource import Scope

Latest = tuple[bool, int | None, float | None]
"""Whether the latest listing was complete; what the latest complete one held, and when it was made, in Unix time."""

_LABELS = ("account", "region", "kind")


class Listings(Collector):
    """Exposes the latest listing of each kind in each scope. One thread at a time may change it, another collect.

    A gauge of prometheus_client takes 600 bytes and a lock for each of its series; these three take 150 together.
    """

    def __init__(self) -> None:
        self._latest: defaultdict[Scope, dict[str, Latest]] = defaultdict(dict)

    def listed(self, scope: Scope, kind: str, resources: int | None, at: float) -> None:
        """Show a listing from now on; `resources` is None for one that is incomplete."""
        of_scope = self._latest[scope]
        if resources is not None:
            of_scope[intern(kind)] = (True, resources, at)
        else:
            _, last, last_at = of_scope.get(kind, (False, None, None))
            of_scope[intern(kind)] = (False, last, last_at)

    def clear(self) -> None:
        """Show nothing until it is listed again."""
        self._latest = defaultdict(dict)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The names, so that the registry refuses a second collector of them."""
        yield from _families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, from one and the same moment."""
        families = _families()
        for scope, of_scope in list(self._latest.items()):
            for kind, values in list(of_scope.items()):
                for family, value in zip(families, values, strict=True):
                    if value is not None:
                        family.add_metric((scope.account, scope.region, kind), value)
        yield from families


def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
    return (
        GaugeMetricFamily(
            "cloudwarden_inventory_complete", "Whether the latest listing missed nothing: 1 or 0", labels=_LABELS
        ),
        GaugeMetricFamily(
            "cloudwarden_inventory_resources", "Resources in the latest complete listing", labels=_LABELS
        ),
        GaugeMetricFamily(
            "cloudwarden_inventory_last_success_timestamp_seconds",
            "When a listing was last complete, Unix time",
            labels=_LABELS,
        ),
    )
