"""An AWS that answers from memory, and credentials that open nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stub_aws import StubAws, serving
from stub_sessions import Heard


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own AWS settings is read."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def aws() -> Iterator[StubAws]:
    """An AWS that answers what the test scripts."""
    with serving() as stub:
        yield stub


@pytest.fixture
def heard() -> Heard:
    """A reporter that remembers."""
    return Heard()
