"""The gauge of what policies could not judge because the cloud did not tell what their rules ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cloudwarden.core.resource import Scope
from cloudwarden.telemetry.listings import MOST, TOGETHER


class UnreadResources(Collector):
    """Exposes, by policy and scope, how many resources the policy could not judge when it was last judged there.

    Where all was told there is no series. Of more than MOST, a policy's regions of an account are shown together. One
    thread at a time may change it, another collect.
    """

    def __init__(self) -> None:
        self._unread: dict[tuple[str, Scope], int] = {}

    def judged(self, policy: str, scope: Scope, unread: int) -> None:
        """Show this number from now on; 0 is none to show."""
        if unread:
            self._unread[policy, scope] = unread
        else:
            self._unread.pop((policy, scope), None)

    def forget(self, scopes: Iterable[Scope]) -> None:
        """Show nothing of scopes that left."""
        left = frozenset(scopes)
        self._unread = {key: number for key, number in self._unread.items() if key[1] not in left}

    def keep(self, policies: Collection[str]) -> None:
        """Show these policies alone."""
        self._unread = {key: number for key, number in self._unread.items() if key[0] in policies}

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The name, so that the registry refuses a second collector of it."""
        yield _family()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauge as it is now."""
        family = _family()
        unread = list(self._unread.items())
        shown: Counter[tuple[str, str, str]] = Counter()
        for (policy, scope), number in unread:
            shown[policy, scope.account, scope.region if len(unread) <= MOST else TOGETHER] += number
        for labels, number in shown.items():
            family.add_metric(labels, number)
        yield family


def _family() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "cloudwarden_policy_unread_resources",
        "Resources that the policy could not judge when it was last judged there, because AWS did not tell what its "
        "rule asks; none where it did; of very many, those of all regions (*) together",
        labels=("policy", "account", "region"),
    )
