"""Rules about what stores."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from cloudwarden import Now, Params, Violation, days, rule
from cloudwarden.aws import ec2


class Unattached(Params):
    """How old a volume must be: one just made may be on its way to an instance."""

    min_age: timedelta = Field(default=days(14), ge=timedelta(0))


@rule
def unattached(volume: ec2.Volume, params: Unattached, now: Now) -> Violation | None:
    """A volume that nothing is attached to, made at least `min_age` ago.

    EC2 does not say when a volume was detached. So "unattached for N days" is watched, not read: give the policy
    `grace=days(N)`, and the action is due when the violation has stood that long.
    """
    if volume.attached or not now.reached(volume.created + params.min_age):
        return None
    return Violation(summary=f"{volume.size_gib} GiB {volume.volume_type} volume is attached to nothing")
