"""The composition root's parts: what one process is made of."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from multiprocessing.connection import Connection

from cloudwarden import loading
from cloudwarden.allocating import settle_allocation
from cloudwarden.app.adapters import KINDS, Adapters
from cloudwarden.aws.contacts import AwsContacts
from cloudwarden.aws.doctor import AwsDoctor
from cloudwarden.aws.prices import list_prices
from cloudwarden.aws.trials import Trials
from cloudwarden.clock import boot_id
from cloudwarden.collecting import SweepBySweep, unhurried
from cloudwarden.core.policy import AnyPolicy, Mode
from cloudwarden.core.resource import Scope
from cloudwarden.cores import together
from cloudwarden.engine.act import Actor
from cloudwarden.engine.budget import Budget, MetricBudget
from cloudwarden.engine.courier import Courier
from cloudwarden.engine.cutoff import SignalCutoff
from cloudwarden.engine.doubts import Doubts
from cloudwarden.engine.enroll import Enroller
from cloudwarden.engine.events import StoreCounted
from cloudwarden.engine.explain import Explainer
from cloudwarden.engine.gather import Gatherer
from cloudwarden.engine.local import LocalSurveyor
from cloudwarden.engine.orphans import Orphans
from cloudwarden.engine.prospects import Prospects
from cloudwarden.engine.survey import Assignment, Survey
from cloudwarden.engine.sweep import Sweeper
from cloudwarden.engine.tenure import Tenure
from cloudwarden.in_force import InForce
from cloudwarden.keeping.shipper import Shipper
from cloudwarden.loading import NOTHING, Edits, Loaded
from cloudwarden.ports import Reporter
from cloudwarden.register import ExemptionRegister
from cloudwarden.settings import Settings, load_settings
from cloudwarden.store import count
from cloudwarden.workers import Sender, WorkerPool, serve

WORKERS_FROM_SCOPES = 32
"""Scopes from which on workers are worth their start and their memory, unless the settings say otherwise."""


class App(Adapters):
    """Everything that one process of Cloudwarden is made of; each part is built when first used."""

    def __init__(self, settings: Settings, *, reporters: Sequence[Reporter] = (), begins: bool = False) -> None:
        super().__init__(settings, reporters=reporters, begins=begins)
        self._loaded = NOTHING
        self.swept_under = Mode.ENFORCE

    @cached_property
    def enroller(self) -> Enroller:
        """What knows the scopes, and which of them are accepted."""
        return Enroller(
            store=self.store,
            clock=self.clock,
            reporter=self.reporter,
            discover=lambda: self.sessions.discover(self._beat),
            accept_first=self.settings.aws.accept_first,
        )

    @cached_property
    def doctor(self) -> AwsDoctor:
        """What tries AWS."""
        trials = Trials(self.sessions, self.inventory, self.actuator, now=self.clock.now)
        return AwsDoctor(self.sessions, trials, self.inventory, budget=self.budget, threads=self.settings.threads)

    @cached_property
    def gatherer(self) -> Gatherer:
        """What reads and judges."""
        return Gatherer(
            inventory=self.inventory,
            evidence=self.evidence,
            cutoff=SignalCutoff(self.settings.rule_timeout_seconds),
            reporter=self.reporter,
            threads=self.settings.threads,
            alive=self._beat,
            budget=self.budget,
            timer=self.clock.monotonic,
        )

    @cached_property
    def budget(self) -> Budget:
        """What says how many metrics may still be asked for."""
        return MetricBudget(
            store=self.store,
            per_day=self.settings.cloudwatch.metrics_per_day,
            clock=self.clock,
            reporter=self.reporter,
        )

    @cached_property
    def prospects(self) -> Prospects:
        """What tells beforehand what an action would touch and save. Raises SettingsError for a bad file of prices."""
        return Prospects(gatherer=self.gatherer, prices=list_prices(self.settings.prices_file))

    @cached_property
    def surveyor(self) -> LocalSurveyor:
        """What gathers and judges in this process."""
        return LocalSurveyor(gatherer=self.gatherer, clock=self.clock)

    @cached_property
    def workers(self) -> WorkerPool:
        """What gathers and judges in other processes."""
        return WorkerPool(
            count=self.settings.workers or len(os.sched_getaffinity(0)),
            entry=partial(work, self.settings),
            texts=lambda: loading.texts(self._loaded),
            clock=self.clock,
            reporter=self.reporter,
            alive=self._beat,
            budget=self.budget,
            drawn=self.limits.lower,
        )

    @cached_property
    def actor(self) -> Actor:
        """The choke point."""
        return Actor(
            store=self.store,
            actuator=self.actuator,
            gatherer=self.gatherer,
            clock=self.clock,
            reporter=self.reporter,
            mode_of=self.mode_of,
            lasting_mode_of=self.lasting_mode_of,
            ceiling_of=self.ceiling_of,
            alive=self._beat,
            prospects=self.prospects,
            acceptance=self.enroller,
            kinds=[kind.resource for kind in KINDS],
            restraints=self.settings.restraints,
            tenure=self.tenure,
            doubts=Doubts(exemptions=self.exemptions_doubt, settings=self.standstill),
        )

    @cached_property
    def courier(self) -> Courier:
        """What has notices delivered."""
        stated = {id_: one.contact for id_, one in self.settings.aws.accounts.items() if one.contact is not None}
        return Courier(
            store=lambda: self.store,
            clock=self.clock,
            reporter=self.reporter,
            notifier=lambda: self.channels,
            contacts=AwsContacts(self.sessions, stated),
            directory=self.settings.directory,
            policies=lambda: self._loaded.policies,
            exemption_longest=self.settings.exemption_longest,
        )

    @cached_property
    def edits(self) -> Edits:
        """What notices edits of all that people write."""
        files = (self.settings.file, self.settings.exemptions_file)
        found = [file for file in files if file is not None]
        return Edits(self.settings.policies, found, clock=self.clock)

    @cached_property
    def register(self) -> ExemptionRegister:
        """What keeps the exemptions up to their file."""
        return ExemptionRegister(
            store=lambda: self.store,
            clock=self.clock,
            reporter=self.reporter,
            path=self.settings.exemptions_file,
            allowed=self.settings.exemption_longest,
            warning=self.settings.exemption_warning,
        )

    @cached_property
    def orphans(self) -> Orphans:
        """What ends that which no sweep ends."""
        return Orphans(
            store=lambda: self.store,
            clock=self.clock,
            reporter=self.reporter,
            told=self.enroller.told,
            alive=self._beat,
        )

    @cached_property
    def in_force(self) -> InForce:
        """What notices that the file of settings was edited."""
        return InForce(self.settings, read=load_settings, reporter=self.reporter)

    @cached_property
    def tenure(self) -> Tenure:
        """Which unfinished actions are this process's. Built and used only by who owns the store."""
        machine = boot_id()
        return Tenure(self.clock, owner=f"{machine}/{os.getpid()}/{secrets.token_hex(4)}", alone=f"{machine}/")

    @cached_property
    def sweeper(self) -> Sweeper:
        """What runs sweeps."""
        return Sweeper(
            surveyor=self,
            actor=self.actor,
            store=self.store,
            clock=self.clock,
            reporter=self.reporter,
            scopes=self.enroller.scopes,
            mode_of=self.mode_of,
            lasting_mode_of=self.lasting_mode_of,
            prospects=self.prospects,
            restraints=self.settings.restraints,
            alive=self._beat,
        )

    @cached_property
    def explainer(self) -> Explainer:
        """What says why."""
        return Explainer(
            store=self.store,
            inventory=self.inventory,
            gatherer=self.gatherer,
            clock=self.clock,
            scopes=self.sessions.scopes,
            mode_of=self.mode_of,
            ceiling=self.settings.ceiling,
            restraints=self.settings.restraints,
            prospects=self.prospects,
        )

    @cached_property
    def shipper(self) -> Shipper | None:
        """What brings the journal to its copy, where there is one."""
        target = self.settings.journal.ship_to
        if target is None:
            return None
        return Shipper(
            store=self.store, copy=self.copy_at(target), target=target, clock=self.clock, reporter=self.reporter
        )

    def exemptions_doubt(self) -> str | None:
        """Why nobody can tell what is exempt; None when somebody can. What a policy exempts itself is in its file."""
        return self.register.doubt() or self.edits.unread()

    def standstill(self) -> str | None:
        """Why nothing may be done at all for now, undos included; None when something may."""
        return self.in_force.doubt() or (self.shipper.doubt() if self.shipper else None)

    def survey(self, assignments: Sequence[Assignment], policies: Mapping[str, AnyPolicy]) -> Iterable[Survey]:
        """Gather and judge: here, or in workers when that is set, or worth it."""
        set_to = self.settings.workers
        if set_to == 1 or (set_to == 0 and len(assignments) < WORKERS_FROM_SCOPES):
            return self._surveyed_here(assignments, policies)
        told = [replace(one, role=self.sessions.role(one.scope.account)) for one in assignments]
        return self.workers.survey(told, policies)

    def _surveyed_here(self, assignments: Sequence[Assignment], policies: Mapping[str, AnyPolicy]) -> Iterator[Survey]:
        with together():
            yield from self.surveyor.survey(assignments, policies)

    def counted(self) -> StoreCounted:
        """What the store holds."""
        with self.store.reading() as tx:
            return count(tx, self.clock.now(), ending_within=self.settings.exemption_warning)

    def _beat(self) -> None:
        self.alive()

    def mode_of(self, policy: AnyPolicy, scope: Scope | None) -> Mode:
        """How far a policy may go now: not beyond its mode, nor beyond what anything may in the scope."""
        return min(policy.mode, self.ceiling_of(scope))

    def ceiling_of(self, scope: Scope | None) -> Mode:
        """How far anything may go in a scope now: in one sweep, that may be less far than otherwise."""
        accepted = scope is not None and self.enroller.accepts(scope)
        return min(self.swept_under, self.settings.ceiling, Mode.ENFORCE if accepted else Mode.OBSERVE)

    def lasting_mode_of(self, policy: AnyPolicy, scope: Scope | None) -> Mode:
        """How far a policy may go, whatever one sweep is run under, and whatever nobody can tell at the moment."""
        accepted = scope is None or self.enroller.accepts_lastingly(scope)
        return min(self.highest_mode_of(policy), Mode.ENFORCE if accepted else Mode.OBSERVE)

    def highest_mode_of(self, policy: AnyPolicy) -> Mode:
        """The lower of the policy's mode and the environment's ceiling: how far it goes in accepted scopes."""
        return min(policy.mode, self.settings.ceiling)

    def load(self, previous: Loaded | None = None) -> Loaded:
        """Read the policy files."""
        self._loaded = loading.load(
            self.settings.policies,
            self.settings.policy,
            previous,
            settings_file=self.settings.file,
            owners=self.settings.directory,
            restraints=self.settings.restraints,
        )
        return self._loaded

    def close(self) -> None:
        """End the workers and let go of the store, where there are any."""
        if "workers" in vars(self):
            self.workers.close()
        super().close()


def work(settings: Settings, connection: Connection) -> None:
    """What a worker's process runs. Ctrl-C is for the daemon, which then closes the pipe.

    It has no store: what it may spend is asked of the daemon, and its scopes come with each assignment.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settle_allocation()
    app = App(settings)
    sender = Sender(connection)
    app.reporter, app.budget, app.alive = sender, sender, sender.alive

    collecting = SweepBySweep()

    def survey(assignments: Sequence[Assignment], policies: Mapping[str, AnyPolicy]) -> Iterable[Survey]:
        app.sessions.know({assignment.scope.account: assignment.role for assignment in assignments})
        for run_id in {assignment.run_id for assignment in assignments}:
            collecting.begin(run_id)
        return app.surveyor.survey(assignments, policies)

    with unhurried():
        serve(connection, sender, survey, lambda texts: loading.rebuilt(texts, settings.policy), app.limits.levels)


def build(settings: Settings, *, reporters: Sequence[Reporter] = (), begins: bool = False) -> App:
    """An app for these settings; nothing is opened or called before it is used.

    `begins` says that it may make the database where there is none.
    """
    settle_allocation()
    return App(settings, reporters=reporters, begins=begins)
