"""Find public addresses that lead nowhere and cost all the same."""

from cloudwarden import OBSERVE, NoParams, Policy, Severity, every, tagged
from cloudwarden.library.network import unassociated

flag_unassociated_addresses = Policy(
    name="flag-unassociated-addresses",
    description="An Elastic IP address that nothing uses is paid for by the hour: release it, or use it.",
    rule=unassociated,
    params=NoParams(),
    schedule=every(hours=1),
    mode=OBSERVE,
    wasteful=True,
    exempt=[tagged("keep")],
    severity=Severity.LOW,
)
