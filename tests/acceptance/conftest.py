"""A simulated AWS, and an installation that daemons run on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fault_proxy import FaultProxy, fault_proxy
from installation import Installation, idling, simulated_aws


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """A simulated AWS; its address."""
    with simulated_aws() as address:
        yield address


@pytest.fixture
def idle_instance(aws: str) -> Iterator[str]:
    """An instance that ran idle for hours; its id."""
    with idling(aws) as made:
        yield made


@pytest.fixture
def proxy(aws: str) -> Iterator[FaultProxy]:
    """What stands between the daemon and AWS, for tests that ask for it before the installation."""
    with fault_proxy(aws) as made:
        yield made


@pytest.fixture
def installation(tmp_path: Path, aws: str, request: pytest.FixtureRequest) -> Iterator[Installation]:
    """A fresh installation, behind the proxy when the test has one; what still runs at the end is ended."""
    behind = "proxy" in request.fixturenames
    made = Installation(tmp_path, request.getfixturevalue("proxy").address if behind else aws)
    yield made
    made.end()
