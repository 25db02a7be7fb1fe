"""A small world: the engine on a real database file and a cloud in memory, crashed and interrupted at will."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import blank_stores
from addressees import CHANNELS
from chaos import audit, tags
from chaos.decisions import Decision
from chaos.failpoints import Failpoints, WatchedCloud, WatchedStore
from chaos.history import Condition, Frozen, History, Look, Message, Sent, Version
from chaos.model import violations
from cloudwarden import hours, minutes
from cloudwarden.aws import ec2
from cloudwarden.clock import FakeClock
from cloudwarden.core.action import Call
from cloudwarden.core.evidence import Query, Unreadable
from cloudwarden.core.exemption import hands_off
from cloudwarden.core.message import Message as Said
from cloudwarden.core.metric import MetricQuery
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.core.restraint import Quota, Reach, Restraints
from cloudwarden.core.window import Freeze
from cloudwarden.engine.decide import Decider, DecisionError
from cloudwarden.notify.memory import MemoryNotifier
from cloudwarden.ports import Listing
from cloudwarden.store import open_store
from world import NOON, SCOPE, World

Listener = Callable[[str], None]


class Crash(BaseException):
    """The process ends here: no `Exception`, so that nothing on the way out takes it for a failure."""


class SmallWorld:
    """A `World` that keeps the truth about itself, and that can die and begin again on what the database holds."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "cloudwarden.db"
        self.listener: Listener = lambda name: None
        self.reached: list[str] = []
        points = Failpoints(listener=self._at)
        url = f"sqlite:///{self.file}"
        self.file.write_bytes(_blank())
        self._store = WatchedStore(open_store(url), points)
        self.elsewhere = open_store(url)
        """The database as another process has it open."""
        self.quota = Quota()
        """What all policies together may do, from the next start on."""
        self._ticks = 0
        self._sent: list[Sent] = []
        self._conditions: dict[str, list[Condition]] = {}
        self._versions: list[Version] = []
        self._freezes: list[Frozen] = []
        self._channels = _Channels(self)
        self._looks: list[Look] = []
        self._looked: dict[str, datetime] = {}
        self._permitted: dict[tuple[str, str], bool] = {}
        self._committed: dict[int, datetime] = {}
        self._closed_at: dict[str, datetime] = {}
        self._settled: list[datetime] = []
        """When each sweep of each policy was settled."""
        self.snapshots = "pending"
        """How far the snapshots are that were asked for."""
        self._clock = FakeClock(NOON)
        self._cloud = _Cloud(self, points)
        self.world = self._begun(_restraints())

    def close(self) -> None:
        """Let go of the files."""
        self._store.close()
        self.elsewhere.close()

    def restart(self, freeze: Freeze | None = None) -> None:
        """A new process on the same database and cloud, with the same policies, perhaps in a freeze."""
        policies = self.world.policies
        with self.elsewhere.reading() as tx:
            last = len(tx.journal.entries(most=1_000_000))
        self._freezes = [replace(one, last=last) if one.last is None else one for one in self._freezes]
        if freeze is not None:
            self._freezes.append(Frozen(begins=freeze.begins, until=freeze.until, after=last))
        self.world = self._begun(_restraints(freezes=((Reach(), freeze),) if freeze else (), quota=self.quota))
        self.world.policies = policies

    def use(self, *policies: AnyPolicy) -> None:
        """Run these policies from now on."""
        self.world.use(*policies)
        self._versions += [
            Version(
                at=self.now(),
                policy=one.name,
                mode=one.mode,
                limit=one.limit,
                fingerprint=one.fingerprint,
                hours=next(((each.start.hour, each.end.hour) for each in one.windows), None),
                quorum=one.approval.quorum,
                not_by=tuple(one.approval.not_by),
                tells=one.notice is not None,
            )
            for one in policies
        ]

    def now(self) -> datetime:
        """The true instant, whatever the daemon's clock was set to; no two are the same."""
        self._ticks += 1
        return NOON + timedelta(seconds=self._clock.monotonic(), microseconds=self._ticks)

    def decider(self) -> Decider:
        """Who decides."""
        return self.world.decider()

    def decide(self, decision: Decision) -> bool:
        """Take a decision as another process does, and see it committed; False when it cannot be taken."""
        with contextlib.suppress(DecisionError), self.elsewhere.transaction() as tx:
            decision(tx, self.decider())
            return True
        return False

    def measure_now(self) -> None:
        """Have every series end now: what was measured by a clock that was wrong is where nobody looks for it."""
        now = self.world.clock.now()
        for key, series in self._cloud.series.items():
            moments = tuple(now - minutes(5 * number) for number in range(len(series.values)))
            self._cloud.series[key] = replace(series, moments=moments)

    def run(self, step: Callable[[World], object]) -> bool:
        """Let the daemon do something; True when it crashed on the way, and began again."""
        try:
            step(self.world)
        except Crash:
            self.listener = lambda name: None
            self.restart()
            return True
        finally:
            self.observe()
        return False

    def observe(self) -> None:
        """Write down what is true of each resource now, where that changed."""
        known = set(self._conditions) | set(self._cloud.resources)
        for name in sorted(known):
            condition = self._condition(self._cloud.resources.get(name))
            past = self._conditions.setdefault(name, [])
            if not past or replace(past[-1], at=condition.at) != condition:
                past.append(condition)

    def history(self, *, quiet: bool = False) -> History:
        """Everything that happened so far."""
        now = self.now()
        found = audit.books(self.elsewhere)
        for seq in found.committed:
            self._committed.setdefault(seq, now)
        closings = [
            replace(one, at=self._closed_at.setdefault(f"{number}", now)) for number, one in enumerate(found.closings)
        ]
        runs = [replace(one, at=at) for one, at in zip(found.runs, self._settled, strict=True)]
        return History(
            sent=self._sent,
            looks=self._looks,
            journal=found.journal,
            committed=self._committed,
            chain=found.chain,
            actions=found.actions,
            proposals=found.proposals,
            findings=found.findings,
            closings=closings,
            conditions=self._conditions,
            versions=self._versions,
            runs=runs,
            freezes=self._freezes,
            messages=self._channels.messages,
            quota=self.quota,
            quiet=quiet,
        )

    def check(self, *, quiet: bool = False) -> None:
        """Fail with every invariant that does not hold."""
        wrong = violations(self.history(quiet=quiet))
        assert not wrong, "\n".join(wrong)

    def called(self, resource: str) -> int:
        """How many mutating requests on a resource reached the cloud."""
        return sum(one.resource == resource for one in self._sent)

    def looked(self, look: Look) -> None:
        """An answer was given to what there is, or about one resource."""
        self._looks.append(look)
        for resource in look.resources:
            if look.whole:
                self._looked[resource] = look.at
            else:
                self.overlooked(resource)

    def overlooked(self, resource: str) -> None:
        """The answer about a resource was not whole."""
        self._looked.pop(resource, None)

    def arrived(self, call: Call, resource: str) -> None:
        """A mutating request reached the cloud."""
        self._sent.append(
            Sent(
                at=self.now(),
                operation=call.operation,
                resource=resource,
                intents=audit.intents(self.file, call.operation, resource),
                looked_at=self._looked.get(resource),
                permitted=self._permitted.pop((call.operation, resource), None),
            )
        )

    def permitted(self, call: Call, resource: str) -> None:
        """A dry run passed."""
        self._permitted[call.operation, resource] = True

    def _at(self, name: str) -> None:
        self.reached.append(name)
        if name == "sweep.settle.commit:after":
            self._settled += [self.now()] * len(self.world.policies)
        self.listener(name)

    def _begun(self, restraints: Restraints) -> World:
        world = World(
            store=self._store, clock=self._clock, cloud=self._cloud, restraints=restraints, notifier=self._channels
        )
        self._cloud.readings["describe_snapshots"] = lambda cloud, read: (
            "snap-1" if "SnapshotId" in read.path else self.snapshots
        )
        return world

    def _condition(self, resource: Resource | None) -> Condition:
        if resource is None:
            return Condition(at=self.now(), exists=False)
        violates = frozenset(name for name, holds in _VIOLATES.items() if holds(self._cloud, resource))
        return Condition(
            at=self.now(),
            violates=violates,
            untouchable=hands_off(resource),
            protected=tags.protected(resource.tags),
            tags=tags.named(resource.tags),
        )


