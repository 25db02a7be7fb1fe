"""A store, a copy of each sort, and what brings one to the other."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

import blank_stores
from cloudwarden.clock import FakeClock
from cloudwarden.keeping.file_copy import FileCopy
from cloudwarden.memory import MemoryCopy
from cloudwarden.ports import JournalCopy
from cloudwarden.store import SqlStore
from copies import NOON, Shipping, bucket_copy, make_bucket
from installation import simulated_aws


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own AWS settings is read."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A simulated AWS; its address."""
    with simulated_aws() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str) -> str:
    """A bucket with object lock."""
    name = f"audit-{secrets.token_hex(4)}"
    make_bucket(endpoint, name)
    return name


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands at noon."""
    return FakeClock(NOON)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The store's file."""
    return tmp_path / "cloudwarden.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    """A store in a file."""
    opened = blank_stores.in_file(path)
    yield opened
    opened.close()


@pytest.fixture(params=["memory", "file", "s3"])
def copy(request: pytest.FixtureRequest, tmp_path: Path) -> JournalCopy:
    """A copy of each sort: whatever holds for one must hold for the others."""
    if request.param == "memory":
        return MemoryCopy()
    if request.param == "file":
        return FileCopy(tmp_path / "copy.jsonl")
    return bucket_copy(request.getfixturevalue("endpoint"), request.getfixturevalue("bucket"))


@pytest.fixture
def shipping(store: SqlStore, clock: FakeClock) -> Shipping:
    """A store that ships to a copy in memory."""
    return Shipping(store=store, clock=clock, copy=MemoryCopy())
