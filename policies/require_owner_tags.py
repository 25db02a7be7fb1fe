"""Find instances, security groups and volumes that do not say whose they are."""

from cloudwarden import OBSERVE, Policy, Severity, every
from cloudwarden.aws import ec2
from cloudwarden.library.tagging import RequiredTags, required_tags

OWNER = RequiredTags(keys=("owner",))

tag_instances = Policy(
    name="require-owner-tags-on-instances",
    description="Someone must answer for every instance.",
    rule=required_tags.on(ec2.Instance),
    params=OWNER,
    schedule=every(hours=1),
    mode=OBSERVE,
    severity=Severity.LOW,
)

tag_security_groups = Policy(
    name="require-owner-tags-on-security-groups",
    description="Someone must answer for every security group.",
    rule=required_tags.on(ec2.SecurityGroup),
    params=OWNER,
    schedule=every(hours=1),
    mode=OBSERVE,
    severity=Severity.LOW,
)

tag_volumes = Policy(
    name="require-owner-tags-on-volumes",
    description="Someone must answer for every volume.",
    rule=required_tags.on(ec2.Volume),
    params=OWNER,
    schedule=every(hours=1),
    mode=OBSERVE,
    severity=Severity.LOW,
)
