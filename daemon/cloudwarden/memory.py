"""In-memory twins: of a cloud, as inventory, evidence and actuator over plain values, and of a journal's copy.

Both have faults on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cloudwarden.core.action import Call, Read
from cloudwarden.core.detail import Detail
from cloudwarden.core.errors import CloudError, ShippingError
from cloudwarden.core.evidence import Query, Unreadable
from cloudwarden.core.metric import MetricQuery, Series
from cloudwarden.core.plain import Json
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.verdict import Cause
from cloudwarden.ports import Batch, Listing, Mark

SeriesKey = tuple[str, str]
"""A metric's name, and the value of its first dimension."""


@dataclass(kw_only=True)
class MemoryCloud:
    """A cloud of a few values. `fails` names what goes wrong: an operation, a kind (in one scope), or a metric, and
    with which error.

    `details` answer as their paths would; what is not there is not configured.

    `effects` say what a mutating operation does to the cloud; an operation without one changes nothing.
    `calls` records every mutating call that arrived, `asked` every metric series requested.
    """

    resources: dict[str, Resource] = field(default_factory=dict)
    series: dict[SeriesKey, Series] = field(default_factory=dict)
    details: dict[Detail, Json] = field(default_factory=dict)
    effects: dict[str, Callable[[MemoryCloud, Call], Mapping[str, str]]] = field(default_factory=dict)
    readings: dict[str, Callable[[MemoryCloud, Read], Json]] = field(default_factory=dict)
    fails: dict[str, CloudError] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    asked: list[Query[object]] = field(default_factory=list)

    def put(self, *resources: Resource) -> None:
        """Add resources, or replace them by id."""
        self.resources.update({resource.id: resource for resource in resources})

    def change(self, resource_id: str, **fields: object) -> None:
        """Change fields of one resource."""
        self.resources[resource_id] = replace(self.resources[resource_id], **fields)  # type: ignore[arg-type]  # a test's fields

    def list(self, kind: type[Resource], scope: Scope) -> Listing:
        """What there is of a kind in a scope; with a fault on the kind, only the first half, incomplete."""
        found = tuple(one for one in self.resources.values() if isinstance(one, kind) and one.scope == scope)
        if error := self.fails.get(kind.kind) or self.fails.get(f"{kind.kind} {scope}"):
            return Listing(resources=found[: len(found) // 2], problem=_cause(error))
        return Listing(resources=found)

    def get(self, kind: type[Resource], scope: Scope, resource_id: str) -> Listing:
        """One resource."""
        if error := self.fails.get(f"get {kind.kind}"):
            return Listing(resources=(), problem=_cause(error))
        found = self.resources.get(resource_id)
        return Listing(resources=(found,) if found is not None and found.scope == scope else ())

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> Mapping[Query[object], object]:
        """Each metric's series, empty when there is none, as CloudWatch answers for a metric that it does not know."""
        del scope, now
        self.asked.extend(queries)
        return {query: self._answer(query) for query in queries}

    def call(self, scope: Scope, call: Call, *, dry_run: bool = False) -> Mapping[str, str]:
        """Make a call: its fault first if it has one, else its effect."""
        del scope
        if error := self.fails.get(f"dry-run {call.operation}" if dry_run else call.operation):
            if not dry_run and error.maybe_done:
                self.calls.append(call)
            raise error
        if dry_run:
            return {}
        self.calls.append(call)
        effect = self.effects.get(call.operation)
        return effect(self, call) if effect else {}

    def read(self, scope: Scope, read: Read) -> Json:
        """What a reading shows."""
        del scope
        if error := self.fails.get(f"read {read.operation}"):
            raise error
        return self.readings[read.operation](self, read)

    def _answer(self, query: Query[object]) -> object:
        if isinstance(query, Detail):
            error = self.fails.get(query.operation)
            nothing: Json = [] if query.next_page else None
            return Unreadable(cause=_cause(error)) if error else self.details.get(query, nothing)
        if not isinstance(query, MetricQuery):
            return Unreadable(cause=Cause(reason="invalid-request", detail=f"no such evidence here: {query}"))
        thing = query.dimensions[0][1] if query.dimensions else ""
        if error := self.fails.get(f"{query.metric} {thing}") or self.fails.get(query.metric):
            return Unreadable(cause=_cause(error))
        return self.series.get((query.metric, thing), Series(moments=(), values=()))


def _cause(error: CloudError) -> Cause:
    return Cause(reason=error.reason, detail=str(error))


@dataclass(kw_only=True)
class MemoryCopy:
    """`ports.JournalCopy` in a list.

    `unfit` says why it would not keep what is put there; `fails` is what writing meets, and `silent` what reading does.
    """

    batches: list[Batch] = field(default_factory=list)
    unfit: str = ""
    fails: CloudError | ShippingError | None = None
    silent: Exception | None = None

    def refuse_unfit(self) -> None:
        """Raise ShippingError when it is unfit."""
        if self.unfit:
            raise ShippingError(self.unfit)

    def ahead(self, after: int) -> Sequence[Mark]:
        """A mark for each batch that ends above `after`."""
        if self.silent is not None:
            raise self.silent
        return [
            Mark(branch=one.branch, seq=one.last_seq, hash=one.last_hash)
            for one in self.batches
            if one.last_seq > after
        ]

    def put(self, batch: Batch) -> None:
        """Keep a batch, once."""
        if self.fails is not None:
            raise self.fails
        if batch not in self.batches:
            self.batches.append(batch)

    def lines(self, after: int = 0) -> Iterator[tuple[str, str]]:
        """Every line, in the order of the batches' first entries."""
        for batch in sorted(self.batches, key=lambda one: one.first_seq):
            if batch.last_seq > after:
                yield from ((f"batch {batch.first_seq}", text) for text in batch.content.decode().splitlines())