class _Cloud(WatchedCloud):
    """A cloud that tells what reached it."""

    def __init__(self, small: SmallWorld, points: Failpoints) -> None:
        super().__init__()
        self.small = small
        self.points = points

    def list(self, kind: type[Resource], scope: Scope) -> Listing:
        """What there is of a kind."""
        asked = self.small.now()
        listing = super().list(kind, scope)
        self.small.looked(_look(asked, kind, listing))
        return listing

    def get(self, kind: type[Resource], scope: Scope, resource_id: str) -> Listing:
        """One resource."""
        asked = self.small.now()
        listing = super().get(kind, scope, resource_id)
        self.small.looked(_look(asked, kind, listing, resource_id))
        return listing

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> Mapping[Query[object], object]:
        """Each metric's series; a look at a resource whose metrics cannot be read is not whole."""
        answers = super().answer(scope, queries, now)
        for query, answer in answers.items():
            if isinstance(query, MetricQuery) and isinstance(answer, Unreadable):
                self.small.overlooked(query.dimensions[0][1])
        return answers

    def call(self, scope: Scope, call: Call, *, dry_run: bool = False) -> Mapping[str, str]:
        """Make a call, or ask whether it may be made."""
        kept = super().call(scope, call, dry_run=dry_run)
        if dry_run:
            self.small.permitted(call, _target(call))
        return kept

    def arrives(self, call: Call) -> None:
        """Write down a mutating request before it has its effect."""
        self.small.arrived(call, _target(call))


