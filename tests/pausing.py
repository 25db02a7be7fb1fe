"""A builder of pauses."""

from __future__ import annotations

from datetime import UTC, datetime

from cloudwarden.core.pause import Pause


def paused(policy: str = "*", account: str = "*", *, reason: str = "lunch") -> Pause:
    """A pause that somebody made at noon."""
    return Pause(
        policy=policy,
        account=account,
        by="ada",
        at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        reason=reason,
        origin="cli ada@box",
    )
