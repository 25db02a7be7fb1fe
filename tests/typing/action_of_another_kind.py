"""Author mistake: an action that repairs another kind of resource than the rule judges."""

from cloudwarden import Policy, every
from cloudwarden.aws import ec2
from cloudwarden.library.compute import Idle, idle
from cloudwarden.library.storage import Unattached, unattached
from cloudwarden.library.tagging import RequiredTags, required_tags

HOURLY = every(hours=1)

stop = Policy(name="stop", rule=idle, params=Idle(), schedule=HOURLY, action=ec2.SnapshotThenDelete())  # rejected

delete = Policy(name="delete", rule=unattached, params=Unattached(), schedule=HOURLY, action=ec2.Stop())  # rejected

OWNED = RequiredTags(keys=("owner",))
OF_GROUPS = required_tags.on(ec2.SecurityGroup)
tag = Policy(name="tag", rule=OF_GROUPS, params=OWNED, schedule=HOURLY, action=ec2.Start())  # rejected

everything = Policy(name="all", rule=required_tags, params=OWNED, schedule=HOURLY, action=ec2.Stop())  # rejected
