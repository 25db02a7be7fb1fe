"""Author mistake: params that belong to another rule, or that are none."""

from cloudwarden import Policy, every
from cloudwarden.aws import ec2
from cloudwarden.library.compute import Idle, idle
from cloudwarden.library.storage import Unattached, unattached
from cloudwarden.library.tagging import RequiredTags, required_tags

HOURLY = every(hours=1)

idle_volume = Policy(name="idle", rule=idle, params=Unattached(), schedule=HOURLY)  # rejected

old_volume = Policy(name="old", rule=unattached, params=Idle(), schedule=HOURLY)  # rejected

by_dict = Policy(name="dict", rule=idle, params={"max_cpu_percent": 5.0}, schedule=HOURLY)  # rejected

of_kind = Policy(name="kind", rule=required_tags.on(ec2.Volume), params=Unattached(), schedule=HOURLY)  # rejected

none = Policy(name="none", rule=idle, schedule=HOURLY)  # rejected

keyless = RequiredTags()  # rejected
