"""Shipping in tests: a store, its copy, and what brings one to the other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3

from cloudwarden.aws.access.account import AwsAccess
from cloudwarden.aws.session import Sessions
from cloudwarden.aws.vault import S3Copy, VaultPlace
from cloudwarden.clock import FakeClock
from cloudwarden.keeping.comparison import Compared, compare
from cloudwarden.keeping.shipper import Shipper, shipment_of
from cloudwarden.ports import JournalCopy
from cloudwarden.store import SqlStore
from journals import append
from stub_sessions import Heard, simulated_limits

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TARGET = "s3://audit/journal"
REGION = "eu-central-1"


@dataclass(kw_only=True)
class Shipping:
    """A store that ships to a copy."""

    store: SqlStore
    clock: FakeClock
    copy: JournalCopy
    heard: Heard = field(default_factory=Heard)

    def shipper(self) -> Shipper:
        """A new process's shipper."""
        return Shipper(store=self.store, copy=self.copy, target=TARGET, clock=self.clock, reporter=self.heard)

    def write(self, count: int) -> None:
        """Append entries."""
        append(self.store, count, self.clock.now())

    def ship(self, shipper: Shipper | None = None) -> None:
        """Ship until nothing more goes."""
        shipper = shipper or self.shipper()
        while shipper.turn():
            pass

    def seqs(self) -> list[int]:
        """The numbers of the entries in the copy, as they stand there."""
        return [int(json.loads(text)["seq"]) for _, text in self.copy.lines()]

    def compared(self) -> Compared:
        """The copy beside the store."""
        with self.store.reading() as tx:
            shipped = shipment_of(tx, TARGET).seq
        return compare(self.store, self.copy.lines(), shipped=shipped)

    def events(self) -> list[str]:
        """The journal's events."""
        with self.store.reading() as tx:
            return [entry.event for entry in tx.journal.entries()]


def s3(endpoint: str) -> Any:
    """A client of the test's own."""
    return boto3.client(
        "s3", region_name=REGION, endpoint_url=endpoint, aws_access_key_id="testing", aws_secret_access_key="testing"
    )


def make_bucket(endpoint: str, name: str, *, lock: bool = True) -> None:
    """A bucket, with object lock unless said."""
    s3(endpoint).create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}, ObjectLockEnabledForBucket=lock
    )


def bucket_copy(endpoint: str, name: str, *, mode: str = "governance", days: int = 400) -> S3Copy:
    """A copy in a bucket."""
    heard = Heard()
    sessions = Sessions(AwsAccess(regions=(REGION,), endpoint_url=endpoint, attempts=1), heard, simulated_limits(heard))
    place = VaultPlace(bucket=name, prefix="journal", region=REGION, mode=mode, days=days)
    return S3Copy(sessions, place, lambda: datetime.now(UTC))
