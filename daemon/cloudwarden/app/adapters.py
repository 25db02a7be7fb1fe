"""Adapters: what of one process touches the world outside it."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Collection, Sequence
from functools import cached_property, partial
from pathlib import Path

from cloudwarden.access import access_of
from cloudwarden.aws import ec2, lambda_, rds, s3
from cloudwarden.aws.actuator import AwsActuator
from cloudwarden.aws.cloudwatch import CloudWatchEvidence
from cloudwarden.aws.details import AwsEvidence, DetailEvidence
from cloudwarden.aws.inventory import AwsInventory
from cloudwarden.aws.limits import Limits
from cloudwarden.aws.secrets import AwsSecrets
from cloudwarden.aws.session import Sessions
from cloudwarden.aws.vault import S3Copy, VaultPlace
from cloudwarden.clock import SystemClock
from cloudwarden.core.acceptance import KnownScope
from cloudwarden.core.errors import NoDatabase
from cloudwarden.keeping.file_copy import FileCopy
from cloudwarden.overview import Overview
from cloudwarden.ports import Channels, JournalCopy, Reporter
from cloudwarden.settings import Settings, bucket_of
from cloudwarden.store import Retention, SqlStore, file_of, open_store
from cloudwarden.telemetry import Fanout
from cloudwarden.telemetry.metrics import Metrics

KINDS = (*ec2.KINDS, *lambda_.KINDS, *rds.KINDS, *s3.KINDS)
"""Every kind of resource that this version reads."""


class Adapters:
    """The database, the way to AWS, the ways to people, and what hears of everything; built when first used.

    `alive` is called often, by whoever works; `stop` ends every wait. `begins` says whether this process may make the
    database where there is none: one that is only asked, or told something, would be believed to speak to a daemon.
    """

    def __init__(self, settings: Settings, *, reporters: Sequence[Reporter] = (), begins: bool = False) -> None:
        self.settings = settings
        self._begins = begins
        self.clock = SystemClock()
        self.metrics = Metrics(metrics_per_day=settings.cloudwatch.metrics_per_day)
        self.overview = Overview(
            store=lambda: self.store, clock=self.clock, exemption_warning=settings.exemption_warning
        )
        self.reporter: Reporter = Fanout(self.metrics, self.overview, *reporters)
        self.alive: Callable[[], None] = lambda: None
        self.stop = threading.Event()

    @cached_property
    def store(self) -> SqlStore:
        """The database, migrated. Raises StoreError; NoDatabase where this process may make none, and there is none."""
        try:
            return open_store(self.settings.database, make=self._begins)
        except NoDatabase as error:
            raise self.nowhere(error) from error

    def nowhere(self, error: NoDatabase) -> NoDatabase:
        """The same error, with what named the database, and what to do."""
        return NoDatabase(
            f"{error}. {_chosen_by(self.settings)}. Nothing was read or changed: name the settings that the daemon has "
            "(--config FILE), or write this where it was started; `cloudwarden run` and `cloudwarden once` begin "
            "a new record"
        )

    def look_without_record(self) -> None:
        """Go on with an empty store in memory: for who only looks, before anything was recorded."""
        self.store = open_store("sqlite://")

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
    def inventory(self) -> AwsInventory:
        """What reads resources."""
        return AwsInventory(self.sessions, KINDS)

    @cached_property
    def actuator(self) -> AwsActuator:
        """What changes things, and reads what proves it."""
        return AwsActuator(self.sessions)

    @cached_property
    def evidence(self) -> AwsEvidence:
        """What answers questions."""
        return AwsEvidence(metrics=CloudWatchEvidence(self.sessions), details=DetailEvidence(self.sessions))

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

    def copy_at(self, target: str) -> JournalCopy:
        """A copy of the journal, by what `journal.ship_to` would say."""
        kept, bucket = self.settings.journal, bucket_of(target)
        if bucket is None:
            return FileCopy(Path(target))
        place = VaultPlace(
            bucket=bucket[0], prefix=bucket[1], region=kept.ship_region, mode=kept.lock_mode, days=kept.lock_days
        )
        return S3Copy(self.sessions, place, self.clock.now)

    def close(self) -> None:
        """Let go of the store, if it was opened."""
        if "store" in vars(self):
            self.store.close()

    def _pause(self, seconds: float) -> bool:
        """Sleep; True as soon as the daemon is asked to stop."""
        return self.stop.wait(seconds)

    def _remembered(self) -> Collection[KnownScope]:
        with self.store.reading() as tx:
            return tx.scopes.known().values()


def _chosen_by(settings: Settings) -> str:
    """What named the database, in words; a path that is not absolute counts from where the process was started."""
    origin = settings.origins.get("database")
    if origin == "environment":
        return "It is what CLOUDWARDEN_DATABASE names"
    if origin == "file":
        return f"It is what `database` in {settings.file} names"
    said = f"{settings.file} says nothing of it" if settings.file else "no settings file was found"
    return f"It is the default in the directory {Path.cwd()}: {said}"
