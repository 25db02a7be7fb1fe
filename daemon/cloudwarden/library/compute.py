"""Rules about what computes."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from cloudwarden import Now, Params, Violation, days, hours, minutes, rule
from cloudwarden.aws import ec2


class Idle(Params):
    """How little, for how long, is idle.

    The defaults are what an operating system does on its own: patching, logging and monitoring stay below 5 % of
    the CPU and 1,000 bytes a second, and six hours span a lunch break and a long meeting. `window` is at most
    455 days, for which CloudWatch keeps datapoints.
    """

    window: timedelta = Field(default=hours(6), ge=minutes(15), le=days(455))
    max_cpu_percent: float = Field(default=5.0, gt=0, le=100)
    max_network_bytes_per_second: float = Field(default=1000.0, gt=0)


@rule
def idle(instance: ec2.Instance, params: Idle, now: Now, activity: ec2.Activity) -> Violation | None:
    """A running instance whose CPU and network both stayed below the params' limits for the whole window."""
    if not (instance.running and _may_be_stopped(instance)):
        return None
    if not now.reached(instance.launched + params.window):
        return None
    if not activity.stayed_below(
        cpu_percent=params.max_cpu_percent, network_bytes=params.max_network_bytes_per_second, over=params.window
    ):
        return None
    return Violation(
        summary=f"idle for {params.window}: CPU below {params.max_cpu_percent:g} %, "
        f"network below {params.max_network_bytes_per_second:g} bytes/s"
    )


def _may_be_stopped(instance: ec2.Instance) -> bool:
    """Whether stopping it stops it: EC2 refuses for instance store, spot ends or comes back, a group replaces it."""
    return instance.root_device_type == "ebs" and instance.lifecycle is None and instance.auto_scaling_group is None
