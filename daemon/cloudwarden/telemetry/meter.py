"""The meter: makes the metrics of a registry, and knows their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.metrics import MetricWrapperBase

M = TypeVar("M", bound=MetricWrapperBase)


class Meter:
    """Makes the metrics of one registry. No label is ever a resource's id; no histogram has account and region."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._labels: dict[MetricWrapperBase, Sequence[str]] = {}

    @property
    def labels(self) -> Mapping[MetricWrapperBase, Sequence[str]]:
        """The names of the labels of every metric made."""
        return self._labels

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        return self._made(Counter(f"cloudwarden_{name}", text, labels, registry=self._registry), labels)

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return self._made(Gauge(f"cloudwarden_{name}", text, labels, registry=self._registry), labels)

    def histogram(self, name: str, text: str, buckets: tuple[float, ...], label: str) -> Histogram:
        made = Histogram(f"cloudwarden_{name}", text, (label,), buckets=buckets, registry=self._registry)
        return self._made(made, (label,))

    def info(self, name: str, text: str) -> Info:
        return self._made(Info(f"cloudwarden_{name}", text, registry=self._registry), ())

    def _made(self, metric: M, labels: Sequence[str]) -> M:
        self._labels[metric] = labels
        return metric
