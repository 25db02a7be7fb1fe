"""What the daemon says of its own state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """`live`: restarting would not help. `ready`: it does its work. `details` says in words what is wrong.

    `details` is shown to whoever can reach the port: it holds no secret.
    """

    live: bool
    ready: bool
    details: Mapping[str, str] = field(default_factory=dict)
