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

    `alive` is called often, by whoever works; `stop` ends every wait.
    """

    def __init__(self, settings: Settings, *, reporters: Sequence[Reporter] = ()) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.metrics = Metrics()
        self.overview = Overview(
            store=lambda: self.store, clock=self.clock, exemption_warning=settings.exemption_warning
        )
        self.reporter: Reporter = Fanout(self.metrics, self.overview, *reporters)
        self.alive: Callable[[], None] = lambda: None
        self.stop = threading.Event()

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
