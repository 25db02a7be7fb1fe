"""A cloud in which things happen while it answers, and who decides what meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cloudwarden import ENFORCE, hours, minutes
from cloudwarden.core.action import Call
from cloudwarden.core.evidence import Query
from cloudwarden.core.finding import ActionRecord
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import Resource, Scope
from cloudwarden.engine.decide import distrust, pause, resume
from cloudwarden.engine.exempt import exempt
from cloudwarden.memory import MemoryCloud
from cloudwarden.ports import Listing, Store
from world import NOON, World, stop_idle, wish


@dataclass(kw_only=True)
class BusyCloud(MemoryCloud):
    """A cloud in which things happen while it answers: the first when it is asked next, and so on.

    And one while it says whether the call would be permitted, and one after it described a resource, and before that
    description arrives.
    """

    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    permitting: Callable[[], object] | None = None
    describing: Callable[[], object] | None = None

    def get(self, kind: type[Resource], scope: Scope, resource_id: str) -> Listing:
        """Describe a resource as it was before something happened."""
        found = super().get(kind, scope, resource_id)
        if self.describing is not None:
            self.describing()
        return found

    def answer(self, scope: Scope, queries: Collection[Query[object]], now: datetime) -> Mapping[Query[object], object]:
        """Answer, after something happened."""
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return super().answer(scope, queries, now)

    def call(self, scope: Scope, call: Call, *, dry_run: bool = False) -> Mapping[str, str]:
        """Make a call, or say that it may be made after something happened."""
        if dry_run and self.permitting is not None:
            self.permitting()
        return super().call(scope, call, dry_run=dry_run)


def nothing() -> None:
    """All stays as it is."""


def approved(store: Store, **changes: object) -> tuple[World, BusyCloud]:
    """An idle instance whose stop is approved: the cloud is asked twice for its metrics, then what depends on it."""
    cloud = BusyCloud()
    world = World(store=store, cloud=cloud, **changes)  # type: ignore[arg-type]  # a test's changes
    world.use(stop_idle(proposals_last=minutes(30)))
    world.add("i-1")
    world.sweep()
    world.approve_all()
    return world, cloud


def trusted(store: Store) -> tuple[World, BusyCloud, AnyPolicy]:
    """An idle instance, and a policy that may stop it by itself."""
    cloud = BusyCloud()
    world = World(store=store, cloud=cloud)
    policy = stop_idle(mode=ENFORCE, grace=hours(1))
    world.use(policy)
    world.add("i-1")
    world.sweep()
    world.trust_all()
    return world, cloud, policy


def exempted(world: World, **selects: object) -> Callable[[], None]:
    """Somebody exempts the instance."""

    def decide() -> None:
        with world.store.transaction() as tx:
            exempt(tx, world.decider(), wish(NOON + hours(9), **selects))

    return decide


def distrusted(world: World, policy: AnyPolicy) -> Callable[[], None]:
    """Somebody takes trust in the policy back."""

    def decide() -> None:
        with world.store.transaction() as tx:
            distrust(tx, policy.name, world.decider())

    return decide


def paused(world: World) -> None:
    """Somebody holds everything."""
    with world.store.transaction() as tx:
        pause(tx, world.decider())


def resumed(world: World) -> None:
    """Nothing is held any more."""
    with world.store.transaction() as tx:
        resume(tx, world.decider(), others=True)


def actions(world: World) -> Sequence[ActionRecord]:
    """The latest actions."""
    with world.store.reading() as tx:
        return tx.actions.latest(10)
