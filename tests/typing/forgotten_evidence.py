"""Author mistake: evidence that is used and not declared, or declared and not given."""

from cloudwarden import NoParams, Now, Violation, hours, rule
from cloudwarden.aws import ec2
from cloudwarden.library.compute import Idle, idle


@rule
def busy(instance: ec2.Instance, params: NoParams) -> Violation | None:
    """Uses what its signature does not ask for."""
    del instance, params
    calm = activity.cpu_percent.stayed_below(5.0, over=hours(1))  # rejected  # noqa: F821  # what the file shows
    return None if calm else Violation(summary="busy")


@rule
def recent(instance: ec2.Instance, params: NoParams, now: Now) -> Violation | None:
    """Asks the clock for what only metrics tell."""
    del instance, params
    return Violation(summary="recent") if now.cpu_percent else None  # rejected


@rule  # rejected
def misdeclared(instance: ec2.Instance, params: NoParams, threshold: float) -> Violation | None:
    """Declares as evidence what is none."""
    del instance, params
    return Violation(summary="above") if threshold else None


def without_any(instance: ec2.Instance) -> Violation | None:
    """Calls a rule without its evidence."""
    return idle(instance, Idle())  # rejected


def without_one(instance: ec2.Instance, activity: ec2.Activity) -> Violation | None:
    """Calls a rule with half of its evidence."""
    return idle(instance, Idle(), activity)  # rejected
