"""The bystander: stands at the proxy, and writes down what truly reached AWS and what the daemon was truly shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from botocore import xform_name

from chaos import audit
from chaos.estate import Estate
from chaos.history import Look, Sent
from exchanges import Exchange, Request

KINDS = {"DescribeInstances": "i-", "DescribeVolumes": "vol-"}
"""How the ids begin of what an operation lists."""

METRICS = "GetMetricData"


class Bystander:
    """`fault_proxy.Witness` for a run whose database is `database`."""

    def __init__(self, database: Path, estate: Estate) -> None:
        self._database = database
        self._estate = estate
        self._looks: list[Look] = []
        self._open: dict[tuple[str, tuple[str, ...]], int] = {}
        """Looks that may still become whole, by operation and what they name: their place in `_looks`."""
        self._latest: dict[tuple[str, str], int] = {}
        """By resource and operation: the place of the latest look at that very resource."""
        self._permissions: dict[tuple[str, str], bool] = {}
        """Whether the latest dry run of a call on a resource passed."""
        self._sent: list[Sent] = []

    @property
    def sent(self) -> Sequence[Sent]:
        """The mutating requests so far."""
        return tuple(self._sent)

    @property
    def looks(self) -> Sequence[Look]:
        """The looks so far."""
        return tuple(self._looks)

    def arrived(self, request: Request) -> None:
        """A request came: a look begins, or something is about to change."""
        if request.mutates:
            self._sent.append(self._mutation(request))
        elif request.token is None and request.operation in (*KINDS, METRICS):
            self._begun(request)

    def carried_out(self, request: Request) -> None:
        """AWS did it."""
        if request.mutates:
            self._estate.observe()

    def ended(self, exchange: Exchange) -> None:
        """An answer went out: a look is whole when its last page is."""
        request = exchange.request
        if request.dry_run:
            key = request.operation.partition(" ")[0], _target(request)
            # EC2 answers a dry run that passes with 412 DryRunOperation.
            self._permissions[key] = exchange.whole and exchange.status == 412
        place = self._open.get((request.operation, request.resources))
        # "No such thing" is a whole answer about what was asked for by its name.
        if place is not None:
            look = self._looks[place]
            shown = {one for one in exchange.shown if look.prefix and one.startswith(look.prefix)}
            self._looks[place] = replace(look, shown=look.shown | shown)
        told = (exchange.status == 200 and exchange.last) or (exchange.status == 400 and request.resources)
        if place is not None and exchange.whole and told:
            self._looks[place] = replace(self._looks[place], whole=True)

    def _begun(self, request: Request) -> None:
        place = len(self._looks)
        self._looks.append(
            Look(at=request.at, prefix=KINDS.get(request.operation, ""), resources=request.resources, whole=False)
        )
        self._open[request.operation, request.resources] = place
        for resource in request.resources:
            self._latest[resource, request.operation] = place

    def _mutation(self, request: Request) -> Sent:
        resource, operation = _target(request), xform_name(request.operation)
        return Sent(
            at=request.at,
            operation=operation,
            resource=resource,
            intents=audit.intents(self._database, operation, resource),
            looked_at=self._looked_at(resource),
            permitted=self._permissions.pop((request.operation, resource), None),
        )

    def _looked_at(self, resource: str) -> datetime | None:
        """When the latest looks at a resource and at its metrics began, the earlier; None when one of them failed.

        What depends on it is not among them: people may agree to an action although nobody could read that.
        """
        found = [
            self._looks[place]
            for (name, operation), place in self._latest.items()
            if name == resource and (operation == METRICS or _describes(operation, resource))
        ]
        return min((look.at for look in found), default=None) if all(look.whole for look in found) else None


def _describes(operation: str, resource: str) -> bool:
    prefix = KINDS.get(operation)
    return prefix is not None and resource.startswith(prefix)


def _target(request: Request) -> str:
    return request.resources[0] if request.resources else ""
