"""What was asked of AWS, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloudwarden.core.resource import Scope
from cloudwarden.core.verdict import Cause


@dataclass(frozen=True, kw_only=True)  # without slots it is packed in half the time
class Listed:
    """One kind in one scope was listed, completely or not."""

    run_id: str
    kind: str
    scope: Scope
    resources: int
    problem: Cause | None
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricsRequested:
    """Metric series were asked of CloudWatch in one round: `requested` by the policy that pays, after sharing.

    `shared` is how many more were wanted and were the same series.
    """

    run_id: str
    scope: Scope
    requested: Mapping[str, int]
    shared: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LeasesUsed:
    """Verdicts that still held were given again, without asking for the `series` that they had taken."""

    run_id: str
    verdicts: int
    series: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricsBudgeted:
    """Metric series were taken from the day's budget: `granted` and `refused` in this round, `spent` so far."""

    run_id: str
    granted: int
    spent: int
    budget: int
    refused: int


@dataclass(frozen=True, kw_only=True)  # without slots it is packed in half the time
class CloudCalled:
    """One request to the cloud's API ended. `outcome` is `ok` or the error's reason."""

    service: str
    operation: str
    outcome: str
    seconds: float
    scope: Scope


@dataclass(frozen=True, kw_only=True, slots=True)
class CloudWaited:
    """A request stood still before it was sent: for its turn, or between two attempts."""

    service: str
    scope: Scope
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitLowered:
    """The cloud throttled us, so that we ask more slowly in this scope from now on.

    `limit` names the class of calls; `burst` is how many may go at once after a rest.
    """

    service: str
    scope: Scope
    limit: str
    calls_per_second: float
    burst: float
