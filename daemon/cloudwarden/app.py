"""The composition root: the only place that builds things and knows them all."""

from __future__ import annotations

import importlib
import os
import secrets
import signal
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property, partial
from multiprocessing.connection import Connection
from pathlib import Path

from cloudwarden import loading
from cloudwarden.access import access_of
from cloudwarden.allocating import settle_allocation
from cloudwarden.aws import ec2, rds, s3
from cloudwarden.aws.actuator import AwsActuator
from cloudwarden.aws.cloudwatch import CloudWatchEvidence
from cloudwarden.aws.contacts import AwsContacts
from cloudwarden.aws.details import AwsEvidence, DetailEvidence
from cloudwarden.aws.doctor import AwsDoctor
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.limits import Limits
from cloudwarden.aws.prices import list_prices
from cloudwarden.aws.secrets import AwsSecrets
from cloudwarden.aws.session import Sessions
from cloudwarden.aws.trials import Trials
from cloudwarden.aws.vault import S3Copy, VaultPlace
from cloudwarden.clock import SystemClock, boot_id
from cloudwarden.collecting import SweepBySweep, unhurried
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.policy import AnyPolicy, Mode
from cloudwarden.core.resource import Scope
from cloudwarden.daemon import Daemon
from cloudwarden.engine.act import Actor
from cloudwarden.engine.budget import Budget, MetricBudget
from cloudwarden.engine.courier import Courier
from cloudwarden.engine.cutoff import SignalCutoff
from cloudwarden.engine.enroll import Enroller
from cloudwarden.engine.events import StoreCounted
from cloudwarden.engine.explain import Explainer
from cloudwarden.engine.gather import Gatherer
from cloudwarden.engine.local import LocalSurveyor
from cloudwarden.engine.prospects import Prospects
from cloudwarden.engine.survey import Assignment, Survey
from cloudwarden.engine.sweep import Sweeper, SweepResult
from cloudwarden.engine.tenure import Tenure, beat
from cloudwarden.keeping.file_copy import FileCopy
from cloudwarden.keeping.shipper import Shipper, ship_until
from cloudwarden.loading import NOTHING, Loaded
from cloudwarden.overview import Overview
from cloudwarden.ports import Channels, JournalCopy, Reporter
from cloudwarden.register import ExemptionRegister
from cloudwarden.settings import Settings, bucket_of
from cloudwarden.store import Retention, SqlStore, count, file_of, open_store, own
from cloudwarden.telemetry import Fanout
from cloudwarden.telemetry.metrics import Metrics
from cloudwarden.upkeep import Upkeep
from cloudwarden.web.server import WebServer
from cloudwarden.workers import Sender, WorkerPool, serve

WORKERS_FROM_SCOPES = 32
"""Scopes from which on workers are worth their start and their memory, unless the settings say otherwise."""

LAST_BATCH_SECONDS = 5.0
"""How long the daemon stays for the journal's last entries to be shipped; if they are not, the next one ships them."""

KINDS = (*ec2.KINDS, *rds.KINDS, *s3.KINDS)
"""Every kind of resource that this version reads."""