class _Channels(MemoryNotifier):
    """Channels that keep when they accepted what."""

    def __init__(self, small: SmallWorld) -> None:
        super().__init__(channels=CHANNELS.channels)
        self.small = small
        self.messages: list[Message] = []

    def send(self, channel: str, message: Said, address: str | None = None) -> None:
        """Keep the message. Raises NotDelivered."""
        super().send(channel, message, address)
        self.messages.append(Message(at=self.small.now(), text=message.body))


@cache
def _blank() -> bytes:
    """A database that keeps an audit and nothing else yet: its schema is made once for all small worlds."""
    with tempfile.TemporaryDirectory(prefix="cloudwarden-chaos-") as folder:
        file = Path(folder) / "cloudwarden.db"
        blank_stores.lay(file)
        audit.install(file)
        return file.read_bytes()


def _restraints(**changes: Any) -> Restraints:
    """What this installation holds back, with what it protects."""
    return Restraints(protection=tags.PROTECTION, **changes)


def _look(at: datetime, kind: type[Resource], listing: Listing, *resources: str) -> Look:
    shown = frozenset(one.id for one in listing.resources)
    return Look(at=at, prefix=_PREFIXES[kind], resources=resources, whole=listing.complete, shown=shown)


def _target(call: Call) -> str:
    ids = call.arguments.get("InstanceIds") or call.arguments.get("Resources")
    return str(ids[0]) if isinstance(ids, list | tuple) else str(call.arguments["VolumeId"])


def _idle(cloud: WatchedCloud, resource: Resource) -> bool:
    if not isinstance(resource, ec2.Instance) or not resource.running or resource.scope != SCOPE:
        return False
    if tags.GROUP in resource.tags:
        return False
    series = cloud.series.get(("CPUUtilization", resource.id))
    return series is not None and len(series.values) == _WHOLE and max(series.values) < _BUSY_PERCENT


def _unattached(cloud: WatchedCloud, resource: Resource) -> bool:
    del cloud
    return isinstance(resource, ec2.Volume) and not resource.attached


_PREFIXES: Mapping[type[Resource], str] = {ec2.Instance: "i-", ec2.Volume: "vol-"}
_WHOLE = int(2 * hours(1) / timedelta(minutes=5))
_BUSY_PERCENT = 5.0
_VIOLATES: dict[str, Callable[[WatchedCloud, Resource], bool]] = {
    "stop-idle": _idle,
    "delete-unattached": _unattached,
}
