"""A small world for the engine: a cloud in memory, a store in memory, and a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from addressees import CHANNELS, KnownContacts
from cloudwarden import ENFORCE, PROPOSE, Limit, Mode, Policy, every, hours, minutes, tagged
from cloudwarden.app.adapters import KINDS
from cloudwarden.aws import ec2
from cloudwarden.aws.prices import list_prices
from cloudwarden.clock import FakeClock
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.finding import Finding, Proposal, State
from cloudwarden.core.metric import Series
from cloudwarden.core.notice import Notice
from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.resource import NO_TAGS, Scope
from cloudwarden.core.restraint import UNRESTRAINED, Restraints
from cloudwarden.core.verdict import Cause
from cloudwarden.engine.act import Actor
from cloudwarden.engine.courier import Courier
from cloudwarden.engine.cutoff import SignalCutoff
from cloudwarden.engine.decide import Decider, approve, trust
from cloudwarden.engine.doubts import Doubts
from cloudwarden.engine.exempt import Wish
from cloudwarden.engine.explain import Explainer
from cloudwarden.engine.gather import Gatherer
from cloudwarden.engine.local import LocalSurveyor
from cloudwarden.engine.prospects import Prospects
from cloudwarden.engine.sweep import Sweeper, SweepResult
from cloudwarden.library.compute import Idle, idle
from cloudwarden.library.storage import Unattached, unattached
from cloudwarden.memory import MemoryCloud
from cloudwarden.notify.memory import MemoryNotifier
from cloudwarden.ports import Store
from cloudwarden.testing import instance, volume
from losing import LosingSurveyor
from obeying import obey
from reports import Reports

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SCOPE = Scope(account="123456789012", region="eu-central-1")
WINDOW = hours(1)


def stop_idle(**changes: object) -> AnyPolicy:
    """The policy that most tests run: stop instances idle for an hour, proposed at once."""
    policy: AnyPolicy = Policy(
        name="stop-idle",
        rule=idle,
        params=Idle(window=WINDOW),
        schedule=every(minutes=15),
        mode=PROPOSE,
        action=ec2.Stop(),
        limit=Limit(per_run=5, share=1.0),
        exempt=[tagged("keep-running")],
    )
    return replace(policy, **changes)  # type: ignore[arg-type]  # a test's changes


def wish(expires_at: datetime, **changes: object) -> Wish:
    """A wish to take something out of the policy that most tests run."""
    made = Wish(policy="stop-idle", owner="ada", reason="an audit", expires_at=expires_at)
    return replace(made, **changes)  # type: ignore[arg-type]  # a test's changes


def delete_unattached(**changes: object) -> AnyPolicy:
    """Snapshot, then delete, volumes that nothing uses."""
    policy: AnyPolicy = Policy(
        name="delete-unattached",
        rule=unattached,
        params=Unattached(min_age=hours(1)),
        schedule=every(minutes=15),
        mode=PROPOSE,
        action=ec2.SnapshotThenDelete(),
        limit=Limit(per_run=5, share=1.0),
    )
    return replace(policy, **changes)  # type: ignore[arg-type]  # a test's changes


@dataclass(kw_only=True)
class World:
    """The engine with everything around it in memory."""

    store: Store
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOON))
    cloud: MemoryCloud = field(default_factory=MemoryCloud)
    reports: Reports = field(default_factory=Reports)
    ceiling: Mode = ENFORCE
    swept_under: Mode = ENFORCE
    policies: dict[str, AnyPolicy] = field(default_factory=dict)
    restraints: Restraints = UNRESTRAINED
    scopes: list[Scope] = field(default_factory=lambda: [SCOPE])
    waiting: set[Scope] = field(default_factory=set)
    """Scopes that nobody has accepted."""
    lost: dict[Scope, Cause] = field(default_factory=dict)
    """Scopes of which nothing comes back, and why."""
    untold: bool = False
    """Whether nobody could tell yet which scopes there are."""
    doubt: str | None = None
    """Why nobody can tell what is exempt."""
    edited: str | None = None
    """Why nobody can tell what the settings say."""
    notifier: MemoryNotifier = field(default_factory=lambda: MemoryNotifier(channels=CHANNELS.channels))
    contacts: KnownContacts = field(default_factory=KnownContacts)
    alive: Callable[[], None] = lambda: None
    """Called often by whatever takes long."""

    def __post_init__(self) -> None:
        obey(self.cloud)

    @cached_property
    def gatherer(self) -> Gatherer:
        """What reads the cloud."""
        return Gatherer(
            inventory=self.cloud,
            evidence=self.cloud,
            cutoff=SignalCutoff(0.2),
            reporter=self.reports,
            threads=4,
            alive=self.alive,
        )

    @cached_property
    def prospects(self) -> Prospects:
        """What tells beforehand what an action would touch and save."""
        return Prospects(gatherer=self.gatherer, prices=list_prices())

    @cached_property
    def explainer(self) -> Explainer:
        """What says why a resource is, or is not, a finding."""
        return Explainer(
            store=self.store,
            inventory=self.cloud,
            gatherer=self.gatherer,
            clock=self.clock,
            scopes=lambda: self.scopes,
            mode_of=self.mode_of,
            ceiling=self.ceiling,
            restraints=self.restraints,
            prospects=self.prospects,
        )

    @cached_property
    def actor(self) -> Actor:
        """The choke point."""
        return Actor(
            store=self.store,
            actuator=self.cloud,
            gatherer=self.gatherer,
            clock=self.clock,
            reporter=self.reports,
            mode_of=self.mode_of,
            lasting_mode_of=self.lasting_mode_of,
            ceiling_of=self.ceiling_of,
            prospects=self.prospects,
            acceptance=self,
            kinds=[kind.resource for kind in KINDS],
            restraints=self.restraints,
            doubts=Doubts(exemptions=lambda: self.doubt, settings=lambda: self.edited),
            alive=self.alive,
        )

    @cached_property
    def sweeper(self) -> Sweeper:
        """What sweeps."""
        return Sweeper(
            surveyor=LosingSurveyor(surveyor=LocalSurveyor(gatherer=self.gatherer, clock=self.clock), lost=self.lost),
            actor=self.actor,
            store=self.store,
            clock=self.clock,
            reporter=self.reports,
            scopes=lambda: self.scopes,
            alive=self.alive,
            mode_of=self.mode_of,
            lasting_mode_of=self.lasting_mode_of,
            prospects=self.prospects,
            restraints=self.restraints,
        )

    @cached_property
    def courier(self) -> Courier:
        """What has notices delivered."""
        return Courier(
            store=lambda: self.store,
            clock=self.clock,
            reporter=self.reports,
            notifier=lambda: self.notifier,
            contacts=self.contacts,
            directory=CHANNELS,
            policies=lambda: self.policies,
        )

    def known(self) -> bool:
        """Which scopes there are is known."""
        return not self.untold

    def accepts(self, scope: Scope) -> bool:
        """Whether somebody accepted a scope; what is global comes with its account."""
        return scope not in self.waiting

    def mode_of(self, policy: AnyPolicy, scope: Scope | None) -> Mode:
        """How far a policy may go in a scope."""
        return min(policy.mode, self.ceiling_of(scope))

    def lasting_mode_of(self, policy: AnyPolicy, scope: Scope | None) -> Mode:
        """The same, whatever one sweep is run under, and whatever nobody can tell at the moment."""
        return min(policy.mode, self.ceiling if scope is None else self.lasting_ceiling_of(scope))

    def ceiling_of(self, scope: Scope | None) -> Mode:
        """How far anything may go in a scope."""
        return min(self.swept_under, self.lasting_ceiling_of(scope))

    def lasting_ceiling_of(self, scope: Scope | None) -> Mode:
        """The same, whatever one sweep is run under."""
        return self.ceiling if scope is not None and self.accepts(scope) else Mode.OBSERVE

    def use(self, *policies: AnyPolicy) -> None:
        """Run these policies from now on."""
        self.policies = {policy.name: policy for policy in policies}

    def add(
        self,
        name: str,
        *,
        cpu: float | None = 1.0,
        network: float = 0.0,
        share: float = 1.0,
        tags: Mapping[str, str] = NO_TAGS,
    ) -> ec2.Instance:
        """A running instance with an hour of datapoints (`share` of them); none at all when `cpu` is None."""
        made = instance(id=name, account=SCOPE.account, region=SCOPE.region, launched=NOON - hours(48), tags=tags)
        self.cloud.put(made)
        if cpu is not None:
            self.measure(name, cpu=cpu, network=network, share=share)
        return made

    def measure(self, name: str, *, cpu: float, network: float = 0.0, share: float = 1.0) -> None:
        """Datapoints every five minutes over the last two windows, up to now."""
        count = int(24 * share)
        moments = tuple(self.clock.now() - minutes(5 * number) for number in range(count))
        for metric, value in (("CPUUtilization", cpu), ("NetworkIn", network), ("NetworkOut", network)):
            self.cloud.series[metric, name] = Series(moments=moments, values=(value,) * count)

    def add_volume(self, name: str) -> ec2.Volume:
        """A volume made long ago that nothing uses."""
        made = volume(id=name, account=SCOPE.account, region=SCOPE.region, created=NOON - hours(48), state="available")
        self.cloud.put(made)
        return made

    def sweep(self, *, after: timedelta = timedelta(0)) -> SweepResult:
        """Let time pass, with everything measured as before, and sweep all policies."""
        self.clock.advance(after)
        for (metric, name), series in list(self.cloud.series.items()):
            shifted = tuple(moment + after for moment in series.moments)
            self.cloud.series[metric, name] = replace(series, moments=shifted)
        return self.sweeper.sweep(tuple(self.policies.values()), self.policies)

    def sweep_until(self, end: datetime, *, step: timedelta) -> None:
        """Let time pass with a sweep every `step`, the last one at `end`; the policies are swept as seldom as that."""
        seldom = every(seconds=int(step.total_seconds()))
        self.use(*(replace(one, schedule=seldom) for one in self.policies.values()))
        while (left := end - self.clock.now()) > timedelta(0):
            self.sweep(after=min(step, left))

    def holding(self, policy: AnyPolicy, resource_id: str) -> list[str]:
        """What `explain` says holds a finding's action."""
        return [str(hold) for hold in self.explainer.explain(policy, resource_id).holds]

    def act(self) -> None:
        """What the daemon does between sweeps."""
        self.actor.act(self.policies, "")

    def deliver(self) -> None:
        """One turn of what the courier's thread does."""
        self.courier.turn()

    def notices(self, resource_id: str) -> list[Notice]:
        """Every notice of a resource's standing finding, oldest first."""
        finding = self.finding(resource_id)
        with self.store.reading() as tx:
            return [one for one in reversed(tx.notices.latest(1000)) if one.finding_id == finding.id]

    def finding(self, resource_id: str) -> Finding:
        """The standing finding of a resource."""
        with self.store.reading() as tx:
            (found,) = [one for one in tx.findings.standing() if one.resource_id == resource_id]
            return found

    def states(self) -> dict[str, State]:
        """Every standing finding's state, by resource."""
        with self.store.reading() as tx:
            return {finding.resource_id: finding.state for finding in tx.findings.standing()}

    def proposals(self) -> list[Proposal]:
        """Proposals that are pending or approved."""
        with self.store.reading() as tx:
            return list(tx.proposals.undecided())

    def approve_all(self) -> None:
        """A person approves everything that is pending."""
        for proposal in self.proposals():
            with self.store.transaction() as tx:
                approve(tx, proposal.id, self.decider())

    def trust_all(self) -> None:
        """The operator lets every policy act by itself where it has swept."""
        for policy in self.policies.values():
            with self.store.transaction() as tx:
                tx.scopes.save(map(self._known, self.scopes))
                trust(tx, policy, self.decider())

    def _known(self, scope: Scope) -> KnownScope:
        return KnownScope(scope=scope, name="", found_at=NOON, accepted_at=NOON if self.accepts(scope) else None)

    def decider(self, reason: str = "a test", *, by: str = "operator", user: str = "") -> Decider:
        """Who decides in tests."""
        return Decider(by=by, origin="test", reason=reason, now=self.clock.now(), user=user)

    def called(self) -> list[str]:
        """The mutating calls that arrived, in order."""
        return [call.operation for call in self.cloud.calls]

    def journal(self) -> list[str]:
        """The journal's events, in order."""
        with self.store.reading() as tx:
            return [entry.event for entry in tx.journal.entries()]


def begin_alone(world: World) -> None:
    """A policy that acts by itself has asked for a volume's snapshot; that it completes, and the deletion, are next."""
    world.use(delete_unattached(mode=ENFORCE))
    world.sweep()
    world.trust_all()
    world.add_volume("vol-1")
    world.sweep(after=minutes(15))
    assert world.called() == ["create_snapshot"]