class App:
    """Everything that one process of Cloudwarden is made of; each part is built when first used."""

    def __init__(self, settings: Settings, *, reporters: Sequence[Reporter] = ()) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.metrics = Metrics()
        self.overview = Overview(
            store=lambda: self.store, clock=self.clock, exemption_warning=settings.exemption_warning
        )
        self.reporter: Reporter = Fanout(self.metrics, self.overview, *reporters)
        self._alive: Callable[[], None] = lambda: None
        self._loaded = NOTHING
        self._stop = threading.Event()

    @cached_property
    def store(self) -> SqlStore:
        """The database, migrated. Raises StoreError."""
        return open_store(self.settings.database)

    @cached_property
    def limits(self) -> Limits:
        """What keeps every call within AWS's limits, until the daemon is asked to stop."""
        return Limits(self.reporter, clock=self.clock.monotonic, pause=self._pause)

    @cached_property
    def sessions(self) -> Sessions:
        """The way to AWS."""
        return Sessions(
            access_of(self.settings.aws, threads=self.settings.threads),
            self.reporter,
            self.limits,
            now=self.clock.now,
            remembered=self._remembered,
        )

    @cached_property
    def enroller(self) -> Enroller:
        """What knows the scopes, and which of them are accepted."""
        return Enroller(
            store=self.store,
            clock=self.clock,
            reporter=self.reporter,
            discover=self.sessions.discover,
            accept_first=self.settings.aws.accept_first,
        )

    @cached_property
    def inventory(self) -> AwsInventory:
        """What reads resources."""
        return AwsInventory(self.sessions, KINDS)

    @cached_property
    def actuator(self) -> AwsActuator:
        """What changes things, and reads what proves it."""
        return AwsActuator(self.sessions)

    @cached_property
    def doctor(self) -> AwsDoctor:
        """What tries AWS."""
        trials = Trials(self.sessions, self.inventory, self.actuator, now=self.clock.now)
        return AwsDoctor(self.sessions, trials, self.inventory, budget=self.budget, threads=self.settings.threads)

    @cached_property
    def evidence(self) -> AwsEvidence:
        """What answers questions."""
        return AwsEvidence(metrics=CloudWatchEvidence(self.sessions), details=DetailEvidence(self.sessions))

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
            entry=partial(_work, self.settings),
            texts=lambda: loading.texts(self._loaded),
            clock=self.clock,
            reporter=self.reporter,
            alive=self._beat,
            budget=self.budget,
        )

    @cached_property
    def actor(self) -> Actor:
        """The choke point."""
        return Actor(
            store=self.store,
            inventory=self.inventory,
            actuator=self.actuator,
            gatherer=self.gatherer,
            clock=self.clock,
            reporter=self.reporter,
            mode_of=self.mode_of,
            alive=self._beat,
            prospects=self.prospects,
            restraints=self.settings.restraints,
            tenure=self.tenure,
            exemptions_doubt=self.register.doubt,
        )

    @cached_property
    def channels(self) -> Channels:
        """The ways to people."""
        # Imported only when somebody is to be told: it takes 40 MB, which workers and most verbs can do without.
        found = importlib.import_module("cloudwarden.notify.channels")
        opened = AwsSecrets(self.sessions)
        urls = {
            name: partial(opened.reveal, channel.url.get_secret_value())
            for name, channel in self.settings.channels.items()
        }
        channels: Channels = found.AppriseChannels(urls)
        return channels

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
        )

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
            prospects=self.prospects,
            restraints=self.settings.restraints,
        )

    def survey(self, assignments: Sequence[Assignment], policies: Mapping[str, AnyPolicy]) -> Iterable[Survey]:
        """Gather and judge: here, or in workers when that is set, or worth it."""
        set_to = self.settings.workers
        if set_to == 1 or (set_to == 0 and len(assignments) < WORKERS_FROM_SCOPES):
            return self.surveyor.survey(assignments, policies)
        return self.workers.survey(assignments, policies)

    def close(self) -> None:
        """End the workers and let go of the store, where there are any."""
        if "workers" in vars(self):
            self.workers.close()
        if "store" in vars(self):
            self.store.close()

    @cached_property
    def retention(self) -> Retention:
        """What lets go of what is old."""
        kept = self.settings.retention
        return Retention(
            store=self.store,
            findings=kept.findings,
            journal=kept.journal,
            directory=self.exported,
            shipped_to=self.settings.journal.ship_to,
        )

    @property
    def exported(self) -> Path | None:
        """Where exported segments of the journal are."""
        file = file_of(self.settings.database)
        return self.settings.retention.directory or (file.parent / "journal" if file else None)

    @cached_property
    def shipper(self) -> Shipper | None:
        """What brings the journal to its copy, where there is one."""
        target = self.settings.journal.ship_to
        if target is None:
            return None
        return Shipper(
            store=self.store, copy=self.copy_at(target), target=target, clock=self.clock, reporter=self.reporter
        )

    def copy_at(self, target: str) -> JournalCopy:
        """A copy of the journal, by what `journal.ship_to` would say."""
        kept, bucket = self.settings.journal, bucket_of(target)
        if bucket is None:
            return FileCopy(Path(target))
        place = VaultPlace(
            bucket=bucket[0], prefix=bucket[1], region=kept.ship_region, mode=kept.lock_mode, days=kept.lock_days
        )
        return S3Copy(self.sessions, place, self.clock.now)

    def _counted(self) -> StoreCounted:
        with self.store.reading() as tx:
            return count(tx, self.clock.now(), ending_within=self.settings.exemption_warning)

    def _beat(self) -> None:
        self._alive()

    def _pause(self, seconds: float) -> bool:
        """Sleep; True as soon as the daemon is asked to stop."""
        return self._stop.wait(seconds)

    def _remembered(self) -> Collection[KnownScope]:
        with self.store.reading() as tx:
            return tx.scopes.known().values()

    def mode_of(self, policy: AnyPolicy, scope: Scope) -> Mode:
        """The lowest of the policy's mode, the environment's ceiling, and observe where the scope is not accepted."""
        return min(self.highest_mode_of(policy), Mode.ENFORCE if self.enroller.accepts(scope) else Mode.OBSERVE)

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

    def run(self, stop: threading.Event, reload: threading.Event | None = None) -> None:
        """Be the daemon until `stop` is set. Raises StoreError, and SettingsError when the port is taken."""
        self._stop = stop
        with own(self.settings.database):
            daemon = Daemon(
                clock=self.clock,
                reporter=self.reporter,
                sweeper=self.sweeper,
                actor=self.actor,
                load=self.load,
                counts=self._counted,
                stop=stop,
                reload=reload or threading.Event(),
                policies_directory=Path(self.settings.policies),
                schedule_known=self.metrics.schedule,
                upkeep=Upkeep(clock=self.clock, reporter=self.reporter, batches=self.retention.batches),
                register=self.register,
                exemptions_file=self.settings.exemptions_file,
                copy_details=self.shipper.details if self.shipper else dict,
            )
            self._alive = daemon.alive
            web = WebServer(
                self.settings.host,
                self.settings.port,
                self.metrics.registry,
                daemon.health,
                lambda: self.overview.board(daemon.health()),
            )
            host, port = web.start()
            threading.Thread(target=beat, args=(self.tenure, self.store, stop), name="leases", daemon=True).start()
            shipping = self._begin_shipping(stop)
            threading.Thread(target=self.courier.run, args=(stop,), name="courier", daemon=True).start()
            try:
                daemon.run(f"http://{host}:{port}")
            finally:
                web.stop()
                if shipping is not None:
                    shipping.join(LAST_BATCH_SECONDS)

    def _begin_shipping(self, stop: threading.Event) -> threading.Thread | None:
        """Ship from now on. What the copy knows and the store has forgotten is seen before anything acts."""
        if self.shipper is None:
            return None
        self.shipper.turn()
        shipping = threading.Thread(target=ship_until, args=(self.shipper, stop), name="shipping", daemon=True)
        shipping.start()
        return shipping

    def once(self, *, ceiling: Mode | None = None) -> tuple[Loaded, SweepResult]:
        """One sweep of every policy now, acting as the daemon would, within `ceiling` too if one is given.

        Raises AlreadyRunning while a daemon owns the store, CloudError when the scopes cannot be told.
        """
        if ceiling is not None:
            self.settings = self.settings.model_copy(update={"ceiling": min(ceiling, self.settings.ceiling)})
        loaded = self.load()
        with own(self.settings.database), unhurried():
            while self.shipper is not None and self.shipper.turn():
                pass
            self.register.take(loaded)
            result = self.sweeper.sweep(tuple(loaded.policies.values()), loaded.policies)
            self.courier.turn()
            while self.shipper is not None and self.shipper.turn():
                pass
            return loaded, result

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


def _work(settings: Settings, connection: Connection) -> None:
    """What a worker's process runs. Ctrl-C is for the daemon, which then closes the pipe.

    It has no store: what it may spend is asked of the daemon, and its scopes come with each assignment.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settle_allocation()
    app = App(settings)
    sender = Sender(connection)
    app.reporter, app.budget, app._alive = sender, sender, sender.alive

    collecting = SweepBySweep()

    def survey(assignments: Sequence[Assignment], policies: Mapping[str, AnyPolicy]) -> Iterable[Survey]:
        app.sessions.know({assignment.scope.account for assignment in assignments})
        for run_id in {assignment.run_id for assignment in assignments}:
            collecting.begin(run_id)
        return app.surveyor.survey(assignments, policies)

    with unhurried():
        serve(connection, sender, survey, lambda texts: loading.rebuilt(texts, settings.policy))


def build(settings: Settings, *, reporters: Sequence[Reporter] = ()) -> App:
    """An app for these settings; nothing is opened or called before it is used."""
    settle_allocation()
    return App(settings, reporters=reporters)
