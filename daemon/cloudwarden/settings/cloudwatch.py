"""What CloudWatch may cost, as settings."""

from __future__ import annotations

from pydantic import Field

from cloudwarden.settings.written import Table


class CloudWatchSettings(Table):
    """What CloudWatch may cost."""

    metrics_per_day: int = Field(
        default=1_000_000,
        ge=1,
        description="metrics, default 1000000: GetMetricData costs $0.01 per 1,000, so at most $10 from one UTC "
        "midnight to the next; a policy that asks for too much is noticed on its first day and not on the invoice. "
        "What is over it is unknown, in this order: policies of severity low wait from 70 % of it on, medium from "
        "80 %, high from 90 %; within a severity the one with the shorter interval is asked first. What `explain` and "
        "`doctor` ask counts too.",
    )
