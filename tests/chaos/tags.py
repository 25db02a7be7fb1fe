"""Tags: what resources carry in a run, and what follows from it, told without asking the daemon."""

from __future__ import annotations

from collections.abc import Mapping

from cloudwarden.core.exemption import HANDS_OFF, tagged
from cloudwarden.core.protection import Protection

Pairs = tuple[tuple[str, str], ...]

TAG = tagged("team", "a")
"""What resources carry that somebody may exempt by it."""

CRITICAL = ("tier", "critical")
"""What the settings protect."""

PROTECTION = Protection(accounts=("9*",), tags=(tagged(*CRITICAL),))
"""What the settings say of it; the account is nobody's."""

GROUP = "aws:autoscaling:groupName"
"""On an instance whose group would start another one: it counts as idle for no policy here."""

KEPT = (
    ("aws:cloudformation:stack-name", "shop"),
    (GROUP, "web"),
    ("kubernetes.io/cluster/main", "owned"),
    ("managed-by", "terraform"),
)
"""By which a resource says that another tool keeps it: one of each keeper."""

TEAM: Pairs = ((TAG.key, str(TAG.value)),)
SETS: tuple[Pairs, ...] = ((), (), ((HANDS_OFF, "true"),), TEAM, TEAM, (CRITICAL,), *((one,) for one in KEPT))
"""What somebody may give a resource: all of its tags."""


def protected(tags: Mapping[str, str]) -> bool:
    """Whether the installation, or another tool, keeps what carries these."""
    return any(tags.get(key) == value for key, value in (CRITICAL, *KEPT))


def named(tags: Mapping[str, str]) -> frozenset[str]:
    """Every tag as an exemption may name it: with its value, and without."""
    return frozenset(tags) | {f"{key}={value}" for key, value in tags.items()}
