"""Gauges of what was listed, kept as plain numbers: thousands of scopes have three for each of their kinds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from sys import intern

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cloudwarden.core.resource import Scope

MOST = 3_000
"""Listings that are shown one by one, in 9,000 series. A thousand accounts have 170,000: five seconds of CPU, 53 MB and
300 MB of memory for each scrape, and as much again in Prometheus, to say again and again that all is well."""

FEW = 3
"""Incomplete listings of one kind in one account that are still shown one by one."""

TOGETHER = "*"
"""The region of listings that are shown together."""

Latest = tuple[bool, int | None, float | None]
"""Whether the latest listing was complete; what the latest complete one held, and when it was made, in Unix time."""

_LABELS = ("account", "region", "kind")


class Listings(Collector):
    """Exposes the latest listing of each kind in each scope. One thread at a time may change it, another collect.

    A gauge of prometheus_client takes 600 bytes and a lock for each of its series; these three take 150 together.

    Of more than MOST listings, the complete ones of one kind in one account are shown together: their resources summed
    and the oldest success. What is incomplete is shown by itself, or, when that is more than a few regions, all of the
    kind in the account together as incomplete. So sums, minima and `== 0` mean the same however many there are.
    """

    def __init__(self) -> None:
        self._latest: defaultdict[Scope, dict[str, Latest]] = defaultdict(dict)
        self._lost: dict[tuple[Scope, str], str] = {}
        """The kind by scope and policy, of policies whose judgement was lost since they were last judged there."""

    def listed(self, scope: Scope, kind: str, resources: int | None, at: float) -> None:
        """Show a listing from now on; `resources` is None for one that is incomplete."""
        of_scope = self._latest[scope]
        if resources is not None:
            of_scope[intern(kind)] = (True, resources, at)
        else:
            _, last, last_at = of_scope.get(kind, (False, None, None))
            of_scope[intern(kind)] = (False, last, last_at)

    def lost(self, scope: Scope, kind: str, policy: str) -> None:
        """Show a kind as incomplete until the policy is judged: whatever was listed, it was not looked at."""
        self._latest[scope].setdefault(intern(kind), (False, None, None))
        self._lost[scope, policy] = intern(kind)

    def judged(self, scope: Scope, policy: str) -> None:
        """Show what was listed for the policy as it was listed."""
        self._lost.pop((scope, policy), None)

    def forget(self, scopes: Iterable[Scope]) -> None:
        """Show nothing of scopes that nobody will list again, unless somebody does."""
        left = frozenset(scopes)
        for scope in left:
            self._latest.pop(scope, None)
        self._lost = {key: kind for key, kind in self._lost.items() if key[0] not in left}

    def keep(self, kinds: Collection[str], policies: Collection[str]) -> None:
        """Show nothing of other kinds, which nobody lists any more, and nothing that other policies missed."""
        for of_scope in self._latest.values():
            for kind in of_scope.keys() - set(kinds):
                del of_scope[kind]
        self._lost = {key: kind for key, kind in self._lost.items() if key[1] in policies and kind in kinds}

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The names, so that the registry refuses a second collector of them."""
        yield from _families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, from one and the same moment."""
        families = _families()
        for labels, values in self._shown():
            for family, value in zip(families, values, strict=True):
                if value is not None:
                    family.add_metric(labels, value)
        yield from families

    def _as_judged(self) -> dict[Scope, dict[str, Latest]]:
        latest = {scope: dict(of_scope) for scope, of_scope in list(self._latest.items())}
        for (scope, _), kind in list(self._lost.items()):
            if kind in latest.get(scope, ()):
                _, count, at = latest[scope][kind]
                latest[scope][kind] = (False, count, at)
        return latest

    def _shown(self) -> Iterator[tuple[tuple[str, str, str], Latest]]:
        latest = self._as_judged()
        if sum(map(len, latest.values())) <= MOST:
            for scope, of_scope in latest.items():
                for kind, values in of_scope.items():
                    yield (scope.account, scope.region, kind), values
            return
        by_kind: defaultdict[tuple[str, str], dict[str, Latest]] = defaultdict(dict)
        for scope, of_scope in latest.items():
            for kind, values in of_scope.items():
                by_kind[scope.account, kind][scope.region] = values
        for (account, kind), regions in by_kind.items():
            for region, values in _gathered(regions).items():
                yield (account, region, kind), values


def _gathered(regions: Mapping[str, Latest]) -> dict[str, Latest]:
    """One kind's listings in one account, as few as tell what is wrong."""
    apart = {region: one for region, one in regions.items() if not one[0]}
    if len(apart) > FEW:
        apart = {}
    together = [one for region, one in regions.items() if region not in apart]
    if len(together) < 2:
        return dict(regions)
    counts = [count for _, count, _ in together if count is not None]
    times = [at for _, _, at in together if at is not None]
    complete = all(one[0] for one in together)
    return {**apart, TOGETHER: (complete, sum(counts) if counts else None, min(times, default=None))}


def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
    return (
        GaugeMetricFamily(
            "cloudwarden_inventory_complete",
            "Whether the latest listing missed nothing and no policy's judgement was lost: 1 or 0; of very many, "
            "those of all regions (*) together",
            labels=_LABELS,
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
