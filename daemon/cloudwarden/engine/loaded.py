"""Loaded policies: which there are in a turn of the choke point, and where they are closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from cloudwarden.core.policy import AnyPolicy
from cloudwarden.core.restraint import Restraints


class LoadedPolicies:
    """The policies of this turn, by name. What was begun in an earlier one goes on by these."""

    def __init__(self, restraints: Restraints) -> None:
        self._restraints = restraints
        self.by_name: Mapping[str, AnyPolicy] = {}

    def get(self, name: str) -> AnyPolicy | None:
        """The policy of a name, if it is loaded."""
        return self.by_name.get(name)

    def closed(self, policy: str, account: str, now: datetime) -> str | None:
        """Why a policy may do nothing in an account now; one that is not loaded may do nothing anywhere."""
        loaded = self.get(policy)
        return self._restraints.closed(loaded, account, now) if loaded else "its policy is not loaded"
