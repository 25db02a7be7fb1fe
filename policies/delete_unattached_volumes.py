"""Delete EBS volumes that nobody attached for two weeks, after a snapshot of each."""

from cloudwarden import PROPOSE, Policy, Severity, days, every, tagged
from cloudwarden.aws import ec2
from cloudwarden.library.storage import Unattached, unattached

delete_unattached_volumes = Policy(
    name="delete-unattached-volumes",
    description="A volume that stayed unattached through the grace is deleted once its snapshot is complete.",
    rule=unattached,
    params=Unattached(min_age=days(14)),
    schedule=every(hours=1),
    mode=PROPOSE,
    action=ec2.SnapshotThenDelete(),
    grace=days(14),
    exempt=[tagged("keep")],
    severity=Severity.LOW,
)
