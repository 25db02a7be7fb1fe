"""Pauses: the switch that holds actions, of everything, of one policy, of one account, or of a policy in an account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cloudwarden.core.exemption import ANY

ITSELF = "cloudwarden"
"""Who pauses a policy whose actions keep failing, and everything when the store was put back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """A decision that nothing is done, until somebody resumes it: who took it, when, why, and from where."""

    policy: str = ANY
    account: str = ANY
    by: str
    at: datetime
    reason: str = ""
    origin: str = ""

    def covers(self, policy: str, account: str) -> bool:
        """Whether it holds this policy's actions in this account."""
        return self.policy in (ANY, policy) and self.account in (ANY, account)

    @property
    def mark(self) -> str:
        """What tells it from every other pause, a later one of the same included."""
        return f"{self.policy} {self.account} {self.at.isoformat()}"

    @property
    def by_itself(self) -> bool:
        """Whether a policy paused itself, as its actions kept failing: nobody's word, as no other pause is."""
        return self.by == ITSELF and self.policy != ANY

    @property
    def what(self) -> str:
        """What it holds, in words."""
        if (self.policy, self.account) == (ANY, ANY):
            return "everything"
        parts = [f"policy {self.policy}"] if self.policy != ANY else []
        return " in ".join([*parts, f"account {self.account}"] if self.account != ANY else parts)

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"{self.what} was paused by {self.by} at {self.at:%Y-%m-%d %H:%M}Z{why}"


def paused_by(pauses: Iterable[Pause], policy: str, account: str) -> str | None:
    """Which pause holds a policy's actions in an account, in words; None when none does."""
    return next((str(pause) for pause in pauses if pause.covers(policy, account)), None)
