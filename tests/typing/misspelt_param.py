"""Author mistake: a param, or a field of the policy, by a name that does not exist."""

from cloudwarden import Params, Policy, Violation, every, hours, rule
from cloudwarden.aws import ec2
from cloudwarden.library.compute import Idle, idle
from cloudwarden.library.network import OpenToTheWorld

too_plural = Idle(windows=hours(6))  # rejected

unitless = Idle(window=hours(6), max_cpu=5.0)  # rejected

american = OpenToTheWorld(allowed_port=(80, 443))  # rejected

graceful = Policy(name="idle", rule=idle, params=Idle(), schedule=every(hours=1), gracetime=hours(2))  # rejected


class Size(Params):
    """Params of an author's own."""

    max_vcpus: int = 8


@rule
def too_large(instance: ec2.Instance, params: Size) -> Violation | None:
    """Reads a param that the class does not have."""
    if instance.instance_type.endswith("metal") and params.max_cpus > 8:  # rejected
        return Violation(summary="too large")
    return None


@rule
def too_old(instance: ec2.Instance, params: Size) -> Violation | None:
    """Reads a field that the resource does not have."""
    del params
    return Violation(summary="too old") if instance.launch_time else None  # rejected
