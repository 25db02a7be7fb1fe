"""The pytest plugin of `cloudwarden.testing`: a bench, and the policies of an installation, as fixtures.

pytest loads it into every test run of an environment that has Cloudwarden. It stands beside the package and imports
nothing of it until a fixture is asked for, so that other people's tests do not pay for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cloudwarden.core.policy import AnyPolicy
    from cloudwarden.testing import Bench

DIRECTORY = "cloudwarden_policies"
"""Names both the option in pytest's configuration and the fixture that it is for."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the configuration say where the policies are."""
    text = "directory of the policy files that the fixture of this name loads, from the root directory"
    parser.addini(DIRECTORY, text, default="policies")


@pytest.fixture
def bench() -> Bench:
    """A `cloudwarden.testing.Bench`: a clock of its own, no AWS, and the metrics that the test makes up."""
    made: Bench = importlib.import_module("cloudwarden.testing").Bench()
    return made


@pytest.fixture(scope="session")
def cloudwarden_policies(pytestconfig: pytest.Config) -> Mapping[str, AnyPolicy]:
    """The installation's policies by name, loaded as the daemon loads them; one that it refuses is an error."""
    directory = pytestconfig.rootpath / str(pytestconfig.getini(DIRECTORY))
    loaded = importlib.import_module("cloudwarden.loading").load(directory, {})
    if loaded.problems:
        pytest.fail("\n".join(str(problem) for problem in loaded.problems), pytrace=False)
    policies: Mapping[str, AnyPolicy] = loaded.policies
    return policies
