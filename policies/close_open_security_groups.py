"""Flag security groups that are open to the world, and propose to close what should not be."""

from cloudwarden import PROPOSE, Policy, Severity, every, tagged
from cloudwarden.aws import ec2
from cloudwarden.library.network import OpenToTheWorld, open_to_the_world

close_open_security_groups = Policy(
    name="close-open-security-groups",
    description="Only web ports may be open to the world; the other rules are revoked, and no others.",
    rule=open_to_the_world,
    params=OpenToTheWorld(allowed_ports=(80, 443)),
    schedule=every(minutes=15),
    mode=PROPOSE,
    action=ec2.RevokeIngress(),
    exempt=[tagged("open-to-the-world")],
    severity=Severity.HIGH,
)
