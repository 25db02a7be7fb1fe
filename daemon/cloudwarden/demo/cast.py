"""Who plays in the demo: fleets of instances, sets of groups, sets of volumes, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PERIOD_SECONDS = 300
"""Basic EC2 monitoring gives one datapoint every five minutes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What an instance's metrics show: percent of CPU, and bytes in each direction per five minutes.

    A datapoint comes in every `reports_every`-th period. With `bursts_every`, only every so-many-th period is
    loaded, and the others are quiet.
    """

    cpu_percent: float
    network_bytes: float
    reports_every: int = 1
    bursts_every: int = 1

    def at(self, period: int, member: int) -> tuple[float, float] | None:
        """CPU and network in the period with this number, for one member of a fleet; None is no datapoint."""
        if period % self.reports_every:
            return None
        loaded = (period + member) % self.bursts_every == 0
        share = (0.8 + 0.04 * ((period * 7 + member * 3) % 11)) if loaded else 0.01
        return self.cpu_percent * share, self.network_bytes * share


QUIET = Load(cpu_percent=0.9, network_bytes=20_000)
LOADED = Load(cpu_percent=55, network_bytes=900_000_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fleet:
    """Instances of one role: how many, what their metrics show (None is nothing at all), and their tags."""

    role: str
    count: int
    load: Load | None
    tags: Mapping[str, str] = field(default_factory=dict)
    running: bool = True


FLEETS = (
    Fleet(role="idle", count=12, load=QUIET, tags={"Name": "report-worker", "owner": "data"}),
    Fleet(role="busy", count=12, load=LOADED, tags={"Name": "shop-api", "owner": "shop"}),
    Fleet(
        role="bursty",
        count=4,
        load=Load(cpu_percent=70, network_bytes=500_000_000, bursts_every=6),
        tags={"Name": "half-hourly-import", "owner": "data"},
    ),
    Fleet(role="silent", count=4, load=None, tags={"Name": "no-agent", "owner": "shop"}),
    Fleet(
        role="half-silent",
        count=6,
        load=Load(cpu_percent=0.9, network_bytes=20_000, reports_every=2),
        tags={"Name": "flaky-sensor", "owner": "iot"},
    ),
    Fleet(role="kept", count=2, load=QUIET, tags={"Name": "licence-server", "owner": "it", "keep-running": "yes"}),
    Fleet(role="protected", count=1, load=QUIET, tags={"Name": "mail-relay", "owner": "it"}),
    Fleet(
        role="hands-off",
        count=1,
        load=QUIET,
        tags={"Name": "payroll", "owner": "finance", "cloudwarden:hands-off": "true"},
    ),
    Fleet(role="stopped", count=20, load=None, tags={"Name": "old-build-node"}, running=False),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """Who may reach which TCP port; port None is every port of every protocol."""

    cidrs: tuple[str, ...]
    port: int | None


MISTAKE = Opening(cidrs=("0.0.0.0/0",), port=22)
"""What somebody opens in a hurry while the demo runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Groups:
    """Security groups of one role: how many, and what each lets in."""

    role: str
    count: int
    opening: Opening
    owner: str | None = "platform"


GROUPS = (
    Groups(role="closed", count=70, opening=Opening(cidrs=("10.0.0.0/8",), port=5432)),
    Groups(role="public-web", count=16, opening=Opening(cidrs=("0.0.0.0/0", "::/0"), port=443)),
    Groups(role="open", count=6, opening=Opening(cidrs=("0.0.0.0/0",), port=22), owner=None),
    Groups(role="ipv6-open", count=4, opening=Opening(cidrs=("::/0",), port=3389)),
    Groups(role="all-open", count=2, opening=Opening(cidrs=("0.0.0.0/0",), port=None), owner=None),
    Groups(role="half-and-half", count=2, opening=Opening(cidrs=("0.0.0.0/1", "128.0.0.0/1"), port=22)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Volumes:
    """Unattached volumes of one role: how many, and how many days ago they were made."""

    role: str
    count: int
    age_days: int
    owner: str | None = "data"


VOLUMES = (
    Volumes(role="forgotten", count=12, age_days=30),
    Volumes(role="forgotten-by-nobody", count=6, age_days=90, owner=None),
    Volumes(role="young", count=6, age_days=1),
)
